"""What a database holds is dropped, some hundred objects at a time: by `clean`, and by `--replace drop`."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from replicator import events
from replicator.errors import PreflightFailed
from replicator.events import Emit, listed
from replicator.journal import ownership
from replicator.sessions import failures, postgres
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement

OWN_SCHEMAS = """
SELECT quote_ident(nspname)
  FROM pg_namespace n
 WHERE oid >= 16384
   AND nspname !~ '^pg_(toast_)?temp_'
   AND nspname <> %s
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
 ORDER BY nspname
"""
# With columns, defaults, constraints, triggers and so on of what is in the schemas.
INSIDE = """
  WITH RECURSIVE inside AS (
       SELECT 'pg_namespace'::regclass::oid AS classid, oid AS objid, 0 AS objsubid
         FROM pg_namespace
        WHERE quote_ident(nspname) = ANY (%s)
        UNION
       SELECT d.classid, d.objid, d.objsubid
         FROM inside i
         JOIN pg_depend d ON d.refclassid = i.classid AND d.refobjid = i.objid
        WHERE d.deptype IN ('a', 'i', 'P') OR i.classid = 'pg_namespace'::regclass
     )
SELECT classid, objid, objsubid, pg_describe_object(classid, objid, objsubid)
  FROM (SELECT classid, objid, objsubid
          FROM inside
         UNION
        SELECT i.classid, i.objid, a.attnum
          FROM inside i
          JOIN pg_attribute a ON a.attrelid = i.objid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE i.classid = 'pg_class'::regclass) AS everything
"""

# Disabled, as a copy's are. They name the slots of the source's, which must not be dropped with them.
SUBSCRIPTIONS = """
SELECT format('ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP SUBSCRIPTION %1$I', s.subname)
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid
 WHERE d.datname = current_database()
   AND NOT s.subenabled
"""


def staying(conn: Connection, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the schemas that a database has besides these. All names are quoted where they must be."""
    ours = {name.replace('"', "") for name in wanted}
    rows = conn.execute(OWN_SCHEMAS, [ownership.SCHEMA]).fetchall()
    return tuple(name for (name,) in rows if name.replace('"', "") not in ours)


def empty(
    conn: Connection, kept: Sequence[str] = (), extensions: Sequence[str] = (), begin: Callable[[], None] | None = None
) -> int:
    """Drop all that a database holds but the journal, these schemas and extensions. Returns how many objects it was.

    Each batch is a transaction: what was dropped when it ends in the middle is gone. `begin` is called in the first.
    """
    dropped = 0
    # What CASCADE takes along is gone when its turn comes: read anew until nothing is left.
    while statements := conn.execute(_leaving("leftovers", conn, kept, extensions)).fetchall():
        with conn.transaction():
            if begin and not dropped:
                begin()
            for (drop,) in statements:
                conn.execute(drop)
        dropped += len(statements)
    with conn.transaction():
        drop_subscriptions(conn)
        for (back,) in conn.execute(_leaving("reset", conn, kept, extensions)).fetchall():
            conn.execute(back)
    return dropped


def _leaving(name: str, conn: Connection, kept: Sequence[str], extensions: Sequence[str]) -> bytes:
    query = statement(__package__, name, conn)
    for place, names in ((b"<kept>", kept), (b"<extensions>", extensions)):
        query = query.replace(place, sql.Literal(list(names)).as_bytes(conn))
    return query


def occupied(conn: Connection) -> list[str]:
    """Return what keeps a database from counting as empty, as a person calls it."""
    return [what for (what,) in conn.execute(statement(__package__, "occupied")).fetchall()]


def reset(conn: Connection) -> list[str]:
    """Return the statements that make default privileges and the schema public what they are in a new database."""
    return [statement for (statement,) in conn.execute(_leaving("reset", conn, (), ())).fetchall()]


def not_ours(conn: Connection) -> list[str]:
    """Return the extensions that this role may not drop: they stay."""
    rows = conn.execute("SELECT extname::text FROM pg_extension WHERE NOT pg_has_role(extowner, 'USAGE')").fetchall()
    return [name for (name,) in rows]


def drop_subscriptions(conn: Connection) -> None:
    """Drop the disabled subscriptions of this database, and no slot anywhere."""
    for (drop,) in conn.execute(SUBSCRIPTIONS).fetchall():
        conn.execute(drop)


@contextmanager
def emptied(conn: Connection, kept: Sequence[str], emit: Emit) -> Iterator[None]:
    """Empty a database for the time of the `with`: it is tried, and rolled back.

    Raises PreflightFailed where something may not be dropped, or takes along what is in a schema that is to stay.
    """
    with conn.transaction(force_rollback=True):
        before = _inside(conn, kept)
        try:
            with events.saying(emit, "Trying to drop the destination's objects"), conn.transaction():
                empty(conn, kept, not_ours(conn))
                lost = sorted(before[key] for key in before.keys() - _inside(conn, kept).keys())
        except psycopg.errors.OutOfMemory:  # of room for locks
            emit(events.Note("Too many objects to try dropping them first: for that, raise max_locks_per_transaction."))
            lost = []
        except psycopg.errors.InsufficientPrivilege as error:
            raise PreflightFailed(
                f"The destination's objects cannot be dropped: {failures.one_line(error)}",
                hint="Connect as their owner or as a superuser.",
            ) from error
        if lost:
            raise PreflightFailed(
                "Objects in schemas that stay depend on objects that would be dropped, and would be dropped with them:"
                f" {listed(lost)}.",
                hint="Drop these objects by hand, or move what they depend on into a schema that stays.",
            )
        yield
    postgres.flush(conn)


def _inside(conn: Connection, schemas: Collection[str]) -> dict[tuple[int, int, int], str]:
    """Return all that is in these schemas, by its address."""
    rows = conn.execute(INSIDE, [list(schemas)]).fetchall()
    return {(classid, objid, objsubid): text for classid, objid, objsubid, text in rows}
