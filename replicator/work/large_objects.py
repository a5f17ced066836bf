"""Large objects: each with its OID, its bytes, its owner, its privileges and its comment, a range of them at a time.

There may be millions, so they are not single objects of the plan: one statement creates hundreds, and a privilege is
granted once for all that have it. The owner creates an object, so that no ALTER locks it; grants and comments lock each
object until the end of the transaction, which limits the size of a range (catalog/large_objects.sql).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from operator import itemgetter

from psycopg import sql

from replicator.model import LargeObjects
from replicator.sessions import failures, postgres
from replicator.sessions.naming import named
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement

PIECE_BYTES = 512 * 1024
"""The piece of an object that is read and written at once; a worker holds it in memory two or three times."""
LAST_OID = 2**32 - 1
AT_ONCE = 500
AT_ONCE_BYTES = PIECE_BYTES

READ = """
SELECT pg_get_userbyid(lomowner)::text, oid::bigint, lo_get(oid, 0, %s)
  FROM pg_largeobject_metadata
 WHERE oid BETWEEN %s AND %s
 ORDER BY lomowner, oid
"""
CREATE = "SELECT count(lo_from_bytea(o.oid::oid, o.data)) FROM unnest(%b::bigint[], %b::bytea[]) AS o (oid, data)"
SEEK_END, INV_READ = 2, 0x40000
LENGTH = "SELECT lo_lseek64(fd, 0, %s), lo_close(fd) FROM lo_open(%s::bigint::oid, %s) AS fd"
READ_ON = "SELECT at, lo_get(%s::bigint::oid, at, %s) FROM generate_series(%s::bigint, %s::bigint, %s) AS at"
WRITE_ON = "SELECT lo_put(%s::bigint::oid, %s, %b)"


def copy_range(source: Connection, destination: Connection, range: LargeObjects, moved: Callable[[int], None]) -> int:
    """Copy the large objects of a range, long ones in pieces. Returns how many."""
    count = 0
    long: list[tuple[str, int]] = []
    read = named(READ.encode(), source, dict(range.roles), parameters=True)
    with postgres.stream(source, read, [PIECE_BYTES, range.first, range.last], binary=True) as rows:
        for owner, owned in groupby(rows, key=itemgetter(0)):
            _as(destination, owner if range.owners else None)
            for oids, pieces in _portions(owned):
                with failures.on("destination"):
                    destination.execute(CREATE, [oids, pieces])
                moved(sum(map(len, pieces)))
                count += len(oids)
                long += [(owner, oid) for oid, piece in zip(oids, pieces, strict=True) if len(piece) == PIECE_BYTES]
    for owner, oid in long:
        _as(destination, owner if range.owners else None)
        _write_on(source, destination, oid, moved)
    _say(source, destination, range)
    _as(destination, None)
    return count


def _portions(objects: Iterable[tuple[str, int, bytes]]) -> Iterator[tuple[list[int], list[bytes]]]:
    """Yield OIDs and first pieces in groups that are created by one statement."""
    oids: list[int] = []
    pieces: list[bytes] = []
    size = 0
    for _, oid, piece in objects:
        oids.append(oid)
        pieces.append(piece)
        size += len(piece)
        if len(oids) == AT_ONCE or size >= AT_ONCE_BYTES:
            yield oids, pieces
            oids, pieces, size = [], [], 0
    if oids:
        yield oids, pieces


def _write_on(source: Connection, destination: Connection, oid: int, moved: Callable[[int], None]) -> None:
    """Write the rest of an object after its first piece, while the source sends one piece after another."""
    length = source.execute(LENGTH, [SEEK_END, oid, INV_READ]).fetchall()[0][0]
    values = [oid, PIECE_BYTES, PIECE_BYTES, length - 1, PIECE_BYTES]
    with postgres.stream(source, READ_ON, values, binary=True) as rows:
        for at, piece in rows:
            with failures.on("destination"):
                destination.execute(WRITE_ON, [oid, at, piece])
            moved(len(piece))


def _say(source: Connection, destination: Connection, range: LargeObjects) -> None:
    """Set the privileges and comments of a range's objects: one message for each role."""
    asked = named(statement(__package__, "large_object_words", source), source, dict(range.roles), parameters=True)
    words = source.execute(asked, asdict(range))
    for (role, owner), rows in groupby(words.fetchall(), key=itemgetter(0, 1)):
        _as(destination, role if range.owners or role != owner else None)
        with failures.on("destination"):
            destination.execute(";\n".join(text for _, _, text in rows))


def without_gaps(source: Sequence[LargeObjects], destination: Sequence[LargeObjects]) -> list[LargeObjects]:
    """Return the ranges to compare: the source's, widened to cover all OIDs; none if neither side has any.

    >>> [(r.first, r.last) for r in without_gaps([LargeObjects(5, 7, 3), LargeObjects(9, 12, 2)], [])]
    [(0, 8), (9, 4294967295)]
    """
    ranges = source or destination[:1]
    lasts = [*(r.first - 1 for r in ranges[1:]), LAST_OID]
    return [
        replace(r, first=r.first if number else 0, last=last)
        for number, (r, last) in enumerate(zip(ranges, lasts, strict=False))
    ]


def hashes(conn: Connection, range: LargeObjects, role: str, said: str) -> str:
    """Return the query for the OIDs and hashes of a range's large objects: of all that is copied of them.

    `role` created them on the destination if owners are not copied; `said` is the expression for the bytes of
    `word.said` that are the same on both servers.
    """
    values = {**asdict(range), "role": sql.Literal(role).as_string(conn), "said": said}
    query = named(statement(__package__, "large_objects_hash", conn), conn, dict(range.roles), parameters=True)
    return query.decode(conn.info.encoding) % values


def _as(destination: Connection, role: str | None) -> None:
    """Switch to this role until the end of the transaction, or to the session's own for None."""
    to = sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)) if role else sql.SQL("RESET ROLE")
    with failures.on("destination"):
        destination.execute(to)
