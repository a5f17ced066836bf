"""What people and programs see of a run: progress while it goes on, and the report at its end."""
