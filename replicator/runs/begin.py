"""The first write: store the plan in the journal, or take over the journal of an earlier run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from replicator import events, journal
from replicator.events import Emit
from replicator.journal import Journal, unfinished
from replicator.journal.run import Run
from replicator.model import Phase
from replicator.runs import hold, resume
from replicator.runs.endpoints import Endpoints, identity
from replicator.runs.mode import Mode
from replicator.runs.prepare import Prepared
from replicator.runs.resume.existing import EarlierCopy
from replicator.sessions import failures, postgres
from replicator.sessions.postgres import Connection
from replicator.sessions.retry import Retry
from replicator.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy in progress: its mode, both databases, the plan, and the journal that records finished steps."""

    mode: Mode
    settings: Settings
    ends: Endpoints
    prepared: Prepared
    journal: Journal
    retry: Retry
    emit: Emit

    @property
    def options(self) -> Mapping[str, object]:
        """The settings that the journal stores."""
        return unfinished.options_of(self.settings)

    def control(self) -> Connection:
        """Return the journal's connection; reconnect if it was lost."""
        return self.ends.control.keep()

    def retried(self, action: Callable[[], T]) -> T:
        """Run an action on the journal; retry it while its errors are transient."""

        def tell(error: BaseException, seconds: float) -> None:
            self.emit(events.Retried("journal", Phase.DATABASE, 0, seconds, failures.one_line(error)))

        return self.retry.run("journal", lambda _: action(), tell)


def begin(mode: Mode, prepared: Prepared, ends: Endpoints, settings: Settings, emit: Emit) -> Copy:
    """Store the plan in the journal, or take over an earlier run's journal. Raises SourceChanged, PreflightFailed."""
    record = Journal(prepared.plan)
    holder = ", and waiting for the process that will hold the snapshot" if settings.hold_snapshot_seconds else ""
    with events.saying(emit, f"Writing the plan into the journal{holder}"):
        facts = ends.source.facts
        ends.snapshot.forget()  # the catalogs are not read again for a long time
        run = Run(
            postgres.describe(settings.source),
            facts.system,
            facts.identity,
            ends.sessions,
            held_name(ends, settings),
            *identity(ends.snapshot),
            held_until(ends, settings),
            unfinished.options_of(settings),
            not mode.whole,
            prepared.kept_schemas,
            tried=prepared.tried.record,
        )
        if ends.previous is None:
            with ends.control.conn.transaction():
                if mode.drops:
                    journal.drop(ends.control.conn)  # the earlier run's
                record.create(ends.control.conn, run)
        else:
            take_over(ends.previous, record, run, prepared, ends, settings, emit)
    return Copy(mode, settings, ends, prepared, record, Retry(settings.retry_seconds), emit)


def take_over(
    previous: resume.PreviousRun,
    record: Journal,
    run: Run,
    prepared: Prepared,
    ends: Endpoints,
    settings: Settings,
    emit: Emit,
) -> None:
    """Continue an earlier run's journal, after checking that everything it created still exists."""
    plan, control = prepared.plan, ends.control.conn
    updated = resume.check_unchanged(previous, plan)
    if updated:
        words = f"Definitions that changed on the source were updated in the copy: {events.listed(sorted(updated))}."
        emit(events.Note(words))
    reusable = resume.reusable_steps(previous, plan, same_snapshot=ends.same_snapshot) - updated
    earlier_copy = EarlierCopy(previous, reusable, plan, prepared.catalog, prepared.existing)
    earlier_copy.check(control, ends.destination.sessions, settings, emit)
    moved_sequences = earlier_copy.moved_sequences(control)
    resume.take_over(control, previous, record, run, plan, reusable, moved_sequences)
    if moved_sequences:
        emit(events.Note(f"Sequences that were used since the earlier run are reset: {', '.join(moved_sequences)}."))


def held_name(ends: Endpoints, settings: Settings) -> str:
    """Return the name of the longest-lived export of the snapshot: the holder process's, if one is requested."""
    if ends.previous and ends.same_snapshot:
        return ends.previous.run.snapshot  # its holder keeps running
    if not settings.hold_snapshot_seconds:
        return ends.snapshot.id
    return hold.start(
        hold.Request(
            settings.source,
            settings.destination,
            ends.encoding,
            ends.snapshot.id,
            settings.hold_snapshot_seconds,
            None if ends.snapshot.only is None else list(ends.snapshot.only),
        )
    )


def held_until(ends: Endpoints, settings: Settings) -> datetime | None:
    """Return until when a holder process keeps the snapshot; None without one."""
    if ends.previous and ends.same_snapshot:
        return ends.previous.run.held_until
    seconds = settings.hold_snapshot_seconds
    return datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None
