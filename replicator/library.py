"""The Python API: each command as a function, and as a run that another thread can follow and cancel.

Nothing in it prints, reads the environment or arguments, installs signal handlers or disables the garbage collector. A
run leaves no state in the process, so several may run at the same time. The command line uses the same functions.
Reference: `replicator help python`.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from replicator import checks, events
from replicator.catalog.rules import Rules
from replicator.checks import Facts
from replicator.comparing import Mismatch
from replicator.events import Emit, Event
from replicator.journal.run import Status
from replicator.model import Finding, Phase, Plan, ReadPoint
from replicator.running import Command
from replicator.runs import check as runs_check
from replicator.runs import choose as runs_choose
from replicator.runs import clone as runs_clone
from replicator.runs import plan as runs_plan
from replicator.runs import reading
from replicator.runs import repair as runs_repair
from replicator.runs import status as runs_status
from replicator.runs import validate as runs_validate
from replicator.runs.choose import Chosen
from replicator.sessions.postgres import with_defaults
from replicator.sessions.setup import database_of
from replicator.sessions.watch import STALL_SECONDS, Watch, current, prepared, watched
from replicator.settings import Settings, check_values, default_jobs
from replicator.settings.mask_key import startup

if TYPE_CHECKING:
    from replicator.shaping.masks.personal import Suggested


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A copied table. `seconds` is the sum over all workers that copied it."""

    name: str
    rows: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """What a command did. Servers are named as user@host:port/database."""

    source: str
    destination: str
    versions: tuple[str, ...]
    """The servers' versions: source, destination."""
    seconds: float
    tables: tuple[CopiedTable, ...] = ()
    """The copied tables; empty for `verify`."""
    snapshot: ReadPoint | None = None
    """The source's snapshot that was copied, and a WAL position right after it."""
    verified: bool = False
    """Whether all of the copy was compared with the source."""
    differences: tuple[Mismatch, ...] = ()
    """Found by `verify`, including repaired ones."""
    left_out: tuple[str, ...] = ()
    """What was skipped because the options asked for or allowed it."""
    deferred: str = ""
    """What `validate` still has to do, as text."""
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows copied."""
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        """Number of bytes copied, as sent by the source."""
        return sum(table.bytes for table in self.tables)

    @property
    def equal(self) -> bool:
        """Whether no difference remains."""
        return all(difference.repaired for difference in self.differences)


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found: the facts of each server, and findings, which block a clone (`fatal`) or not."""

    servers: dict[str, Facts]
    findings: tuple[Finding, ...]
    untried: bool = field(default=False, kw_only=True)
    """Not all of the schema was tried on the destination, so a clone may find more before it copies."""

    @property
    def blocked(self) -> bool:
        """Whether a clone would refuse to begin."""
        return any(finding.fatal for finding in self.findings)


@dataclass(frozen=True, slots=True)
class CheckedPlan(Checked):
    """What a clone would do, and what `check` finds. Without a check, there are neither servers nor findings."""

    plan: Plan


class _Recorder:
    """Collects the events of a run, from any thread, and forwards them."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._servers: dict[str, events.Ready] = {}
        self._tables: dict[str, CopiedTable] = {}
        self._notes: list[events.Note] = []

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case events.Ready():
                    self._servers[event.server] = event
                case events.Note():
                    self._notes.append(event)
                case events.Done(phase=Phase.DATA, table=str(name)) if name:
                    before = self._tables.get(name, CopiedTable(name, 0, 0, 0.0))
                    self._tables[name] = CopiedTable(
                        name, before.rows + event.rows, before.bytes + event.bytes, before.seconds + event.seconds
                    )
        self._emit(event)

    def result(
        self,
        *,
        snapshot: ReadPoint | None = None,
        verified: bool = False,
        differences: Sequence[Mismatch] = (),
    ) -> Result:
        """Return the result built from the events."""
        servers = [self._servers.get(side, events.Ready(side, "", "")) for side in ("source", "destination")]
        return Result(
            servers[0].where,
            servers[1].where,
            tuple(server.version for server in servers),
            time.monotonic() - self._began,
            tuple(self._tables.values()),
            snapshot,
            verified,
            tuple(differences),
            tuple(dict.fromkeys(note.text for note in self._notes if note.left_out)),
            next((note.text for note in self._notes if note.deferred), ""),
            tuple(note.text for note in self._notes if not note.left_out and not note.deferred),
        )


def own_process() -> None:
    """Exclude what later runs read from garbage collection: for a process that does nothing else."""
    reading.own_process.set(True)


def _ignore(event: Event) -> None:
    pass


@contextmanager
def watching(emit: Emit, stall_seconds: float) -> Iterator[_Recorder]:
    """Run a command's code under a watch of its own, which records what is emitted."""
    check_values(stall_seconds=stall_seconds)
    recorder = _Recorder(emit)
    watch = prepared.get(Watch())
    watch.configure(stall_seconds, lambda text: recorder(events.Note(text)))
    with watched(watch):
        yield recorder


@contextmanager
def _begun(settings: Settings, emit: Emit) -> Iterator[_Recorder]:
    Rules.of(settings)  # before a server is waited for
    with watching(emit, settings.stall_seconds) as recorder:
        if settings.mask_key:
            current().secret = database_of(with_defaults(settings.source)), startup(settings.mask_key)
        yield recorder


@Command
def clone(settings: Settings, *, on_event: Emit = _ignore) -> Result:
    """Copy the source into the destination; verify the copy if `verify` is set.

    Raises a ReplicatorError; its `hint` names the next command. `on_event` is called from several threads.
    """
    with _begun(settings, on_event) as recorder:
        cloned = runs_clone.clone(settings, recorder)
        return recorder.result(snapshot=cloned.read_point, verified=cloned.verified)


@Command
def verify(settings: Settings, *, on_event: Emit = _ignore) -> Result:
    """Compare two databases; with `repair`, copy differing rows again. Raises a ReplicatorError.

    Differences do not raise an error: see Result.differences and Result.equal.
    """
    with _begun(settings, on_event) as recorder:
        return recorder.result(verified=True, differences=runs_repair.verify_or_repair(settings, recorder))


@Command
def plan(settings: Settings, *, checked: bool = True, on_event: Emit = _ignore) -> CheckedPlan:
    """Return what a clone would do, and what blocks it. Nothing is written. Raises a ReplicatorError.

    Not `checked`: only what it would do. Then, source and destination may be the same: that plans for a destination
    that supports everything.
    """
    with _begun(settings, on_event) as recorder:
        if not checked:
            return CheckedPlan({}, (), runs_plan.plan_copy(settings, recorder))
        planned, found = runs_check.preflight_and_plan(settings, recorder)
        return CheckedPlan(found.facts, tuple(found.findings), planned, untried=found.untried)


@Command
def check(
    settings: Settings, *, only: Literal["source", "destination"] | None = None, on_event: Emit = _ignore
) -> Checked:
    """Return what would block a clone. Nothing is written. Raises a ReplicatorError.

    `only`: wait for this server and return its facts; the other one is not asked.
    """
    with _begun(settings, on_event) as recorder:
        if only:
            dsn, attempts, delay = getattr(settings, only), settings.wait_attempts, settings.wait_delay
            return Checked({only: checks.wait(only, dsn, attempts=attempts, delay=delay, emit=recorder)}, ())
        found = runs_check.preflight(settings, recorder)
        return Checked(found.facts, tuple(found.findings), untried=found.untried)


@Command
def choose(settings: Settings, *, on_event: Emit = _ignore) -> Chosen:
    """Return which objects are copied. The destination is not asked. Raises a ReplicatorError."""
    with _begun(settings, on_event) as recorder:
        return runs_choose.choose(settings, recorder)


@Command
def suggest_masks(settings: Settings, *, on_event: Emit = _ignore) -> "Suggested":
    """Return the columns of the source that look personal, and that the definition does not name.

    The destination is not asked. Raises a ReplicatorError.
    """
    from replicator.runs import suggest as runs_suggest  # all that knows masks: a clone without them does not load it

    with _begun(settings, on_event) as recorder:
        return runs_suggest.suggest_masks(settings, recorder)


@Command
def status(
    destination: str,
    *,
    wait_attempts: int = 5,
    wait_delay: float = 5.0,
    stall_seconds: float = STALL_SECONDS,
    on_event: Emit = _ignore,
) -> Status | None:
    """Return the state of the unfinished clone in this database; None if there is none."""
    with watching(on_event, stall_seconds) as recorder:
        _wait(destination, wait_attempts, wait_delay, recorder)
        return runs_status.unfinished_clone(destination)


@Command
def clean(
    destination: str,
    *,
    wait_attempts: int = 5,
    wait_delay: float = 5.0,
    stall_seconds: float = STALL_SECONDS,
    on_event: Emit = _ignore,
) -> Counter[str] | None:
    """Remove what an unfinished clone left in this database. Returns the number of dropped objects by kind, or None.

    Raises PreflightFailed while that clone is active.
    """
    with watching(on_event, stall_seconds) as recorder:
        _wait(destination, wait_attempts, wait_delay, recorder)
        return runs_status.clean_up(destination, recorder)


@Command
def validate(
    destination: str,
    *,
    jobs: int | None = None,
    maintenance_work_mem: int | None = None,
    retry_seconds: float = 600.0,
    wait_attempts: int = 5,
    wait_delay: float = 5.0,
    stall_seconds: float = STALL_SECONDS,
    on_event: Emit = _ignore,
) -> Result | None:
    """Do the deferred work of a clone into this database; None if there is none. Raises Incomplete.

    `jobs`: None as in Settings, the number of processors.
    """
    with watching(on_event, stall_seconds) as recorder:
        _wait(destination, wait_attempts, wait_delay, recorder)
        jobs = default_jobs() if jobs is None else jobs
        check_values(jobs=jobs, maintenance_work_mem=maintenance_work_mem, retry_seconds=retry_seconds)
        memory, seconds = maintenance_work_mem, retry_seconds
        done = runs_validate.validate(destination, recorder, jobs=jobs, memory=memory, retry_seconds=seconds)
        return None if done is None else recorder.result()


def _wait(destination: str, attempts: int, delay: float, emit: Emit) -> None:
    check_values(destination=destination, wait_attempts=attempts, wait_delay=delay)
    checks.wait("destination", destination, attempts=attempts, delay=delay, emit=emit, absent=runs_status.ABSENT)
