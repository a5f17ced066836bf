"""What each command does: loaded when it is given, since the library takes a while to load."""
