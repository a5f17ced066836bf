"""Locks on the tables that are read: how they are taken, who is in their way, and that they prove what was read.

Names are looked up anew by every statement, and renaming a schema needs no lock on its tables. But what a transaction
has read it has locked, and pg_locks tells that by OID: it must be the relations that were planned. Whoever changes a
table waits for whoever has locked it, and all who come later wait behind; a session that has the lock already does not.
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
"""So many locks on a server make pg_locks, which shows those of all sessions, cost more than a small table's copy."""
SHARE = 0.75
"""Of the free room for locks so much is taken at once: the server's other sessions need some, too."""
FEW = 100
"""For so many there is room on any server."""
AGAIN = "Run `clean`, then `clone` again."
INDEXES_AND_TOAST = ("i", "I", "t")

# Of whom an ACCESS SHARE lock has to wait: who has the lock that conflicts with it, or asked for it before.
IN_THE_WAY = """
SELECT DISTINCT coalesce(l.pid, 0), coalesce(a.application_name, ''), coalesce(a.query, '')
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'relation'
   AND l.mode = 'AccessExclusiveLock'
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (%s::bigint[] IS NULL OR l.relation::bigint = ANY (%s))
   AND l.pid IS DISTINCT FROM pg_backend_pid()"""

# A scalar subquery: a join would read all of pg_class. That is as in the snapshot, and lacks what came later.
LOCKED = """
SELECT l.relation::bigint
     , (SELECT c.relkind::text FROM pg_class c WHERE c.oid = l.relation)
  FROM pg_locks l
 WHERE l.pid = pg_backend_pid()
   AND l.locktype = 'relation'
   AND l.relation >= 16384
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
# pg_identify_object and pg_partition_root look at the catalogs as they are now.
NAMES = """
SELECT (pg_identify_object('pg_class'::regclass, other::oid, 0)).name
     , pg_partition_root(other::oid::regclass)::oid::bigint
  FROM unnest(%s::bigint[]) AS other"""
# A lock that this transaction has not yet makes its session hear of what others renamed: hence pg_namespace.
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
    """A table that is about to be read: how its name is written, and its OID. Not `only`: with its partitions."""

    identity: str
    oid: int
    only: bool = True


def to_lock(conn: Connection) -> tuple[list[tuple[str, list[int]]], list[int]]:
    """Return the statements that lock each table of a database against DDL, with their tables' OIDs, and all OIDs."""
    rows = conn.execute(statement(__package__, "locks", conn)).fetchall()
    return rows, [oid for _, oids in rows for oid in oids]


def room(conn: Connection) -> tuple[int, int]:
    """Return for how many locks a server has room, and how many of them are free."""
    ((locks, free),) = conn.execute(statement(__package__, "lock_room")).fetchall()
    return locks, free


def what_fits(conn: Connection) -> tuple[list[tuple[str, list[int]]], list[int]]:
    """Return what to_lock does, but no more statements than there is room for."""
    statements, oids = to_lock(conn)
    if len(oids) <= FEW:
        return statements, oids
    left = room(conn)[1] * SHARE
    taken = accumulate(len(some) for _, some in statements)
    return [each for each, so_many in zip(statements, taken, strict=True) if so_many <= left], oids


def take(conn: Connection, statements: Iterable[tuple[str, list[int]]]) -> set[int]:
    """Lock tables until the transaction ends, as long as there is room. Returns which."""
    locked: set[int] = set()
    for lock_them, oids in statements:
        conn.execute("SAVEPOINT locking")
        try:
            conn.execute(lock_them.encode(conn.info.encoding))
        except psycopg.errors.OutOfMemory:  # others took the room meanwhile
            conn.execute("ROLLBACK TO SAVEPOINT locking; RELEASE SAVEPOINT locking")
            break
        conn.execute("RELEASE SAVEPOINT locking")
        locked.update(oids)
    return locked


def lock(relations: Sequence[Relation], *, wait: bool = False) -> str:
    """Return the statement that locks what is to be read; nothing for nothing. Not `wait`: or fails where it would."""
    if not relations:
        return ""
    names = ", ".join(f"{'ONLY ' if r.only else ''}{r.identity}" for r in relations)
    return f"LOCK TABLE {names} IN ACCESS SHARE MODE{'' if wait else ' NOWAIT'}"


def in_the_way(conn: Connection, oids: Collection[int] | None = None) -> list[Session]:
    """Return who has, or waits for, a lock on one of these relations, or any, that keeps readers out."""
    which = None if oids is None else list(oids)
    return [Session(*row) for row in conn.execute(IN_THE_WAY, [which, which]).fetchall()]


def prove(conn: Connection, relations: Sequence[Relation]) -> None:
    """Make sure that a transaction has read the relations that were planned, by their OIDs. Raises SourceChanged.

    A query may lock others besides, as an extension's condition does; but none by the name of one that was planned.
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
    """Read tables and sequences by these names in a transaction of its own: all their rows, and no views instead.

    Raises SourceChanged, psycopg.Error.
    """
    with conn.transaction(), postgres.without_views(conn):
        refuse_views(conn, names)
        conn.execute(postgres.ALL_ROWS)
        yield


def refuse_views(conn: Connection, names: Iterable[str]) -> None:
    """Make sure that what is about to be read by these names are no views, which would run code. Raises SourceChanged.

    Nothing to do where the server sees to it: see postgres.READING.
    """
    if postgres.refuses_views(conn):
        return
    if views := [name for (name,) in conn.execute(FOREIGN_CODE, [list(names)]).fetchall()]:
        raise replaced(views)


def prove_names(conn: Connection, relations: Sequence[Relation]) -> None:
    """Make sure that names lead to what was planned, where the locks do not tell. Raises SourceChanged."""
    names, oids = [r.identity for r in relations], [r.oid for r in relations]
    if elsewhere := [name for (name,) in conn.execute(ELSEWHERE, [names, oids]).fetchall()]:
        raise replaced(elsewhere)


def _plain(name: str) -> str:
    return name.replace('"', "")


def replaced(names: Iterable[str]) -> SourceChanged:
    """Return the error for names that lead to something else by now, or to nothing."""
    return SourceChanged(
        f"Dropped, renamed or replaced during the run: {', '.join(names)}.",
        hint=AGAIN,
    )
