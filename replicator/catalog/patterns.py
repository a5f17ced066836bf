"""Patterns of names as psql has them: `*` and `?`, what is in double quotes exactly, all else in lower case."""

import re

QUOTED = re.compile(r'"((?:[^"]|"")*)"')
WILD = {"*": ".*", "?": "."}


def matcher(pattern: str) -> re.Pattern[str]:
    """Return what matches all of a bare name.

    >>> [bool(matcher(pattern).fullmatch("uuid-ossp")) for pattern in ("uuid-ossp", "UUID*", '"UUID-ossp"', '"uuid*"')]
    [True, True, False, False]
    """
    parts = QUOTED.split(pattern)  # the quoted ones have the odd places
    parts[1::2] = [re.escape(part.replace('""', '"')) for part in parts[1::2]]
    parts[::2] = ["".join(WILD.get(c, re.escape(c)) for c in part.lower()) for part in parts[::2]]
    return re.compile("".join(parts), re.DOTALL)
