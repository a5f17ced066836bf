"""The journal of finished steps: tables in schema `replicator` of the destination, written with the steps themselves.

A step is done if and only if its row says so, since both are one transaction. The schema is created before anything
else is written and dropped when the copy is complete and, if requested, verified. While it exists, the copy is
unfinished.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Json, Jsonb

from replicator.errors import ClaimLost, Undone
from replicator.events import Note
from replicator.journal import deferred
from replicator.journal.ownership import DROP, exists, mark, prove, proven, reading, shut_out_others
from replicator.journal.run import Recorded, Run, Status
from replicator.journal.unfinished import check_recorded
from replicator.model import READING_PHASES, CopyTable, Execute, Outcome, Phase, Plan, ReadPoint, SetSequences, Step
from replicator.secrets import without_secrets
from replicator.sessions.claim import LOCK_KEY
from replicator.sessions.postgres import REPLICA, Connection
from replicator.sessions.statements import statement

DURABLE = "SET LOCAL synchronous_commit = on"
"""For a transaction that a crash must not lose: it also flushes everything committed before it."""


class Taken(NamedTuple):
    """Steps that a transaction took: those that were done already, and those that a server crash undid."""

    done: dict[str, Outcome]
    forgotten: frozenset[str]


class Journal:
    """The journal of one clone. A step's number is its position in the plan."""

    def __init__(self, plan: Plan) -> None:
        self._numbers = {step.name: number for number, step in enumerate(plan.steps)}
        self._plan = plan
        self._sessions = ""

    def create(self, conn: Connection, run: Run) -> None:
        """Record the plan with all steps unfinished. Raises psycopg.errors.DuplicateSchema if there is a journal."""
        self._sessions = run.sessions
        with conn.transaction():
            conn.execute(DURABLE)
            conn.execute(statement(__package__, "journal"))
            conn.execute(sql.SQL("COMMENT ON SCHEMA replicator IS {}").format(mark()))
            shut_out_others(conn)
            conn.execute(
                "INSERT INTO replicator.run (source, system, database, rows_only, kept, tried, sessions, snapshot,"
                " moment, source_start, held_until, options)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    *(run.source, run.system, run.database, run.rows_only, list(run.kept), Json(dict(run.tried))),
                    *_of_this_run(run),
                ],
            )
            self._write(conn, self._plan.steps)
            deferred.write(conn, self._plan.deferred)

    def take_over(self, conn: Connection, run: Run, kept: Collection[str]) -> None:
        """Continue the journal of an earlier run: these steps keep their state, all others are unfinished.

        Runs in the caller's transaction, together with the changes that undo other steps.
        """
        self._sessions = run.sessions
        prove(conn)
        conn.execute(DURABLE)
        conn.execute(
            "UPDATE replicator.run SET sessions = %s, snapshot = %s, moment = %s, source_start = %s, held_until = %s,"
            " options = %s, state = 'running', error = NULL, ended = NULL",
            _of_this_run(run),
        )
        left_out = conn.execute(
            "DELETE FROM replicator.step WHERE name <> ALL (%s) RETURNING name, forgotten", [list(kept)]
        ).fetchall()
        conn.execute("UPDATE replicator.step SET number = - 1 - number")
        conn.execute(
            "UPDATE replicator.step SET number = now.number FROM unnest(%s::text[], %s::int[]) AS now (name, number)"
            " WHERE step.name = now.name",
            [list(kept), [self._numbers[name] for name in kept]],
        )
        self._write(conn, (step for step in self._plan.steps if step.name not in kept))
        deferred.write(conn, self._plan.deferred, anew=True)
        forgotten = [name for name, was_forgotten in left_out if was_forgotten]
        conn.execute("UPDATE replicator.step SET forgotten = true WHERE name = ANY (%s)", [forgotten])

    def _write(self, conn: Connection, steps: Iterable[Step]) -> None:
        with conn.cursor().copy(
            "COPY replicator.step"
            " (number, name, phase, digest, relation, cost, part_key, part_since, part_before, targets) FROM STDIN"
        ) as copy:
            for step in steps:
                copied = step.work if isinstance(step.work, CopyTable) else None
                relation = copied and copied.table.identity
                part = (
                    (copied.part.key, copied.part.since, copied.part.before) if copied and copied.part else [None] * 3
                )
                number, targets = self._numbers[step.name], filled(step)
                copy.write_row((number, step.name, step.phase, digest(step), relation, step.cost, *part, targets))

    def take(self, conn: Connection, names: Collection[str]) -> Taken:
        """Lock the rows of steps in the transaction that will do them, so that nobody else does them meanwhile.

        Raises Undone if the server crashed since the last check, ClaimLost if the journal is not ours.
        """
        prove(conn)
        rows = conn.execute(statement(__package__, "take"), [[self._numbers[name] for name in names]]).fetchall()
        if {row[-2] for row in rows} != {self._sessions}:
            raise ClaimLost()
        if not all(row[-1] for row in rows):
            raise Undone()
        done = {name: Outcome(*outcome) for name, is_done, _, *outcome, _, _ in rows if is_done}
        return Taken(done, frozenset(name for name, _, forgotten, *_ in rows if forgotten))

    def done(self, conn: Connection, outcomes: Mapping[str, Outcome]) -> None:
        """Record finished steps by name, in the transaction that took them."""
        read_points = [outcome.read_point or ReadPoint("", None) for outcome in outcomes.values()]
        conn.execute(
            statement(__package__, "done"),
            [
                [self._numbers[name] for name in outcomes],
                [outcome.seconds for outcome in outcomes.values()],
                [outcome.rows for outcome in outcomes.values()],
                [outcome.bytes for outcome in outcomes.values()],
                [point.snapshot or None for point in read_points],
                [point.lsn for point in read_points],
            ],
        )

    def refuse(self, conn: Connection, refused: Mapping[str, str], optional: Collection[str]) -> None:
        """Record why steps failed, by name; optional ones count as done. Raises Undone, ClaimLost."""
        with proven(conn):
            done = self.take(conn, list(refused)).done
            self.done(conn, {name: Outcome(0.0) for name in optional if name not in done})
            values = [[self._numbers[name] for name in refused], list(refused.values())]
            conn.execute(
                "UPDATE replicator.step SET refused = now.reason, forgotten = forgotten OR relation IS NOT NULL"
                " FROM unnest(%s::int[], %s::text[]) AS now (number, reason)"
                " WHERE step.number = now.number AND done_at IS NULL",
                values,
            )

    def undo(self, conn: Connection, names: Iterable[str]) -> None:
        """Mark steps as unfinished."""
        numbers = [self._numbers[name] for name in names]
        with proven(conn):
            conn.execute("UPDATE replicator.step SET done_at = NULL WHERE number = ANY (%s)", [numbers])

    def unfinished(self, conn: Connection) -> list[str]:
        """Return the names of the steps that are not recorded as done."""
        with proven(conn):
            rows = conn.execute("SELECT name FROM replicator.step WHERE done_at IS NULL ORDER BY number").fetchall()
        return [row[0] for row in rows]

    @property
    def later(self) -> list[Note]:
        """A note about the deferred steps, if there are any."""
        left = deferred.words(step.name for step in self._plan.deferred)
        return [Note(deferred.OPEN_WITH.format(left), deferred=True)] if left else []

    def end(self, conn: Connection) -> None:
        """End the run in the transaction that completes the copy: keep the deferred steps, or drop the journal."""
        if self._plan.deferred:
            deferred.open_copy(conn)
        else:
            drop(conn)

    def has_ended(self, conn: Connection, number: int) -> bool:
        """Return whether the transaction with this number ended the run, after a connection lost during its commit."""
        return deferred.is_open(conn, self._sessions) if self._plan.deferred else committed(conn, number)

    def check(self, conn: Connection) -> None:
        """Check, in a transaction, that nothing was lost and the journal is ours. Raises Undone, ClaimLost."""
        query = "SELECT sessions, EXISTS (SELECT FROM replicator.witness) FROM replicator.run FOR UPDATE OF run"
        with proven(conn):
            rows = conn.execute(query).fetchall()
        if [sessions for sessions, _ in rows] != [self._sessions]:
            raise ClaimLost()
        if rows != [(self._sessions, True)]:
            raise Undone()


def _of_this_run(run: Run) -> list[object]:
    """Return the values that change when a run is resumed."""
    return [run.sessions, run.snapshot, run.moment, run.source_start, run.held_until, Jsonb(dict(run.options))]


def digest(step: Step) -> str:
    """Return a hash of a step's statements if it changes the schema, else "".

    Secrets are left out: whoever can read the journal could test passwords against a hash.
    """
    if isinstance(step.work, Execute) and step.phase in (Phase.SCHEMA, Phase.BUILD, Phase.FINISH):
        statements = "\n".join(map(without_secrets, step.work.statements))
        return hashlib.md5(statements.encode(), usedforsecurity=False).hexdigest()
    return ""


def filled(step: Step) -> list[str] | None:
    """Return the tables or sequences of the destination that a step fills."""
    match step.work:
        case CopyTable() as work:
            return [work.table.loaded_into]  # not a temporary table that it goes through
        case SetSequences(sequences):
            return [sequence.target for sequence in sequences]
        case _:
            return None


def transaction_number(conn: Connection) -> int:
    """Return the transaction ID, by which its outcome can be looked up later."""
    return int(conn.execute("SELECT txid_current()").fetchall()[0][0])


def committed(conn: Connection, number: int) -> bool:
    """Return whether the transaction with this ID dropped the journal, if the connection was lost during its commit.

    After a crash another transaction may get the same ID; but if the journal is gone too, it was ours.
    """
    if exists(conn):
        return False
    try:
        return conn.execute("SELECT txid_status(%s)", [number]).fetchall() == [("committed",)]
    except psycopg.errors.InvalidParameterValue:  # not assigned yet
        return False


def read_run(conn: Connection) -> Run | None:
    """Return the run that the journal in this database belongs to, if there is one."""
    with reading(conn) as there:
        if not there:
            return None
        with conn.cursor(row_factory=class_row(Run)) as cursor:
            run = cursor.execute(
                "SELECT source, system, database, sessions, snapshot, moment, source_start, held_until, options,"
                " rows_only, kept, differs, tried, checked, state FROM replicator.run"
            ).fetchone()
    if run:
        check_recorded(run.options)
    return run


def read_steps(conn: Connection) -> list[Recorded]:
    """Return all steps of the journal, in the order of the plan."""
    query = (
        "SELECT name, phase, digest, relation, cost, part_key, part_since, part_before, done_at IS NOT NULL AS done"
        "     , rows, txid, refused FROM replicator.step ORDER BY number"
    )
    with proven(conn), conn.cursor(row_factory=class_row(Recorded)) as cursor:
        return cursor.execute(query).fetchall()


def read_moments(conn: Connection) -> list[tuple[str, list[str]]]:
    """Return the WAL position of each snapshot that tables were read in, with the names of the tables, in order."""
    with proven(conn):
        return conn.execute(
            "SELECT first.lsn::text, array_agg(DISTINCT relation ORDER BY relation)"
            "  FROM (SELECT relation, first_value(lsn) OVER (PARTITION BY snapshot ORDER BY lsn) AS lsn"
            "          FROM replicator.step WHERE relation IS NOT NULL AND snapshot IS NOT NULL) AS first"
            " GROUP BY first.lsn ORDER BY first.lsn"
        ).fetchall()


def checked(conn: Connection) -> None:
    """Record that all is read and the source had not changed."""
    with proven(conn):
        conn.execute("UPDATE replicator.run SET checked = true")


def begin_dropping(conn: Connection) -> None:
    """Record, in the transaction of the first drop, that existing objects are being dropped."""
    first = "INSERT INTO replicator.dropping SELECT now() WHERE NOT EXISTS (SELECT FROM replicator.dropping)"
    prove(conn)
    conn.execute(f"{DURABLE}; {first}")


def has_begun_dropping(conn: Connection) -> bool:
    """Return whether existing objects may have been dropped already."""
    with proven(conn):
        return conn.execute("SELECT EXISTS (SELECT FROM replicator.dropping)").fetchall() == [(True,)]


def read_extensions(conn: Connection) -> list[str]:
    """Return the extensions that existed before the clone."""
    with proven(conn):
        rows = conn.execute("SELECT extension FROM replicator.before ORDER BY extension").fetchall()
    return [name for (name,) in rows]


def let_snapshot_go(conn: Connection) -> bool:
    """Record durably that all is read: the run continues without its snapshot.

    Returns False if some steps are unfinished again, because a crash or a failover undid them.
    """
    with proven(conn):
        conn.execute(DURABLE)
        return conn.execute(statement(__package__, "let_go"), [list(READING_PHASES)]).rowcount == 1


def fail(conn: Connection, state: str, error: str, differs: Sequence[str] | None = None) -> None:
    """Record how the run ended and, if the copy was compared, what differs."""
    with proven(conn):
        conn.execute(
            "UPDATE replicator.run SET state = %s, error = %s, ended = now(), differs = coalesce(%s, differs)"
            " WHERE state <> %s",  # it may have ended successfully just now
            [state, error, None if differs is None else list(differs), deferred.OPEN],
        )


def drop(conn: Connection) -> None:
    """Drop the journal, if there is one, and flush the copy to disk."""
    with conn.transaction():
        if not exists(conn):  # a schema of that name that is no journal is left alone
            return
        prove(conn, DROP)
        conn.execute(DURABLE)
        if conn.info.parameter_status("is_superuser") == "on":
            # An event trigger of the copy may forbid drops.
            conn.execute(REPLICA)
        conn.execute("DROP SCHEMA replicator CASCADE")


def read_status(conn: Connection) -> Status | None:
    """Return the status of the run in the journal; None if there is no journal."""
    values = [list(READING_PHASES), LOCK_KEY >> 32, LOCK_KEY & 0xFFFFFFFF]
    with reading(conn) as there:
        if not there:
            return None
        with conn.cursor(row_factory=class_row(Status)) as cursor:
            status = cursor.execute(statement(__package__, "status"), values).fetchone()
    if status:
        check_recorded(status.options)
    return status
