"""Which databases of a server are copied: all that can be connected to, as by pg_dumpall, but no standard template.

Reference: pg_dumpall.c dumpDatabases, expand_dbname_patterns (18.6).
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import psycopg
from psycopg import conninfo

from replicator.catalog.patterns import matcher
from replicator.errors import PreflightFailed, ReplicatorError, UsageError
from replicator.events import listed
from replicator.runs.all_databases.record import RECORD
from replicator.sessions import postgres
from replicator.sessions.postgres import Connection
from replicator.work import emptying

STANDARD = ("template0", "template1")
"""Every server has them."""
DEFAULT = "postgres"
"""The database to connect to if none is named."""
DATABASES = """
SELECT d.datname::text
     , CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                 OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
            THEN pg_catalog.pg_database_size(d.oid) ELSE 0 END
     , CASE WHEN d.datconnlimit = -2 THEN 'its DROP DATABASE was interrupted'
            WHEN NOT d.datallowconn THEN 'it allows no connections'
       END
  FROM pg_catalog.pg_database d
 WHERE d.datname <> ALL (%s)
 ORDER BY 2 DESC, 1
"""


class Patterns(NamedTuple):
    """Which databases: patterns of their names as in psql, or `/regular expressions/`."""

    include: Sequence[str] = ()
    """Empty: all."""
    exclude: Sequence[str] = ()
    """These win."""


class Database(NamedTuple):
    """A database of the source's server, and its size on disk."""

    name: str
    bytes: int


class Listed(NamedTuple):
    """The databases to copy, the largest first, and texts about what no pattern leaves out, but cannot be copied."""

    databases: list[Database]
    left_out: list[str]


def with_database(dsn: str) -> str:
    """Return a conninfo for a server: if it names no database, with the maintenance database."""
    try:
        postgres.database_name(dsn)
    except UsageError:
        return conninfo.make_conninfo(dsn, dbname=DEFAULT)
    return dsn


def read(dsn: str, conn: Connection, patterns: Patterns, *, allow_empty: bool) -> Listed:
    """List the databases of a server. Raises UsageError if a pattern matches none, PreflightFailed if none is left.

    `dsn` is for a further connection, which looks into template1.
    """
    rows = conn.execute(DATABASES, [[*STANDARD, RECORD]]).fetchall()
    include, exclude = ([_search(pattern) for pattern in each] for each in patterns)
    names = sorted(name for name, _, _ in rows)
    for pattern, search in zip((*patterns.include, *patterns.exclude), (*include, *exclude), strict=True):
        if not allow_empty and not any(map(search.search, names)):
            raise UsageError(
                f"The pattern {pattern} matches no database of the source's server.",
                hint=f"It has {listed(names)}. --allow-empty-patterns accepts such a pattern.",
            )
    chosen = [
        row
        for row in rows
        if (not include or any(each.search(row[0]) for each in include))
        and not any(each.search(row[0]) for each in exclude)
    ]
    left_out = [f'database "{name}": {obstacle}' for name, _, obstacle in chosen if obstacle]
    if not patterns.include and (contents := _of_template(dsn)):
        left_out.append(f"template1, which has {listed(contents)}: every new database of the source's server gets that")
    databases = [Database(name, size) for name, size, obstacle in chosen if not obstacle]
    if not databases:
        raise PreflightFailed("No database of the source's server is left to copy.", hint="Check the patterns.")
    return Listed(databases, left_out)


def names(conn: Connection) -> set[str]:
    """Return the names of all databases of a server."""
    return {name for (name,) in conn.execute("SELECT datname::text FROM pg_catalog.pg_database").fetchall()}


def _search(pattern: str) -> re.Pattern[str]:
    """Return what to search for in a name.

    >>> [bool(_search(pattern).search("shop_eu")) for pattern in ("shop*", "SHOP_EU", "/eu$/", "shop", '"Shop*"')]
    [True, True, True, False, False]
    """
    if len(pattern) > 2 and pattern.startswith("/") and pattern.endswith("/"):
        try:
            return re.compile(pattern[1:-1])
        except re.error as error:
            raise UsageError(f"The pattern {pattern} is no regular expression: {error}.") from None
    if pattern.count('"') % 2:
        raise UsageError(f"{pattern!r} is no pattern for a database: a double quote is missing.")
    return re.compile(rf"\A(?:{matcher(pattern).pattern})\Z", re.DOTALL)


def _of_template(dsn: str) -> list[str]:
    """Return what somebody put into template1; nothing if it cannot be read."""
    template = conninfo.make_conninfo(dsn, dbname="template1")
    with suppress(psycopg.Error, ReplicatorError), postgres.connect(template, application="probe") as conn:
        return emptying.occupied(conn)
    return []
