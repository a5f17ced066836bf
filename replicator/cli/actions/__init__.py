"""What each command does: loaded when it is given, since the library takes a while to load."""

ABSENT = "There is no such database, so there is no unfinished clone in it. Is its name correct?"
