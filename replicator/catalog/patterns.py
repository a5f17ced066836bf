"""Patterns of names as in psql: `*` and `?` are wildcards; text in double quotes is literal, the rest lower case."""

import re

QUOTED = re.compile(r'"((?:[^"]|"")*)"')
WILD = {"*": ".*", "?": "."}


def matcher(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for a whole unquoted name.

    >>> [bool(matcher(pattern).fullmatch("uuid-ossp")) for pattern in ("uuid-ossp", "UUID*", '"UUID-ossp"', '"uuid*"')]
    [True, True, False, False]
    """
    parts = QUOTED.split(pattern)  # odd elements were quoted
    parts[1::2] = [re.escape(part.replace('""', '"')) for part in parts[1::2]]
    parts[::2] = ["".join(WILD.get(c, re.escape(c)) for c in part.lower()) for part in parts[::2]]
    return re.compile("".join(parts), re.DOTALL)
