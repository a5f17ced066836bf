"""Drops the contents of a database, some hundred objects at a time: for `clean` and `--replace drop`."""

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
 WHERE (oid >= 16384 OR oid = 2200 AND nspname <> 'public')  -- a schema public that was renamed is a user's
   AND nspname !~ '^pg_(toast_)?temp_'
   AND nspname <> %s
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
 ORDER BY nspname
"""
# Including columns, defaults, constraints, triggers and so on of the objects in the schemas.
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

# Disabled, as a copy's are. They name the slots of the source's subscriptions, which must survive.
SUBSCRIPTIONS = """
SELECT format('ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP SUBSCRIPTION %1$I', s.subname)
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid
 WHERE d.datname = current_database()
   AND NOT s.subenabled
"""


def staying(conn: Connection, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the schemas that a database has besides these. All names are quoted as needed."""
    ours = {name.replace('"', "") for name in wanted}
    rows = conn.execute(OWN_SCHEMAS, [ownership.SCHEMA]).fetchall()
    return tuple(name for (name,) in rows if name.replace('"', "") not in ours)


def empty(
    conn: Connection, kept: Sequence[str] = (), extensions: Sequence[str] = (), begin: Callable[[], None] | None = None
) -> int:
    """Drop everything in a database except the journal, these schemas and extensions. Returns the number of objects.

    Each batch is a transaction: an interruption leaves the database partly empty. `begin` is called in the first.
    """
    dropped = 0
    # CASCADE also drops objects of later batches: read the list again until nothing is left.
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
    """Return what makes a database count as not empty, in the names that people use."""
    return [what for (what,) in conn.execute(statement(__package__, "occupied")).fetchall()]


def reset(conn: Connection) -> list[str]:
    """Return the statements that reset default privileges and the schema public to those of a new database."""
    return [statement for (statement,) in conn.execute(_leaving("reset", conn, (), ())).fetchall()]


def not_ours(conn: Connection) -> list[str]:
    """Return the extensions that this role may not drop: they are kept."""
    rows = conn.execute("SELECT extname::text FROM pg_extension WHERE NOT pg_has_role(extowner, 'USAGE')").fetchall()
    return [name for (name,) in rows]


def drop_subscriptions(conn: Connection) -> None:
    """Drop the disabled subscriptions of this database without dropping any slot."""
    for (drop,) in conn.execute(SUBSCRIPTIONS).fetchall():
        conn.execute(drop)


@contextmanager
def emptied(conn: Connection, kept: Sequence[str], emit: Emit) -> Iterator[None]:
    """Empty a database during the `with`, in a transaction that is rolled back.

    Raises PreflightFailed if something may not be dropped, or would cascade into a schema that is kept.
    """
    with conn.transaction(force_rollback=True):
        before = _inside(conn, kept)
        try:
            with events.saying(emit, "Trying to drop the destination's objects"), conn.transaction():
                empty(conn, kept, not_ours(conn))
                lost = sorted(before[key] for key in before.keys() - _inside(conn, kept).keys())
        except psycopg.errors.OutOfMemory:  # the lock table is full
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
    """Return all objects in these schemas, by address."""
    rows = conn.execute(INSIDE, [list(schemas)]).fetchall()
    return {(classid, objid, objsubid): text for classid, objid, objsubid, text in rows}
