"""Detects crashes of the destination: one row in an unlogged table, which a crash empties like all unlogged tables.

No other sign shows a crash, a restart after a killed backend and a failover alike, to any role. The journal has this
row (journal.sql); a copy that waits to be swapped in keeps it until then.
"""

from collections.abc import Callable

from replicator.errors import ClaimLost, StepFailed
from replicator.journal import DURABLE, filled
from replicator.journal.ownership import DROP, NOT_OURS, READ, lock_table, look, proven, shut_out_others
from replicator.model import CopyTable, Plan
from replicator.sessions.postgres import REPLICA, Connection
from replicator.sessions.statements import statement

MARK = "replicator: tells of a crash, until the copy is swapped in"
ANY_UNLOGGED = """
SELECT EXISTS (SELECT
                 FROM pg_class
                WHERE relpersistence = 'u'
                  AND relkind IN ('r', 'S')
                  AND relnamespace <> coalesce(to_regnamespace('replicator')::oid, 0))
"""


def notice_crash(conn: Connection) -> bool:
    """Return whether the destination crashed since the last check, and mark the steps that it undid as unfinished.

    Commits that were not on disk yet are lost together with their rows in the journal. Steps that the journal still has
    as done, but whose result is lost, filled unlogged tables and sequences. Raises StepFailed if lost rows cannot be
    told apart from others.
    """
    with proven(conn):
        ((rows_only, remembers),) = conn.execute(
            "SELECT rows_only, EXISTS (SELECT FROM replicator.witness) FROM replicator.run"
        ).fetchall()
        if remembers:
            return False
        conn.execute(DURABLE)
        undone = [(number, mixed) for number, done, mixed in conn.execute(statement(__package__, "unlogged")) if done]
        emptied = sorted({mixed for _, mixed in undone if mixed})
        if emptied and rows_only:
            raise StepFailed(
                f"data {emptied[0]}",
                "the destination server crashed and emptied its unlogged partitions; it is unknown which rows of"
                " the others belong to this run",
                hint="Empty this table, then run `clean` and `clone --data-only` again.",
            )
        for table in emptied:
            conn.execute(f"TRUNCATE {table}")
        conn.execute(statement(__package__, "undo"), [[number for number, _ in undone], emptied])
        conn.execute("INSERT INTO replicator.witness VALUES (true)")
    return True


def unlogged(conn: Connection) -> list[str]:
    """Return the names of the steps whose rows a crash would lose."""
    if conn.execute(ANY_UNLOGGED).fetchall() == [(False,)]:
        return []
    query = "SELECT name FROM replicator.step WHERE number = ANY (%s) AND relation IS NOT NULL"
    with proven(conn):
        numbers = [number for number, *_ in conn.execute(statement(__package__, "unlogged"))]
        return [name for (name,) in conn.execute(query, [numbers]).fetchall()]


def leave(conn: Connection) -> None:
    """Keep the row that detects a crash after the journal is dropped, if the copy has unlogged tables."""
    if conn.execute(ANY_UNLOGGED).fetchall() == [(True,)]:
        conn.execute("CREATE SCHEMA replicator; CREATE UNLOGGED TABLE replicator.witness (here boolean NOT NULL)")
        conn.execute(f"COMMENT ON SCHEMA replicator IS '{MARK}'")
        conn.execute("INSERT INTO replicator.witness VALUES (true)")
        shut_out_others(conn)


def drop(conn: Connection) -> None:
    """Drop what `leave` created. Raises PreflightFailed if it belongs to somebody else."""
    with conn.transaction():
        if not _left(conn, DROP):
            return
        if conn.info.parameter_status("is_superuser") == "on":
            conn.execute(REPLICA)  # no event trigger of the copy fires
        conn.execute("DROP TABLE replicator.witness; DROP SCHEMA replicator")


def _left(conn: Connection, lock: str = READ) -> bool:
    """Return whether `leave` was called in this database, in a transaction that locks it. Raises PreflightFailed.

    Whoever may create schemas in a copy that waits to be swapped in could fake it.
    """
    if not _is_marked(conn):
        return False
    try:
        lock_table(conn, "witness", lock)
    except NOT_OURS as error:
        raise ClaimLost() from error
    if not _is_marked(conn):  # from here on nobody can replace it
        raise ClaimLost()
    return True


def _is_marked(conn: Connection) -> bool:
    found = look(conn)
    if found is None or found.mark != MARK:
        return False
    found.check_owner(conn.info.user)
    found.check_tables()
    return "witness.here" in found.columns


def testifies(conn: Connection) -> bool:
    """Return whether no crash has emptied unlogged tables since `leave`. Raises PreflightFailed as `drop` does."""
    with conn.transaction():
        if not _left(conn):
            return conn.execute(ANY_UNLOGGED).fetchall() == [(False,)]
        return conn.execute("SELECT EXISTS (SELECT FROM replicator.witness)").fetchall() == [(True,)]


def emptied(conn: Connection, plan: Plan, new: Callable[[str], str] = str) -> list[str]:
    """Return the unlogged tables that a plan fills and that have no rows: a crash emptied them.

    `new` gives the name that a table has by now.
    """
    filling = (step for step in plan.steps if isinstance(step.work, CopyTable))
    tables = sorted({new(name) for step in filling for name in filled(step) or ()})
    query = (
        "SELECT t.name FROM unnest(%s::text[]) AS t (name) JOIN pg_class c ON c.oid = to_regclass(t.name)"
        " WHERE c.relpersistence = 'u'"
    )
    names = [name for (name,) in conn.execute(query, [tables]).fetchall()]
    return [name for name in names if not conn.execute(f"SELECT FROM {name} LIMIT 1").fetchall()]
