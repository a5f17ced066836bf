"""Locks on the tables that are read: taking them, who blocks them, and using them to check which tables were read.

Every statement looks names up again, and renaming a schema takes no lock on its tables. But a transaction locks all
that it reads, and pg_locks lists these locks by OID: they must be the planned relations. A session that changes a table
waits for those that have locked it, and all later sessions queue behind it, except one that has the lock already.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import NamedTuple

import psycopg

from replicator.errors import SourceChanged
from replicator.sessions import postgres
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement
from replicator.sessions.watch import Session

MANY = 2000
"""With more locks on a server, reading pg_locks, which lists those of all sessions, costs more than a small copy."""
SHARE = 0.75
"""The share of the free lock table that we take at once: other sessions need some, too."""
FEW = 100
"""Any server has room for this many locks."""
AGAIN = "Run `clean`, then `clone` again."
INDEXES_AND_TOAST = ("i", "I", "t")

# Sessions that block an ACCESS SHARE lock: they hold the conflicting lock, or wait for it.
IN_THE_WAY = """
SELECT DISTINCT coalesce(l.pid, 0), coalesce(a.application_name, ''), coalesce(a.query, '')
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'relation'
   AND l.mode = 'AccessExclusiveLock'
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (%s::bigint[] IS NULL OR l.relation::bigint = ANY (%s))
   AND l.pid IS DISTINCT FROM pg_backend_pid()"""

# A scalar subquery: a join would read all of pg_class. It reads as of the snapshot and lacks newer relations.
LOCKED = """
SELECT l.relation::bigint
     , (SELECT c.relkind::text FROM pg_class c WHERE c.oid = l.relation)
  FROM pg_locks l
 WHERE l.pid = pg_backend_pid()
   AND l.locktype = 'relation'
   AND l.relation >= 16384
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
# pg_identify_object and pg_partition_root read the catalogs as they are now.
NAMES = """
SELECT (pg_identify_object('pg_class'::regclass, other::oid, 0)).name
     , pg_partition_root(other::oid::regclass)::oid::bigint
  FROM unnest(%s::bigint[]) AS other"""
# Taking a lock that this transaction does not have yet makes its session notice renames: hence pg_namespace.
ELSEWHERE = """
SELECT r.identity
  FROM unnest(%s::text[], %s::bigint[]) AS r (identity, oid)
 WHERE EXISTS (SELECT FROM pg_namespace)
   AND to_regclass(r.identity)::oid::bigint IS DISTINCT FROM r.oid"""

FOREIGN_CODE = """
SELECT name
  FROM unnest(%s::text[]) AS wanted (name)
 WHERE EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(name) AND relkind IN ('v', 'f'))"""


class Relation(NamedTuple):
    """A table that is about to be read: its quoted name and its OID. Without `only`, with its partitions."""

    identity: str
    oid: int
    only: bool = True


def to_lock(conn: Connection, only: Collection[int] | None = None) -> tuple[list[tuple[str, list[int]]], list[int]]:
    """Return the statements that lock the tables of a database against DDL, each with its OIDs, and all OIDs.

    `only`: the OIDs of the tables to lock; None: all.
    """
    wanted = None if only is None else list(only)
    rows = conn.execute(statement(__package__, "locks", conn), [wanted, wanted]).fetchall()
    return rows, [oid for _, oids in rows for oid in oids]


def room(conn: Connection) -> tuple[int, int]:
    """Return the size of a server's lock table, and how many entries are free."""
    ((locks, free),) = conn.execute(statement(__package__, "lock_room")).fetchall()
    return locks, free


def what_fits(conn: Connection, only: Collection[int] | None = None) -> tuple[list[tuple[str, list[int]]], list[int]]:
    """Return the same as to_lock, but only as many statements as the lock table has room for."""
    statements, oids = to_lock(conn, only)
    if len(oids) <= FEW:
        return statements, oids
    left = room(conn)[1] * SHARE
    taken = accumulate(len(some) for _, some in statements)
    return [each for each, so_many in zip(statements, taken, strict=True) if so_many <= left], oids


def take(conn: Connection, statements: Iterable[tuple[str, list[int]]]) -> set[int]:
    """Lock tables until the transaction ends, as long as there is room. Returns the OIDs of the locked ones."""
    locked: set[int] = set()
    for lock_them, oids in statements:
        conn.execute("SAVEPOINT locking")
        try:
            conn.execute(lock_them.encode(conn.info.encoding))
        except psycopg.errors.OutOfMemory:  # other sessions took the room
            conn.execute("ROLLBACK TO SAVEPOINT locking; RELEASE SAVEPOINT locking")
            break
        conn.execute("RELEASE SAVEPOINT locking")
        locked.update(oids)
    return locked


def lock(relations: Sequence[Relation], *, wait: bool = False) -> str:
    """Return the statement that locks these relations; "" for none. Without `wait` it fails instead of waiting."""
    if not relations:
        return ""
    names = ", ".join(f"{'ONLY ' if r.only else ''}{r.identity}" for r in relations)
    return f"LOCK TABLE {names} IN ACCESS SHARE MODE{'' if wait else ' NOWAIT'}"


def in_the_way(conn: Connection, oids: Collection[int] | None = None) -> list[Session]:
    """Return the sessions that hold, or wait for, a lock that blocks readers of these relations, or of any."""
    which = None if oids is None else list(oids)
    return [Session(*row) for row in conn.execute(IN_THE_WAY, [which, which]).fetchall()]


def prove(conn: Connection, relations: Sequence[Relation]) -> None:
    """Check by their OIDs that a transaction has read the planned relations. Raises SourceChanged.

    A query may lock others too, such as those in an extension's condition, but none with the name of a planned one.
    """
    planned = {relation.oid: relation for relation in relations}
    kinds: dict[int, str | None] = dict(conn.execute(LOCKED).fetchall())
    if missing := [relation.identity for oid, relation in planned.items() if oid not in kinds]:
        raise replaced(missing)
    others = [oid for oid, kind in kinds.items() if oid not in planned and kind not in INDEXES_AND_TOAST]
    if others:
        names = {
            _plain(name) for name, root in conn.execute(NAMES, [others]).fetchall() if name and root not in planned
        }
        if taken := [r.identity for r in relations if any(_plain(r.identity).endswith(f".{name}") for name in names)]:
            raise replaced(taken)


@contextmanager
def reading(conn: Connection, names: Iterable[str]) -> Iterator[None]:
    """Read tables and sequences of these names in a transaction of its own: all rows, and no views instead.

    Raises SourceChanged, psycopg.Error.
    """
    with conn.transaction(), postgres.without_views(conn):
        refuse_views(conn, names)
        conn.execute(postgres.ALL_ROWS)
        yield


def refuse_views(conn: Connection, names: Iterable[str]) -> None:
    """Check that none of these names is now a view, which would run code. Raises SourceChanged.

    Does nothing if the server itself refuses views: see postgres.READER.
    """
    if postgres.refuses_views(conn):
        return
    if views := [name for (name,) in conn.execute(FOREIGN_CODE, [list(names)]).fetchall()]:
        raise replaced(views)


def prove_names(conn: Connection, relations: Sequence[Relation]) -> None:
    """Check that names still refer to the planned relations, where locks do not show it. Raises SourceChanged."""
    names, oids = [r.identity for r in relations], [r.oid for r in relations]
    if elsewhere := [name for (name,) in conn.execute(ELSEWHERE, [names, oids]).fetchall()]:
        raise replaced(elsewhere)


def _plain(name: str) -> str:
    return name.replace('"', "")


def replaced(names: Iterable[str]) -> SourceChanged:
    """Return the error for names that now refer to something else, or to nothing."""
    return SourceChanged(
        f"Dropped, renamed or replaced during the run: {', '.join(names)}.",
        hint=AGAIN,
    )
