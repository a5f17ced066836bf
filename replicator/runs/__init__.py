"""The stories: what each command does, from the first connection to the last. Read clone.py first."""
