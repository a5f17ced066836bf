"""One module per command, each read from top to bottom. Start with clone.py."""
