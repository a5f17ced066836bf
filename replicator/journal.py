"""What is finished, on the destination: two tables in schema `replicator`, written in the transactions they speak of.

A step is done exactly when its row says so. The schema is made before anything else is written and dropped when the
copy is complete and, if that was asked for, verified: where it stands, a copy is unfinished.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from replicator.model import Moment, Outcome, Plan
from replicator.postgres import Connection, script

SCHEMA = "replicator"
LOCK_KEY = 7306916069411448435  # 'replicat' as a number: one clone at a time into a database.


@dataclass(frozen=True, slots=True)
class Status:
    """An unfinished copy. `state` is running, failed or differs; `alive` tells whether its process still holds on."""

    source: str
    state: str
    started: datetime
    error: str | None
    steps: int
    done: int
    rows: int
    bytes: int
    alive: bool
    unfinished: list[str]


class Journal:
    """The journal of one clone. The numbers of steps are their places in the plan."""

    def __init__(self, plan: Plan) -> None:
        self._numbers = {step.name: number for number, step in enumerate(plan.steps)}
        self._plan = plan

    def create(self, conn: Connection, source: str) -> None:
        """Write down the plan, all of it unfinished. Raises psycopg.errors.DuplicateSchema if there is a journal."""
        with conn.transaction():
            conn.execute(script("journal"))
            conn.execute("INSERT INTO replicator.run (source) VALUES (%s)", [source])
            with conn.cursor().copy("COPY replicator.step (number, name, phase) FROM STDIN") as copy:
                for number, step in enumerate(self._plan.steps):
                    copy.write_row((number, step.name, step.phase))

    def done(self, conn: Connection, outcomes: Mapping[str, Outcome]) -> None:
        """Record finished steps by name, in the transaction of their work."""
        moments = [outcome.moment or Moment("", None) for outcome in outcomes.values()]
        conn.execute(
            script("journal_done"),
            [
                [self._numbers[name] for name in outcomes],
                [outcome.seconds for outcome in outcomes.values()],
                [outcome.rows for outcome in outcomes.values()],
                [outcome.bytes for outcome in outcomes.values()],
                [moment.snapshot or None for moment in moments],
                [moment.lsn for moment in moments],
            ],
        )

    def unfinished(self, conn: Connection) -> list[str]:
        """Return the names of the steps that are not recorded as done."""
        rows = conn.execute("SELECT name FROM replicator.step WHERE done_at IS NULL ORDER BY number").fetchall()
        return [row[0] for row in rows]


def hold(conn: Connection) -> bool:
    """Claim this database for one clone until the connection ends. Returns False where another holds it."""
    return bool(conn.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchall()[0][0])


def exists(conn: Connection) -> bool:
    """Tell whether a journal stands in this database."""
    return conn.execute("SELECT to_regclass('replicator.run') IS NOT NULL").fetchall() == [(True,)]


def fail(conn: Connection, state: str, error: str) -> None:
    """Write down how the run ended."""
    conn.execute("UPDATE replicator.run SET state = %s, error = %s, ended = now()", [state, error])


def drop(conn: Connection) -> None:
    """Remove the journal: the copy is complete."""
    with conn.transaction():
        if conn.info.parameter_status("is_superuser") == "on":
            # An event trigger that came with the copy may forbid drops.
            conn.execute("SET LOCAL session_replication_role = replica")
        conn.execute("DROP SCHEMA IF EXISTS replicator CASCADE")


def read_status(conn: Connection) -> Status | None:
    """Return what the journal says; None where there is none."""
    if not exists(conn):
        return None
    with conn.cursor(row_factory=class_row(Status)) as cursor:
        return cursor.execute(script("journal_status"), [LOCK_KEY >> 32, LOCK_KEY & 0xFFFFFFFF]).fetchone()
