"""Does replicator know every system catalog and column of a server? It can neither copy nor compare unknown ones."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files

from replicator.model import Finding
from replicator.sessions.postgres import Connection

NEWEST = 19
"""The newest major version whose pg_dump was read: see tests/news.py."""
COLUMNS = """
SELECT c.relname::text
     , array_agg(a.attname::text ORDER BY a.attnum)
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'pg_catalog'::regnamespace
   AND c.relkind = 'r'
   AND c.oid < 16384
 GROUP BY c.relname
 ORDER BY c.relname
"""
"""Only the server's own catalogs: extensions have put tables of theirs into pg_catalog."""


def check_known(server: str, conn: Connection, *, allowed: bool) -> Iterator[Finding]:
    """Yield a finding if a server is newer than replicator knows, and each unknown catalog or column."""
    major = conn.info.server_version // 10000
    found: dict[str, list[str]] = dict(conn.execute(COLUMNS).fetchall())
    if major > NEWEST:
        yield Finding(
            f"The {server} runs PostgreSQL {major}, but this replicator supports versions up to {NEWEST}: it would"
            " neither"
            " copy nor compare what is new.",
            "" if allowed else "Upgrade replicator, or accept that with --allow-unknown-version.",
            fatal=not allowed,
            object=f"PostgreSQL {major}",
            server=server,
        )
    for what in unknown(found):
        yield Finding(
            f"The {server} has {what}, which this replicator does not know and does not copy.",
            fatal=False,
            object=what,
            server=server,
        )


def unknown(found: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield the catalogs and columns among these that no supported version has.

    >>> list(unknown({"pg_transform": ["oid", "trfnew"], "pg_newer": ["oid"]}))
    ['the column pg_transform.trfnew', 'the catalog pg_newer']
    """
    known = _known()
    for table, columns in found.items():
        if table not in known:
            yield f"the catalog {table}"
        else:
            yield from (f"the column {table}.{column}" for column in columns if column not in known[table])


@cache
def _known() -> Mapping[str, frozenset[str]]:
    lines = files("replicator.checks").joinpath("known.txt").read_text("ascii").splitlines()
    return {table: frozenset(columns) for table, *columns in map(str.split, lines)}
