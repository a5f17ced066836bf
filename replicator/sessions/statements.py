"""SQL statements from files, each beside the module that runs it."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

FROM_VERSION = re.compile(r"--(\d+)\+\s*$")
BEFORE_VERSION = re.compile(r"^(\s*)--<(\d+) ")


def for_version(text: str, major: int) -> str:
    """Return a statement for a server of this major version.

    A line that ends in `--14+` is for 14 and newer; a line that begins with `--<14 ` is for older versions.

    >>> for_version("SELECT a --14+\\n--<14 SELECT b", 13)
    'SELECT b'
    """
    lines = []
    for line in text.splitlines():
        since = FROM_VERSION.search(line)
        before = BEFORE_VERSION.match(line)
        if (since is None or major >= int(since[1])) and (before is None or major < int(before[2])):
            lines.append(before[1] + line[before.end() :] if before else line)
    return "\n".join(lines)


def statement(package: str | None, name: str, server: psycopg.Connection[Any] | int | None = None) -> bytes:
    """Return the file `<name>.sql` of a package (`__package__`: the caller's own).

    `server` is a connection or a major version, for files with lines that depend on the version.
    """
    assert package is not None
    major = server.info.server_version // 10000 if isinstance(server, psycopg.Connection) else server
    return _read(package, name, major)


@cache
def _read(package: str, name: str, major: int | None) -> bytes:
    text = files(package).joinpath(f"{name}.sql").read_text("ascii")
    return (for_version(text, major) if major else text).encode()
