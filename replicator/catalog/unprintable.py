"""Finds objects that a server cannot print: they stop every dump program, so their names are worth a search."""

from collections.abc import Iterator, Sequence

import psycopg

from replicator.catalog.read import kind_rows, readable_kinds
from replicator.model import kind_words
from replicator.sessions.postgres import Connection


def unprintable(conn: Connection) -> Iterator[str]:
    """Yield the objects on which the server fails with an internal error, as pg_describe_object names them.

    If the failure is in something computed for all objects of a kind, such as the defaults of tables, only the kind is
    known. Raises LockNotAvailable instead of waiting for a session that changes a table, which may wait for ours.
    """
    conn.execute("SET lock_timeout = '1s'")
    for kind in readable_kinds(conn):
        rows = b"FROM (\n" + kind_rows(kind, conn.info.server_version // 10000) + b"\n) AS kind"
        if not _fails(conn, rows):
            continue
        addresses = conn.execute(b"SELECT classid::oid, objid::oid " + rows).fetchall()
        broken = list(_broken(conn, rows, addresses))
        if len(broken) == len(addresses) > 1:
            yield f"some object of kind {kind_words(kind.name)}"
            continue
        for address in broken:
            yield conn.execute("SELECT pg_describe_object(%s, %s, 0)", address).fetchall()[0][0]


def _broken(conn: Connection, rows: bytes, addresses: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Bisect the failing objects down to single ones."""
    if addresses and _fails(conn, rows, [objid for _, objid in addresses]):
        if len(addresses) == 1:
            yield addresses[0]
            return
        half = len(addresses) // 2
        yield from _broken(conn, rows, addresses[:half])
        yield from _broken(conn, rows, addresses[half:])


def _fails(conn: Connection, rows: bytes, only: Sequence[int] | None = None) -> bool:
    objects = b"" if only is None else f" WHERE objid = ANY ('{{{','.join(map(str, only))}}}'::oid[])".encode()
    try:
        conn.execute(b"SELECT * " + rows + objects)
    except psycopg.errors.InternalError_:
        return True
    return False
