"""`validate`: what a clone put off is done while the copy is in use, and the journal goes.

To build CONCURRENTLY and to validate keep nobody from writing; the few statements that lock out others for a moment (to
attach an index) wait no longer for that than a second, and are tried again. To build an index is no transaction, so
that its line in the journal comes after it: before each step it is looked what is there already. What somebody dropped,
made or validated meanwhile is told, and left as it is.
"""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psycopg

from replicator import events, journal, maintenance, postgres, refusal, rehearsal, resume, trust
from replicator.again import Again
from replicator.deferred import record
from replicator.deferred.tasks import ATTACH, INDEX, SPACE, VALIDATE, Task
from replicator.errors import Incomplete, Interrupted, PreflightFailed, StepFailed
from replicator.events import Emit
from replicator.executor import execute
from replicator.keeper import Keeper
from replicator.lent import Sessions
from replicator.maintenance import LEAST_BYTES, Sorting
from replicator.model import Address, Execute, Lock, Outcome, Phase, Step
from replicator.postgres import Connection, unquoted
from replicator.resume import Left
from replicator.work import naming

IN_THE_WAY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
"""Others' work, for as long as it was tried: the rest goes on."""
WAITS = "SET LOCAL lock_timeout = '1s'"
"""So long others may wait behind a statement that waits to lock them out."""
INDEX_THERE = """
SELECT to_regclass(%s) IS NOT NULL
     , i.indisvalid
     , pg_get_indexdef(i.indexrelid)
     , t.relkind IN ('r', 'p')
     , i.indexprs IS NOT NULL
       AND EXISTS (SELECT FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = t.relname)
  FROM (SELECT) AS one
  LEFT JOIN (pg_index i
             JOIN pg_class t ON t.oid = i.indrelid
             JOIN pg_namespace n ON n.oid = t.relnamespace)
         ON i.indrelid = to_regclass(%s) AND i.indexrelid = to_regclass(%s)
"""
KEY_THERE = """
SELECT to_regclass(%s) IS NOT NULL, c.convalidated
  FROM (SELECT) AS one
  LEFT JOIN pg_constraint c ON c.conrelid = to_regclass(%s) AND c.conname = %s AND c.contype = 'f'
"""
BOTH_THERE = "SELECT to_regclass(%s) IS NOT NULL, to_regclass(%s) IS NOT NULL"
GO_ON = "`validate` goes on where this ended."
GIVE_UP = "`validate` tries it again; `clean` gives up what is left, and removes the journal alone."
MEND = "Mend the rows on the destination, or drop the key."


def validate(
    dsn: str, emit: Emit, *, jobs: int = 1, memory: int | None = None, retry_seconds: float = 600.0
) -> int | None:
    """Do what a clone into this database has put off, and remove its journal. Returns how many things that were.

    None: there is no journal. Raises PreflightFailed, Incomplete with the names of what could not be done, StepFailed.
    """
    sessions = uuid.uuid4().hex[:8]
    with Keeper(dsn, f"journal {sessions}") as keeper:
        if not trust.exists(keeper.conn):
            return None
        if holder := keeper.claim(end_silent=True):
            raise PreflightFailed(
                f"Another `validate`, or a clone, is at work in this database: {holder}.",
                hint="Wait for its end. If its process or host is gone, this one goes on in its place a moment later.",
            )
        with going_on():
            tasks, accepts_violated = _take_over(keeper.conn, sessions)
            building = maintenance.share(*maintenance.look(keeper.conn), jobs)
            if memory:
                building = Sorting(memory, building.workers)
            with postgres.pool(dsn, jobs, application=f"worker {sessions}", more=_session(keeper, building)) as pool:
                worker = Validation(tasks, keeper, Sessions(pool, "destination"), sessions, emit, Again(retry_seconds))
                worker.sorting, worker.sorts = building, memory is None
                worker.accepts_violated = accepts_violated
                refused = worker.run_all(jobs)
            if refused:
                record.refuse(record.thawed(keeper.keep()), {name: error.reason for name, error in refused.items()})
                raise _incomplete(refused)
            journal.drop(record.thawed(keeper.keep()))
    return len(tasks)


@contextmanager
def going_on() -> Iterator[None]:
    """Say which command goes on with a run that ended before its end."""
    try:
        yield
    except (StepFailed, Interrupted, KeyboardInterrupt) as error:
        ended = Interrupted() if isinstance(error, KeyboardInterrupt) else error
        ended.hint = f"{ended.hint or ''} {GO_ON}".strip()
        if ended is error:
            raise
        raise ended from error


def _take_over(conn: Connection, sessions: str) -> tuple[list[Task], bool]:
    """End what an earlier run left at work. Returns what is left to do, and whether rows may violate a key.

    Raises PreflightFailed.
    """
    status, run = journal.read_status(conn), journal.read_run(conn)
    if status is None or run is None:
        return [], False  # whoever had the claim has done it all this very moment
    if not status.open:
        raise PreflightFailed(f"{status.said} What was put off comes after that.", hint=status.way_on)
    resume.end_sessions(Left(run, ()), conn)
    record.take_over(record.thawed(conn), sessions)
    return record.read_tasks(conn), run.options["foreign_keys"] == "not-valid"


def _session(keeper: Keeper, building: Sorting) -> dict[str, str]:
    """Return the settings of the sessions that work."""
    more = {"max_parallel_maintenance_workers": str(building.workers), "synchronous_commit": "on", **rehearsal.TRYING}
    if keeper.conn.info.parameter_status("is_superuser") == "on":
        more["session_replication_role"] = "replica"  # event triggers that came with the copy
    return more


def _incomplete(refused: Mapping[str, StepFailed]) -> Incomplete:
    itself = [str(error) for error in refused.values() if error.__cause__]
    violated = any(refusal.violated(error) for name, error in refused.items() if name.startswith("validate "))
    ended = Incomplete(itself, len(refused) - len(itself), hint=f"{MEND if violated else ''} {GIVE_UP}".strip())
    ended.__cause__ = next((error.__cause__ for error in refused.values() if error.__cause__), None)
    return ended


class Validation:
    """Does the tasks of a run, each on a connection of the pool."""

    def __init__(
        self,
        tasks: Sequence[Task],
        keeper: Keeper,
        destination: Sessions,
        sessions: str,
        emit: Emit,
        again: Again,
    ) -> None:
        self._tasks = {task.name: task for task in tasks}
        self._keeper = keeper
        self._destination = destination
        self._sessions = sessions
        self._emit = emit
        self._again = again
        self._stopped = threading.Event()
        self.accepts_violated = False
        self.sorting = Sorting(LEAST_BYTES, 0)
        self.sorts = True

    def run_all(self, jobs: int) -> dict[str, StepFailed]:
        """Do all tasks. Returns those that could not be done. Raises StepFailed for what is no fault of theirs."""
        steps = self._steps()
        self._emit(events.Planned({Phase.DEFERRED: len(steps)}, 0))
        return execute(steps, self._run, jobs=jobs, emit=self._emit, cancel=self._cancel)

    def _steps(self) -> list[Step]:
        """Return the tasks as steps, in order: no two at a time that lock a table against one another."""
        numbers: dict[str, int] = {}
        steps = []
        for task in self._tasks.values():
            needs = task.needs & self._tasks.keys()
            table = Address(0, numbers.setdefault(task.table, len(numbers)))
            steps.append(
                Step(
                    task.name,
                    Phase.DEFERRED,
                    Execute(task.statements),
                    needs,
                    task.sorts,
                    {table: Lock.EXCLUSIVE},
                    builds_on=needs if task.found.re is ATTACH else frozenset(),
                )
            )
        return steps

    def _cancel(self) -> None:
        self._stopped.set()
        self._destination.cancel()

    def _run(self, batch: Sequence[Step], worker: int) -> dict[str, Outcome | StepFailed]:
        (step,) = batch

        def tell(error: BaseException, seconds: float) -> None:
            self._emit(events.Retried(step.name, step.phase, worker, seconds, postgres.one_line(error)))

        try:
            began = time.monotonic()
            self._again.run(step.name, lambda again: self._attempt(step, again=again), tell, self._stopped)
        except StepFailed as error:
            if not refusal.may_be_refused(step, error) and not isinstance(error.__cause__, IN_THE_WAY):
                raise
            return {step.name: error}
        return {step.name: Outcome(time.monotonic() - began)}

    def _attempt(self, step: Step, *, again: bool) -> None:
        task = self._tasks[step.name]
        with naming(step), postgres.on("destination"):
            if again or self._keeper.lost:
                self._destination.end_lost(self._keeper.keep())
        with naming(step), self._destination.use() as conn:
            if self._stopped.is_set():
                raise StepFailed(step.name, "stopped")
            sort = task.found.re
            does = self._build if sort is INDEX else self._attach if sort is ATTACH else self._check
            if gone := does(conn, task):
                self._emit(events.Note(f"{task.name}: {gone}"))

    def _build(self, conn: Connection, task: Task) -> str:
        """Build an index, unless it is there; then do what belongs to it. Returns what to tell, if anything."""
        with_table, valid, definition, _, _ = self._look(conn, task)
        if not with_table:
            self._finish(conn, task, ())
            return "its table is not there any more."
        if valid is False:
            valid, definition = self._remove_invalid(conn, task)
        if valid is None:
            self._build_concurrently(conn, task)
        elif definition != task.found[0].replace(" CONCURRENTLY", "", 1):
            self._finish(conn, task, ())
            return f"somebody has made an index of that name, which stays as it is: {definition}"
        if self._look(conn, task)[-1]:
            conn.execute(f"ANALYZE {task.table}")  # of what it computes, nothing was carried over
        rest = [s for s in task.statements if s != task.found[0] and not SPACE.fullmatch(s)]
        self._finish(conn, task, rest)
        return ""

    def _look(self, conn: Connection, task: Task) -> tuple[bool, bool | None, str | None, bool, bool]:
        """Return whether the table is there; of the index, whether it is valid, None without; its definition; the rest.

        That is: whether its table can be locked, and whether it computes what ANALYZE should know of.
        """
        (row,) = conn.execute(INDEX_THERE, [task.table, task.table, task.index]).fetchall()
        with_table, valid, definition, lockable, computes = row
        return with_table, valid, definition, bool(lockable), bool(computes)

    def _remove_invalid(self, conn: Connection, task: Task) -> tuple[bool | None, str | None]:
        """Remove what a failed build left, unless somebody is building it, whose end is waited for."""
        if self._look(conn, task)[3]:
            with conn.transaction():
                conn.execute(f"LOCK TABLE ONLY {task.table} IN SHARE UPDATE EXCLUSIVE MODE")
        _, valid, definition, _, _ = self._look(conn, task)
        if valid is not False:
            return valid, definition
        conn.execute(f"DROP INDEX CONCURRENTLY {task.index}")
        return None, None

    def _build_concurrently(self, conn: Connection, task: Task) -> None:
        memory = self.sorting.memory(task.sorts) if self.sorts and task.sorts else self.sorting.most
        conn.execute(f"SET maintenance_work_mem = '{memory // 1024}kB'")
        try:
            for statement in task.statements:
                if SPACE.fullmatch(statement) or statement == task.found[0]:
                    _alone(conn, statement)
        except psycopg.Error:
            if not conn.closed and not self._stopped.is_set():
                with suppress(psycopg.Error):  # else the next run does
                    conn.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {task.index}")
            raise
        finally:
            if not conn.closed:
                with suppress(psycopg.Error):
                    conn.execute("SET default_tablespace = ''")

    def _attach(self, conn: Connection, task: Task) -> str:
        """Make a partition's index one of its parent's."""
        parent = task.found["parent"]
        ((has_parent, has_index),) = conn.execute(BOTH_THERE, [parent, task.index]).fetchall()
        self._finish(conn, task, task.statements if has_parent and has_index else ())
        return "" if has_parent and has_index else f"{task.index if has_parent else parent} is not there any more."

    def _check(self, conn: Connection, task: Task) -> str:
        """Validate a foreign key."""
        table, key = task.table, unquoted(task.found["key"])
        ((with_table, valid),) = conn.execute(KEY_THERE, [table, table, key]).fetchall()
        if valid is not False:
            self._finish(conn, task, ())
            return "" if valid else f"{'the key' if with_table else 'its table'} is not there any more."
        try:
            self._finish(conn, task, task.statements)
        except psycopg.errors.ForeignKeyViolation as error:
            if not self.accepts_violated:
                raise
            self._finish(conn, task, ())
            text = f"{task.name}: left NOT VALID, since the rows violate it: {postgres.one_line(error)}"
            self._emit(events.Note(text, left_out=True))
        return ""

    def _finish(self, conn: Connection, task: Task, statements: Sequence[str]) -> None:
        """Run statements and write down that it is done, in one transaction."""
        with conn.transaction():
            if task.found.re is not VALIDATE:
                conn.execute(WAITS)
            for statement in statements:
                _alone(conn, statement)
            record.done(conn, self._sessions, task.name)


def _alone(conn: Connection, statement: str) -> None:
    """Run one statement: the server refuses the message if there is another in it."""
    conn.execute(statement.encode(conn.info.encoding), binary=True)
