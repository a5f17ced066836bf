"""`validate`: do the deferred work of a clone while the copy is in use, then drop the journal.

CREATE INDEX CONCURRENTLY and VALIDATE CONSTRAINT do not block writers. The few statements that lock others out briefly
(attaching an index) wait at most one second for the lock, and are retried. A concurrent build is no transaction, so its
journal line comes after it: each step first checks what exists already. What somebody dropped, created or validated
meanwhile is reported and left unchanged.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from replicator import events, journal
from replicator.checks import dry_run
from replicator.errors import Incomplete, Interrupted, PreflightFailed, StepFailed
from replicator.events import Emit
from replicator.journal import deferred, ownership
from replicator.journal.connection import ControlConnection
from replicator.journal.tasks import ATTACH, INDEX, SPACE, VALIDATE, Task
from replicator.model import Address, Execute, Lock, Outcome, Phase, Step, shown
from replicator.runs import resume
from replicator.runs.resume import PreviousRun
from replicator.sessions import failures, postgres
from replicator.sessions.failures import naming
from replicator.sessions.postgres import Connection, unquoted
from replicator.sessions.retry import Retry
from replicator.sessions.setup import PATH, with_path
from replicator.sessions.workers import Sessions
from replicator.work import index_memory, rejected
from replicator.work.executor import execute
from replicator.work.index_memory import Sorting
from replicator.work.step_runner import SEARCH_PATH

BLOCKED = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
"""Another session blocked the step until its retries ran out; the other steps continue."""
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '1s'"
"""How long others may wait behind a statement that waits for its lock."""
INDEX_STATE = """
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
KEY_STATE = """
SELECT to_regclass(%s) IS NOT NULL, c.convalidated
  FROM (SELECT) AS one
  LEFT JOIN pg_constraint c ON c.conrelid = to_regclass(%s) AND c.conname = %s AND c.contype = 'f'
"""
ATTACHABLE = """
SELECT to_regclass(%s) IS NOT NULL
     , to_regclass(%s) IS NOT NULL
     , EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = p.indrelid AND h.inhrelid = i.indrelid)
     , EXISTS (SELECT
                 FROM pg_inherits h
                 JOIN pg_index other ON other.indexrelid = h.inhrelid
                WHERE h.inhparent = p.indexrelid AND other.indrelid = i.indrelid AND other.indexrelid <> i.indexrelid)
  FROM (SELECT) AS one
  LEFT JOIN pg_index p ON p.indexrelid = to_regclass(%s)
  LEFT JOIN pg_index i ON i.indexrelid = to_regclass(%s)
"""
CONTINUE = "Run `validate` again to continue."
GIVE_UP = "Run `validate` to retry; `clean` cancels the remaining work, and removes only the journal."
CORRECT = "Correct the rows on the destination, or drop the key."


def validate(dsn: str, emit: Emit, *, jobs: int, memory: int | None = None, retry_seconds: float = 600.0) -> int | None:
    """Do the deferred work of a clone into this database, and drop its journal. Returns the number of tasks.

    None: there is no journal. Raises PreflightFailed, StepFailed, and Incomplete with the names of failed tasks.
    """
    sessions = uuid.uuid4().hex[:8]
    with ControlConnection(dsn, f"journal {sessions}") as control:
        if not ownership.exists(control.conn):
            return None
        if holder := control.claim(end_silent=True):
            raise PreflightFailed(
                f"Another `validate` or `clone` is running in this database: {holder}.",
                hint="Wait until it ends. If its process or host died, run `validate` again in a few seconds.",
            )
        with naming_next_command():
            tasks, violable = _take_over(control.conn, sessions)
            building = index_memory.share(*index_memory.look(control.conn), jobs)
            if memory:
                building = Sorting(memory, building.workers)
            with postgres.pool(dsn, jobs, application=f"worker {sessions}", more=_session(control, building)) as opened:
                pending, workers = {task.name: task for task in tasks}, Sessions(opened, "destination")
                retry, sized_per_index = Retry(retry_seconds), memory is None
                work = Validation(pending, control, workers, sessions, emit, retry, building, sized_per_index, violable)
                refused = work.run_all(jobs)
            if refused:
                deferred.refuse(
                    deferred.thawed(control.keep()), {name: error.reason for name, error in refused.items()}
                )
                raise _incomplete(refused)
            journal.drop(deferred.thawed(control.keep()))
    return len(tasks)


@contextmanager
def naming_next_command() -> Iterator[None]:
    """Add the command that continues the run to its error."""
    try:
        yield
    except (StepFailed, Interrupted, KeyboardInterrupt) as error:
        ended = Interrupted(str(error)) if isinstance(error, KeyboardInterrupt) else error
        ended.hint = f"{ended.hint or ''} {CONTINUE}".strip()
        if ended is error:
            raise
        raise ended from error


def _take_over(conn: Connection, sessions: str) -> tuple[list[Task], bool]:
    """End an earlier run's sessions. Returns the remaining tasks, and whether rows may violate a key.

    Raises PreflightFailed.
    """
    status, run = journal.read_status(conn), journal.read_run(conn)
    if status is None or run is None:
        return [], False  # the run that held the claim has just finished
    if not status.open:
        raise PreflightFailed(f"{status.said} `validate` comes after that.", hint=status.way_on)
    resume.end_sessions(PreviousRun(run, ()), conn)
    deferred.take_over(deferred.thawed(conn), sessions)
    return deferred.read_tasks(conn), run.options["foreign_keys"] == "not-valid"


def _session(control: ControlConnection, building: Sorting) -> dict[str, str]:
    """Return the settings of the worker sessions."""
    settings = {"max_parallel_maintenance_workers": str(building.workers), "synchronous_commit": "on", **dry_run.TRYING}
    if control.conn.info.parameter_status("is_superuser") == "on":
        settings["session_replication_role"] = "replica"  # keeps the copy's event triggers from firing
    return settings


def _incomplete(refused: Mapping[str, StepFailed]) -> Incomplete:
    reported = [str(error) for error in refused.values() if error.__cause__]
    violated = any(rejected.violated(error) for name, error in refused.items() if name.startswith("validate "))
    ended = Incomplete(reported, len(refused) - len(reported), hint=f"{CORRECT if violated else ''} {GIVE_UP}".strip())
    ended.__cause__ = next((error.__cause__ for error in refused.values() if error.__cause__), None)
    return ended


class IndexState(NamedTuple):
    """What exists of an index to be built: see INDEX_STATE."""

    table: bool
    valid: bool | None
    """None: there is no such index on that table."""
    definition: str | None
    lockable: bool | None
    """Whether LOCK TABLE accepts its table: not a materialized view."""
    computes: bool | None
    """It has expressions, and the table has statistics."""


@dataclass
class Validation:
    """Runs the tasks, each on a connection of the pool.

    `sized_per_index`: memory depends on each index, at most that of `building`. `violable`: rows may violate a key.
    """

    tasks: Mapping[str, Task]
    control: ControlConnection
    destination: Sessions
    sessions: str
    emit: Emit
    retry: Retry
    building: Sorting
    sized_per_index: bool
    violable: bool
    stopped: threading.Event = field(default_factory=threading.Event)

    def run_all(self, jobs: int) -> dict[str, StepFailed]:
        """Run all tasks. Returns the failed ones. Raises StepFailed for a failure that no task caused."""
        steps = self._steps()
        self.emit(events.Planned({Phase.DEFERRED: len(steps)}, 0))
        return execute(steps, self._run, jobs=jobs, emit=self.emit, cancel=self._cancel)

    def _steps(self) -> list[Step]:
        """Return the tasks as steps, in order; steps that would lock each other out do not run at the same time."""
        numbers: dict[str, int] = {}
        steps = []
        for task in self.tasks.values():
            needs = task.needs & self.tasks.keys()
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
        self.stopped.set()
        self.destination.cancel()

    def _run(self, batch: Sequence[Step], worker: int) -> dict[str, Outcome | StepFailed]:
        (step,) = batch

        def tell(error: BaseException, seconds: float) -> None:
            self.emit(events.Retried(step.name, step.phase, worker, seconds, failures.one_line(error)))

        try:
            began = time.monotonic()
            self.retry.run(step.name, lambda retry: self._attempt(step, retry=retry), tell, self.stopped)
        except StepFailed as error:
            if not rejected.may_be_refused(step, error) and not isinstance(error.__cause__, BLOCKED):
                raise
            return {step.name: error}
        return {step.name: Outcome(time.monotonic() - began)}

    def _attempt(self, step: Step, *, retry: bool) -> None:
        task = self.tasks[step.name]
        with naming(step), failures.on("destination"):
            if retry or self.control.lost:
                self.destination.end_lost(self.control.keep())
        with naming(step), self.destination.use() as conn:
            if self.stopped.is_set():
                raise StepFailed(step.name, "stopped")
            kind = task.found.re
            does = self._build if kind is INDEX else self._attach if kind is ATTACH else self._validate_key
            if note := does(conn, task):
                self.emit(events.Note(f"{shown(task.name)}: {note}", left_out=True))

    def _build(self, conn: Connection, task: Task) -> str:
        """Build an index unless it exists, then run its other statements. Returns a note, if any."""
        self._remove_invalid(conn, task)
        index = self._index_state(conn, task)
        if not index.table:
            self._finish(conn, task, ())
            return "its table no longer exists."
        if index.valid is None:
            self._with_search_path(conn, task, lambda: self._build_concurrently(conn, task))
        elif index.definition != task.found[0].replace(" CONCURRENTLY", "", 1):
            self._finish(conn, task, ())
            return f"somebody created an index of that name, which is kept: {index.definition}"
        if self._index_state(conn, task).computes:
            # Statistics of its expressions were not copied.
            self._with_search_path(conn, task, lambda: conn.execute(f"ANALYZE {task.table}"))
        rest = [s for s in task.statements if s != task.found[0] and not SPACE.fullmatch(s)]
        self._finish(conn, task, rest)
        return ""

    def _index_state(self, conn: Connection, task: Task) -> "IndexState":
        (row,) = conn.execute(INDEX_STATE, [task.table, task.table, task.index]).fetchall()
        return IndexState(*row)

    def _remove_invalid(self, conn: Connection, task: Task) -> None:
        """Drop the invalid index of a failed build; if another session is building it, wait for that first."""
        index = self._index_state(conn, task)
        if index.valid is False and index.lockable:
            with conn.transaction():
                conn.execute(f"LOCK TABLE ONLY {task.table} IN SHARE UPDATE EXCLUSIVE MODE")
            index = self._index_state(conn, task)
        if index.valid is False:
            conn.execute(f"DROP INDEX CONCURRENTLY {task.index}")

    def _with_search_path(self, conn: Connection, task: Task, run: Callable[[], object]) -> None:
        """Run statements that call functions; if a name is not found, retry with the search_path that they rely on."""
        try:
            run()
        except rejected.NAMELESS:
            ((path,),) = conn.execute(SEARCH_PATH).fetchall()
            if not path:
                raise
            conn.execute(with_path(path, local=False))
            try:
                run()
            finally:
                if not conn.closed:
                    conn.execute(f"SET search_path = {PATH}")
            self.emit(events.Note(rejected.relies(task.name, path)))

    def _build_concurrently(self, conn: Connection, task: Task) -> None:
        memory = self.building.memory(task.sorts) if self.sized_per_index and task.sorts else self.building.most
        conn.execute(f"SET maintenance_work_mem = '{memory // 1024}kB'")
        try:
            for statement in task.statements:
                if SPACE.fullmatch(statement) or statement == task.found[0]:
                    _execute_one(conn, statement)
        except psycopg.errors.DuplicateTable:  # another session's, perhaps still being built
            raise
        except psycopg.Error:
            if not conn.closed and not self.stopped.is_set():
                with suppress(psycopg.Error):  # else the next run drops it
                    self._remove_invalid(conn, task)
            raise
        finally:
            if not conn.closed:
                with suppress(psycopg.Error):
                    conn.execute("SET default_tablespace = ''")

    def _attach(self, conn: Connection, task: Task) -> str:
        """Attach a partition's index to its parent's."""
        parent, index = task.found["parent"], task.index
        (row,) = conn.execute(ATTACHABLE, [parent, index, parent, index]).fetchall()
        has_parent, has_index, is_partition, has_another = row
        if has_parent and has_index and is_partition and not has_another:
            self._finish(conn, task, task.statements)
            return ""
        self._finish(conn, task, ())
        if not (has_parent and has_index):
            return f"{index if has_parent else parent} no longer exists."
        return f"{parent} has another index there." if has_another else "its table is no longer a partition."

    def _validate_key(self, conn: Connection, task: Task) -> str:
        """Validate a foreign key."""
        table, key = task.table, unquoted(task.found["key"])
        ((table_exists, valid),) = conn.execute(KEY_STATE, [table, table, key]).fetchall()
        if valid is not False:
            self._finish(conn, task, ())
            return "" if valid else f"{'the key' if table_exists else 'its table'} no longer exists."
        try:
            self._finish(conn, task, task.statements)
        except psycopg.errors.ForeignKeyViolation as error:
            if not self.violable:
                raise
            self._finish(conn, task, ())
            text = f"{shown(task.name)}: left NOT VALID, since rows violate it: {failures.violation(error)}"
            self.emit(events.Note(text, left_out=True))
        return ""

    def _finish(self, conn: Connection, task: Task, statements: Sequence[str]) -> None:
        """Run statements and record the task as done, in one transaction."""
        with conn.transaction():
            if task.found.re is not VALIDATE:
                conn.execute(LOCK_TIMEOUT)
            for statement in statements:
                _execute_one(conn, statement)
            deferred.done(conn, self.sessions, task.name)


def _execute_one(conn: Connection, statement: str) -> None:
    """Run exactly one statement: the extended protocol rejects a second one."""
    conn.execute(statement.encode(conn.info.encoding), binary=True)
