"""Large objects: created with their OIDs and their data, then owned as on the source.

Their comments and privileges are objects of the plan as everything else's are (kinds comment and acl).
"""

from collections.abc import Callable

from psycopg import sql

from replicator import postgres
from replicator.model import LargeObjects
from replicator.postgres import Connection

PIECE_BYTES = 1024 * 1024
AT_ONCE = 100
AT_ONCE_BYTES = 4 * PIECE_BYTES

READ = "SELECT oid::bigint, lo_get(oid, 0, %s) FROM pg_largeobject_metadata WHERE oid BETWEEN %s AND %s ORDER BY oid"
OWNERS = """
SELECT pg_get_userbyid(lomowner), array_agg(oid::bigint)
  FROM pg_largeobject_metadata
 WHERE oid BETWEEN %s AND %s
 GROUP BY lomowner
"""


def copy_range(
    source: Connection,
    destination: Connection,
    range: LargeObjects,
    moved: Callable[[int], None],
    *,
    owners: bool,
) -> int:
    """Copy the large objects of a range. Returns how many; an object above a megabyte goes in pieces."""
    count = 0
    waiting: list[tuple[int, bytes]] = []
    long: list[int] = []
    with source.cursor(binary=True) as cursor:
        for oid, data in cursor.stream(READ, [PIECE_BYTES, range.first, range.last]):
            count += 1
            waiting.append((oid, data))
            if len(data) == PIECE_BYTES:
                long.append(oid)
            if len(waiting) >= AT_ONCE or sum(len(data) for _, data in waiting) >= AT_ONCE_BYTES:
                _create(destination, waiting, moved)
    _create(destination, waiting, moved)
    for oid in long:
        _append_rest(source, destination, oid, moved)
    if owners:
        _give(source, destination, range)
    return count


def _create(destination: Connection, objects: list[tuple[int, bytes]], moved: Callable[[int], None]) -> None:
    """Create objects with their first piece, in one round trip, and empty the list."""
    if not objects:
        return
    with postgres.on("destination"), destination.cursor() as cursor:
        cursor.executemany("SELECT lo_from_bytea(%b::bigint::oid, %b)", objects)
    moved(sum(len(data) for _, data in objects))
    objects.clear()


def _append_rest(source: Connection, destination: Connection, oid: int, moved: Callable[[int], None]) -> None:
    offset = PIECE_BYTES
    while True:
        query = "SELECT lo_get(%s::bigint::oid, %s, %s)"
        (data,) = source.execute(query, [oid, offset, PIECE_BYTES], binary=True).fetchall()[0]
        if data:
            with postgres.on("destination"):
                destination.execute("SELECT lo_put(%s::bigint::oid, %s, %b)", [oid, offset, data])
            moved(len(data))
            offset += len(data)
        if len(data) < PIECE_BYTES:
            return


def _give(source: Connection, destination: Connection, range: LargeObjects) -> None:
    user = destination.execute("SELECT current_user").fetchall()[0][0]
    for owner, oids in source.execute(OWNERS, [range.first, range.last]).fetchall():
        if owner != user:
            role = sql.Identifier(owner)
            statements = [sql.SQL("ALTER LARGE OBJECT {} OWNER TO {}").format(sql.Literal(oid), role) for oid in oids]
            with postgres.on("destination"):
                destination.execute(sql.SQL("; ").join(statements))
