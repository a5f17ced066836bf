"""Deferred steps in the journal: which are left, that the copy is open for use, which failed."""

from collections.abc import Iterable, Mapping, Sequence

from replicator.errors import ClaimLost
from replicator.events import counted
from replicator.journal.ownership import damaged, proven
from replicator.journal.tasks import Task
from replicator.model import Execute, Step
from replicator.sessions.postgres import Connection

OPEN = "open"
"""The state of a run whose copy is in use and complete, except for deferred steps."""
OPEN_WITH = "The copy can be used, but work was deferred: {}. Run `validate`."
SORTS = (
    ("validate", "foreign key", "validate"),
    ("index", "index", "build"),
    ("index_attach", "index", "attach"),
)
DURABLE = "SET LOCAL synchronous_commit = on"


def write(conn: Connection, later: Sequence[Step], *, anew: bool = False) -> None:
    """Record the deferred steps, in the transaction that begins the run or takes it over."""
    if anew:
        conn.execute("DELETE FROM replicator.deferred")
    if not later:
        return
    with conn.cursor().copy("COPY replicator.deferred (number, name, statements, needs, sorts) FROM STDIN") as copy:
        for number, step in enumerate(later):
            assert isinstance(step.work, Execute)
            copy.write_row((number, step.name, list(step.work.statements), sorted(step.needs), step.sorts))


def open_copy(conn: Connection) -> None:
    """Record that only deferred steps are left, in the transaction that ends the clone."""
    with proven(conn):
        conn.execute(DURABLE)
        conn.execute("UPDATE replicator.run SET state = %s, error = NULL, ended = now(), snapshot = ''", [OPEN])


def is_open(conn: Connection, sessions: str) -> bool:
    """Return whether the copy of this run is open for use."""
    with proven(conn):
        query = "SELECT EXISTS (SELECT FROM replicator.run WHERE state = %s AND sessions = %s)"
        return conn.execute(query, [OPEN, sessions]).fetchall() == [(True,)]


def thawed(conn: Connection) -> Connection:
    """Let a session write, even if the copy is read-only as its source was. Returns the session."""
    conn.execute("SET default_transaction_read_only = off")
    return conn


def take_over(conn: Connection, sessions: str) -> None:
    """Assign the journal of an open copy to these sessions."""
    with proven(conn):
        conn.execute(DURABLE)
        conn.execute("UPDATE replicator.run SET sessions = %s", [sessions])


def read_tasks(conn: Connection) -> list[Task]:
    """Return the steps that are left, in order. Raises PreflightFailed if this program did not write them."""
    query = "SELECT name, statements, needs, sorts FROM replicator.deferred WHERE done_at IS NULL ORDER BY number"
    with proven(conn):
        rows = conn.execute(query).fetchall()
    try:
        tasks = [Task(name, tuple(statements), frozenset(needs), sorts) for name, statements, needs, sorts in rows]
    except ValueError as error:
        raise damaged(str(error)) from error
    if len({task.name for task in tasks}) < len(tasks):
        raise damaged("deferred work")
    return tasks


def read_names(conn: Connection) -> list[str]:
    """Return the names of the steps that are left."""
    with proven(conn):
        rows = conn.execute("SELECT name FROM replicator.deferred WHERE done_at IS NULL ORDER BY number").fetchall()
    return [name for (name,) in rows]


def done(conn: Connection, sessions: str, name: str) -> None:
    """Record a finished step, in a transaction. Raises ClaimLost if the journal belongs to another run by now."""
    with proven(conn):
        conn.execute(DURABLE)
        ours = "EXISTS (SELECT FROM replicator.run WHERE sessions = %s)"
        query = f"UPDATE replicator.deferred SET done_at = now(), refused = NULL WHERE name = %s AND {ours}".encode()
        if conn.execute(query, [name, sessions]).rowcount != 1:
            raise ClaimLost()


def refuse(conn: Connection, refused: Mapping[str, str]) -> None:
    """Record why steps failed."""
    with proven(conn):
        conn.execute(
            "UPDATE replicator.deferred SET refused = now.reason"
            " FROM unnest(%s::text[], %s::text[]) AS now (name, reason) WHERE deferred.name = now.name",
            [list(refused), list(refused.values())],
        )


def words(names: Iterable[str]) -> str:
    """Return a phrase that counts the steps to do.

    >>> words(["index public.i", "index_attach public.i", "index public.j", "validate foreign_key k on public.t"])
    '1 foreign key to validate, 2 indexes to build and 1 index to attach'
    """
    kinds = [name.partition(" ")[0] for name in names]
    parts = []
    for kind, one, how in SORTS:
        if number := kinds.count(kind):
            parts.append(f"{counted(number, one)} to {how}")
    return " and ".join([*([", ".join(parts[:-1])] if parts[1:] else []), *parts[-1:]])
