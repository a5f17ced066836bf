"""Runs each type of work in one transaction on the destination, together with its row in the journal.

After a temporary error (a lost connection, a deadlock, a server restart) the whole transaction is retried, unless the
journal shows that it was committed.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import NamedTuple, assert_never

import psycopg

from replicator import events, journal
from replicator.cluster.server import create_tablespace
from replicator.errors import StepFailed
from replicator.events import Emit
from replicator.journal import Journal
from replicator.journal.connection import ControlConnection
from replicator.journal.run import write_given
from replicator.model import (
    CarryStatistics,
    ComparingWork,
    CopyLargeObjects,
    CopyTable,
    CreateTablespace,
    DropExisting,
    Execute,
    Outcome,
    ReadPoint,
    SetSequences,
    Step,
)
from replicator.secrets import without_secrets
from replicator.sessions import failures
from replicator.sessions.failures import may_pass, naming, one_line
from replicator.sessions.locks import Relation
from replicator.sessions.postgres import Connection
from replicator.sessions.retry import Retry
from replicator.sessions.snapshot import Snapshot
from replicator.sessions.workers import Sessions, reading
from replicator.work import copying, emptying, large_objects, recopy, rejected, sequences, statistics
from replicator.work.copying import encoding
from replicator.work.executor import blocked
from replicator.work.index_memory import Sorting
from replicator.work.throttle import Throttle

logger = logging.getLogger(__name__)

REPORT_BYTES = 1024 * 1024
SEARCH_PATH = "SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'"


class Source(NamedTuple):
    """A connection to the source in the snapshot, and the snapshot's read point."""

    conn: Connection
    read_point: ReadPoint


class StepRunner:
    """Runs the steps of a clone, with the sessions on both servers, the snapshot and the journal."""

    def __init__(
        self,
        source: Sessions,
        destination: Sessions,
        snapshot: Snapshot,
        control: ControlConnection,
        journal: Journal,
        emit: Emit,
        *,
        again: Retry | None = None,
        relay: bool = True,
        throttle: Throttle | None = None,
        sorting: Sorting | None = None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._snapshot = snapshot
        self._control = control
        self._journal = journal
        self._emit = emit
        self._again = again or Retry(0)
        self._relay = relay
        self._throttle = throttle
        self._sorting = sorting
        self._stopped = threading.Event()
        self._telling = threading.Lock()
        self._told: set[str] = set()
        snapshot.tell = self._tell_once

    def run(self, batch: Sequence[Step], worker: int) -> dict[str, Outcome | StepFailed]:
        """Run a batch of steps in one transaction, and retry it after temporary errors. Raises StepFailed.

        Returns what each step did, or why it failed. If a batch fails, its steps are run one by one to find out.
        Raises Undone after a crash of the destination: nothing may build on steps that may be lost.
        """
        if len(batch) == 1:
            return {batch[0].name: self._run_alone(batch[0], worker)}
        if self._again.one_by_one.isdisjoint(step.name for step in batch):
            try:
                return dict(self._attempt(batch, worker, again=False))
            except StepFailed as error:
                if not self._stopped.is_set() and may_pass(error):
                    self._again.one_by_one.update(step.name for step in batch)
                    self._tell(error, 0, batch[0], worker)
                elif not any(rejected.may_be_refused(s, error) or rejected.nameless(s, error) for s in batch):
                    raise
        return self._run_one_by_one(batch, worker)

    def _run_alone(self, step: Step, worker: int) -> Outcome | StepFailed:
        try:
            return self._run(step, worker)
        except StepFailed as error:
            refusable = rejected.may_be_refused(step, error)
            if not refusable and not rejected.nameless(step, error):
                raise
            outcome = self._instead(step, worker, error)
            if not outcome and not refusable:
                raise
            return outcome or error

    def _run_one_by_one(self, batch: Sequence[Step], worker: int) -> dict[str, Outcome | StepFailed]:
        """Run the steps one by one, each in its own transaction, so that a failure is attributed to its step."""
        outcomes: dict[str, Outcome | StepFailed] = {}
        failed: set[str] = set()
        for step in batch:
            missing = blocked(step, failed)
            outcomes |= {step.name: missing} if missing else self.run([step], worker)
            if isinstance(outcomes[step.name], StepFailed) and not step.optional:
                failed.add(step.name)
        return outcomes

    def _instead(self, step: Step, worker: int, error: StepFailed) -> Outcome | None:
        """Do what helps, or what the user asked for, after a step failed; None if that fails, too."""
        found = rejected.instead(step, error, self._search_path)
        if not found:
            return None
        other, note = found
        try:
            outcome = self._run(other, worker)
        except StepFailed as refused:
            if not rejected.may_be_refused(step, refused):
                raise
            return None
        self._emit(note)
        return outcome

    def _search_path(self) -> str | None:
        with suppress(psycopg.Error), self._source.use() as conn:  # it may be closed after all was read
            return str(conn.execute(SEARCH_PATH).fetchall()[0][0])
        return None

    def _run(self, step: Step, worker: int) -> Outcome:
        outcomes = self._again.run(
            step.name,
            lambda again: self._attempt([step], worker, again=again or step.name in self._again.one_by_one),
            lambda error, seconds: self._tell(error, seconds, step, worker),
            self._stopped,
        )
        self._again.one_by_one.discard(step.name)
        return outcomes[step.name]

    def _attempt(self, batch: Sequence[Step], worker: int, *, again: bool) -> dict[str, Outcome]:
        with naming(batch[0]), failures.on("destination"):
            if again or self._control.lost:
                control = self._control.keep()  # without it this clone has lost its claim on the destination
                self._destination.end_lost(control)
        with naming(batch[0]), self._destination.use() as conn, conn.transaction():
            # First of all: an earlier attempt may still be committing, and this may be another server by now.
            done, forgotten = self._journal.take(conn, [step.name for step in batch])
            if left := [step for step in batch if step.name not in done]:
                outcomes = self._do_all(left, conn, worker, forgotten)
                self._journal.done(conn, outcomes)
                done |= outcomes
        return done

    def _do_all(
        self, batch: Sequence[Step], conn: Connection, worker: int, forgotten: Collection[str]
    ) -> dict[str, Outcome]:
        """Run the steps of a batch: first those that read from the source, whose connection is then released.

        `forgotten` are steps that were done before and whose rows a crash lost.
        """
        reads = list(itertools.takewhile(lambda step: isinstance(step.work, CopyTable | CopyLargeObjects), batch))
        outcomes: dict[str, Outcome] = {}
        with self._reading(reads) as source:
            blank = _lock(conn, [step for step in reads if step.name not in forgotten])
            for step in reads:
                late_one = replace(step, work=recopy.late(conn, step.work)) if step.name in forgotten else step
                outcomes |= self._do_one(late_one, source, conn, worker, blank)
        for at_once, steps in itertools.groupby(batch[len(reads) :], lambda step: isinstance(step.work, Execute)):
            rest = list(steps)
            done = _do_at_once(rest, conn) if at_once else {}
            outcomes |= done
            for step in rest[len(done) :]:
                outcomes |= self._do_one(step, None, conn, worker)
        return outcomes

    def _do_one(
        self, step: Step, source: Source | None, conn: Connection, worker: int, blank: Collection[str] = ()
    ) -> dict[str, Outcome]:
        if self._stopped.is_set():
            raise StepFailed(step.name, "stopped")
        began = time.monotonic()
        with naming(step):
            outcome = self._do(step, source, conn, worker, blank)
        return {step.name: Outcome(time.monotonic() - began, *outcome)}

    def _tell(self, error: BaseException, seconds: float, step: Step, worker: int) -> None:
        """Report that a batch is retried."""
        self._emit(events.Retried(step.name, step.phase, worker, seconds, one_line(error)))

    def cancel(self) -> None:
        """Stop all workers: start nothing new, and cancel running statements on both servers."""
        self._stopped.set()
        self._source.cancel()
        self._destination.cancel()

    def _do(
        self, step: Step, source: Source | None, destination: Connection, worker: int, blank: Collection[str]
    ) -> tuple[int, int, ReadPoint | None]:
        """Return the rows, the bytes and, for rows, their read point."""
        assert not isinstance(step.work, ComparingWork), f"a copy compares nothing: {step.work}"
        match step.work:
            case Execute(statements):
                if step.sorts and self._sorting:  # until the transaction ends; others in the batch are small
                    memory = self._sorting.memory(step.sorts) // 1024
                    statements = (f"SET LOCAL maintenance_work_mem = '{memory}kB'", *statements)
                _run(statements, destination)
                return 0, 0, None
            case CreateTablespace() as work:
                # CREATE TABLESPACE cannot run in a transaction, so it is outside of this one: a retry finds it done.
                create_tablespace(self._control.keep(), work)
                for statement in work.then:
                    destination.execute(statement)
                return 0, 0, None
            case DropExisting(kept):
                # A few hundred objects for each transaction, since the lock table is small: a retry drops the rest.
                control = self._control.keep()
                emptying.empty(control, kept, emptying.not_ours(control), lambda: journal.begin_dropping(control))
                return 0, 0, None
            case CopyTable() as work:
                assert source is not None
                with self._counting(step, worker) as moved, encoding.named(self._snapshot, step.name, work):
                    transfer, which = copying.choose_transfer(source.conn, destination, relay_wanted=self._relay)
                    self._tell_once(which, detail=transfer is copying.relay.transfer)
                    rows = copying.copy_table(source.conn, destination, work, transfer, moved, blank=blank)
                return rows, moved.total, source.read_point
            case SetSequences(which, forward):
                with self._source.use() as conn:  # no transaction, which would lock each one to its end
                    values = sequences.read_values(conn, which)
                    if sequences.any_unlogged(conn, which):  # a crash of the source resets them, and ends its snapshot
                        self._snapshot.keep()
                given = sequences.set_what_is_there(destination, values, forward=forward)
                write_given(destination, given)
                return len(given), 0, None
            case CarryStatistics(tables):
                with self._source.use() as conn:
                    refused = statistics.carry(conn, destination, tables)
                for table, reason in refused.items():
                    self._emit(
                        events.Note(f"Running ANALYZE {table}, since its statistics could not be transferred: {reason}")
                    )
                    destination.execute(f"ANALYZE {table}")
                return 0, 0, None
            case CopyLargeObjects(range):
                assert source is not None
                with self._counting(step, worker) as moved:
                    rows = large_objects.copy_range(source.conn, destination, range, moved)
                return rows, moved.total, None
            case _:
                assert_never(step.work)

    def _tell_once(self, text: str, *, detail: bool = False) -> None:
        with self._telling:
            if text not in self._told:
                self._told.add(text)
                self._emit(events.Note(text, detail=detail))

    @contextmanager
    def _reading(self, batch: Sequence[Step]) -> Iterator[Source | None]:
        """Lend a connection in the snapshot, if the batch reads from the source."""
        copies = [step.work for step in batch if isinstance(step.work, CopyTable)]
        if not copies and not any(isinstance(step.work, CopyLargeObjects) for step in batch):
            yield None
            return
        with failures.on("source"):
            self._snapshot.keep()
        relations = [Relation(work.reading.relation, work.table.address.objid) for work in copies]
        with reading(self._source, self._snapshot, relations) as conn:
            yield Source(conn, self._snapshot.read_point)

    def _wait(self, bytes: int) -> None:
        if self._throttle:
            self._throttle.wait(bytes, self._stopped)

    @contextmanager
    def _counting(self, step: Step, worker: int) -> Iterator["Counter"]:
        counter = Counter(self._emit, step, worker, self._wait)
        try:
            yield counter
        except BaseException:
            counter.take_back()
            raise
        counter.report()


def _lock(conn: Connection, batch: Sequence[Step]) -> set[str]:
    """Lock the tables of a batch in one message; if that fails, one by one, to find the step."""
    works = [(step, step.work) for step in batch if isinstance(step.work, CopyTable)]
    if len(works) > 1:
        with suppress(psycopg.Error), conn.transaction():
            return copying.lock(conn, [work for _, work in works])
    blank: set[str] = set()
    for step, work in works:
        with naming(step):
            blank |= copying.lock(conn, [work])
    return blank


def _do_at_once(batch: Sequence[Step], conn: Connection) -> dict[str, Outcome]:
    """Run all statements of a batch as one message. If one fails, do nothing: run one by one, they show which it is.

    Most take less time than a round trip.
    """
    statements = [s for step in batch if isinstance(step.work, Execute) for s in step.work.statements]
    if len(batch) == 1 or not statements:
        return {}
    began = time.monotonic()
    conn.execute("SAVEPOINT together")  # in its own message: the server parses a whole message before it runs any of it
    try:
        _run([*statements, "RELEASE SAVEPOINT together"], conn)
    except psycopg.Error:
        if conn.closed:
            raise
        conn.execute("ROLLBACK TO SAVEPOINT together")
        return {}
    seconds = (time.monotonic() - began) / len(batch)
    return {step.name: Outcome(seconds) for step in batch}


def _run(statements: Sequence[str], conn: Connection) -> None:
    """Run statements in one message."""
    if statements:
        together = ";\n".join(statements)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s", without_secrets(together))
        conn.execute(together)


class Counter:
    """Counts the bytes of a step, reports each megabyte, and waits to keep the rate limit."""

    def __init__(self, emit: Emit, step: Step, worker: int, wait: Callable[[int], None]) -> None:
        self.total = 0
        self._reported = 0
        self._emit = emit
        self._step = step
        self._worker = worker
        self._wait = wait

    def __call__(self, bytes: int) -> None:
        self.total += bytes
        if self.total - self._reported >= REPORT_BYTES:
            self.report()
        self._wait(bytes)

    def report(self) -> None:
        """Emit the bytes not reported yet."""
        self._emit(events.Moved(self._step.name, self._step.phase, self._worker, self.total - self._reported))
        self._reported = self.total

    def take_back(self) -> None:
        """Emit that the bytes reported so far were rolled back."""
        self.total = 0
        self.report()
