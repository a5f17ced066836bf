"""A copy of a database, from the first attempt to connect to the last check. Read this first: it is the whole story."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import psycopg

from replicator import checks, events, journal
from replicator.cluster import database
from replicator.errors import Interrupted, ReplicatorError, SourceChanged, StepFailed, Undone, VerificationFailed
from replicator.events import Emit
from replicator.journal import Journal, crash, unfinished
from replicator.journal.run import CHANGED, Run, read_given
from replicator.model import READING, CopyTable, Phase, Plan, Step
from replicator.runs import hold, resume, rows_only, swap
from replicator.runs.compare import compare_databases, compared, raise_if_different
from replicator.runs.endpoints import Endpoints, identity, open_both
from replicator.runs.prepare import Prepared, prepare, ready
from replicator.runs.resume import as_of
from replicator.runs.resume.existing import Remains
from replicator.runs.resume.violations import mend
from replicator.sessions import postgres, snapshot
from replicator.sessions.postgres import Connection
from replicator.sessions.retry import Retry
from replicator.settings import Settings
from replicator.work import rejected
from replicator.work.executor import execute
from replicator.work.steps import StepRunner

T = TypeVar("T")

CRASHED = "The destination's server crashed, or another one took its place: what was lost of the copy is done again."
EMPTIED = "its server crashed right after it, and emptied what a crash empties, unlogged tables"


def clone(settings: Settings, emit: Emit) -> bool:
    """Copy the source database into the destination, and verify the copy if the settings say so.

    Returns whether all of it was verified. Raises a ReplicatorError; from the first write on, the destination's journal
    says how far the copy got.
    """
    if settings.replace == "swap":
        return swap.swap(settings, emit, build=fill)
    return fill(settings, emit)


def fill(settings: Settings, emit: Emit, *, verified: bool = False) -> bool:
    """Copy the source database into the empty destination, or its rows alone into a schema that is there.

    Returns whether the copy was verified as a whole, which need not be done if it is `verified` already.
    """
    with ready(settings, emit) as opened, ExitStack() as stack:
        with events.saying(emit, "Opening both databases, and ending what an earlier run left there"):
            ends = stack.enter_context(open_both(settings, opened))
        if ends.left:
            settings = unfinished.as_begun(settings, ends.left.run.options)
        prepared = (rows_only.prepare if settings.data_only else prepare)(ends, settings, emit)
        ends.warm(prepared.plan)
        holder = ", and waiting for the process that is to hold the snapshot" if settings.hold_snapshot_seconds else ""
        with events.saying(emit, f"Writing the plan into the journal{holder}"):
            record = begin(prepared, ends, settings, emit)
        with journaled(ends, settings):
            verified = complete(prepared, record, ends, settings, emit, verified=verified)
        for note in [*map(events.left_out, prepared.left_out), *record.later]:
            emit(note)
        return verified


def complete(
    prepared: Prepared, record: Journal, ends: Endpoints, settings: Settings, emit: Emit, *, verified: bool
) -> bool:
    """Do all that the journal has as unfinished, verify, and end the run; all over if the server crashes meanwhile.

    Returns whether the copy is verified.
    """
    again = Retry(settings.retry_seconds)
    while True:
        work_off(prepared, record, ends, settings, emit, again)
        try:
            if settings.verify and not verified:
                with unless_undone(record, ends, again, emit):
                    verified = check(prepared, ends, settings, emit)
            finish(prepared, record, ends, settings, emit, again)
        except Undone as error:
            again.failed("the end", error)
            verified = False
        else:
            return verified


def check(prepared: Prepared, ends: Endpoints, settings: Settings, emit: Emit) -> bool:
    """Compare the copy with the source. Returns whether that could be told of all of it. Raises VerificationFailed."""
    promised = prepared.catalog
    if settings.skip_failed_refresh:  # which view is empty for it was said
        promised = replace(promised, populated=frozenset())
    given = read_given(ends.control.keep())
    there, apart = prepared.there, prepared.kept
    comparing = partial(compared, ends, promised, settings, emit, given, there=there, apart=apart, cloned=True)
    with comparing(earlier=as_of.read_earlier(prepared, ends)) as found:
        raise_if_different(
            found.mismatches, unfinished.correct(unfinished.options_of(settings), rows=bool(found.tables))
        )
        unproven = set(found.unproven)
        differing = as_of.unchanged(unproven, prepared, ends)
    if differing:
        with comparing(only=differing) as found:
            raise_if_different(
                found.mismatches, unfinished.correct(unfinished.options_of(settings), rows=bool(found.tables))
            )
    if unproven:
        emit(events.Note(as_of.words(sorted(unproven))))
    return not unproven


@contextmanager
def unless_undone(record: Journal, ends: Endpoints, again: Retry, emit: Emit) -> Iterator[None]:
    """Take nothing for true that was found while the destination's server crashed. Raises Undone then."""
    try:
        yield
    except (ReplicatorError, psycopg.Error):
        steadily(again, emit, lambda: record.check(ends.control.keep()))
        raise


def steadily(again: Retry, emit: Emit, action: Callable[[], T]) -> T:
    """Do something with the journal, again and again while what fails may pass."""

    def tell(error: BaseException, seconds: float) -> None:
        emit(events.Retried("journal", Phase.DATABASE, 0, seconds, postgres.one_line(error)))

    return again.run("journal", lambda _: action(), tell)


def begin(prepared: Prepared, ends: Endpoints, settings: Settings, emit: Emit) -> Journal:
    """Write the plan into the journal, or take over that of an earlier run. Raises SourceChanged, PreflightFailed."""
    plan = prepared.plan
    record = Journal(plan)
    facts = checks.read_facts(ends.snapshot.holder)
    ends.snapshot.forget()  # it will be long until the catalogs are looked at again
    run = Run(
        postgres.describe(settings.source),
        facts.system,
        facts.identity,
        ends.sessions,
        held_name(ends, settings),
        *identity(ends.snapshot),
        held_until(ends, settings),
        unfinished.options_of(settings),
        settings.data_only,
        prepared.kept,
        tried=prepared.tried.record,
    )
    if ends.left is None:
        with ends.control.conn.transaction():
            if settings.replace == "drop":
                journal.drop(ends.control.conn)  # an earlier run's
            record.create(ends.control.conn, run)
        return record
    mended = resume.check_same(ends.left, plan)
    if mended:
        words = f"The source's definitions are others by now, and so are the copy's: {events.listed(sorted(mended))}."
        emit(events.Note(words))
    kept = resume.kept_steps(ends.left, plan, same_snapshot=ends.same_snapshot) - mended
    remains = Remains(ends.left, kept, plan, prepared.catalog, prepared.standing)
    remains.check(ends.control.conn, ends.destination, settings, emit)
    moved = remains.moved_sequences(ends.control.conn)
    resume.take_over(ends.control.conn, ends.left, record, run, plan, kept, moved)
    if moved:
        emit(events.Note(f"Sequences were used meanwhile, and are set again: {', '.join(moved)}."))
    return record


def held_name(ends: Endpoints, settings: Settings) -> str:
    """Return the name under which the snapshot can be had as long as possible: of a holder's if there is to be one."""
    if ends.left and ends.same_snapshot:
        return ends.left.run.snapshot  # whoever holds it goes on
    if not settings.hold_snapshot_seconds:
        return ends.snapshot.id
    return hold.start(
        hold.Request(
            settings.source, settings.destination, ends.encoding, ends.snapshot.id, settings.hold_snapshot_seconds
        )
    )


def held_until(ends: Endpoints, settings: Settings) -> datetime | None:
    """Return until when a process of its own holds the snapshot, if one does."""
    if ends.left and ends.same_snapshot:
        return ends.left.run.held_until
    seconds = settings.hold_snapshot_seconds
    return datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None


def work_off(
    prepared: Prepared, record: Journal, ends: Endpoints, settings: Settings, emit: Emit, again: Retry
) -> None:
    """Do all steps that the journal has as unfinished. Raises StepFailed, Incomplete, SourceChanged."""
    plan, crashed = prepared.plan, False
    violated = ends.left is not None and ends.left.refused and not settings.append
    tables = {step.work.table.address.objid for step in plan.steps if isinstance(step.work, CopyTable)}
    made_before = resume.made_before(ends.left)

    def all_read() -> None:
        ends.all_read(tables, release=not settings.verify and not violated)

    lost: set[str] | None = None  # by the last look, if nothing came in between
    while todo_names := left_to_do(record, ends, emit, again)[1] if lost is None else lost:
        lost = None
        todo = resume.left_of(plan, todo_names, made_before)
        emit(announcement(Plan(tuple(todo))))
        runner = StepRunner(
            ends.source,
            ends.destination,
            ends.snapshot,
            ends.control,
            record,
            emit,
            relay=settings.relay,
            throttle=ends.throttle,
            sorting=ends.sorting,
            again=again,
        )
        told = to_the_last_row(todo, emit, all_read)
        with suppress(Undone):  # what that is, the journal tells
            refused = execute(
                todo,
                runner.run,
                jobs=settings.workers,
                lanes=settings.lanes,
                emit=told,
                cancel=runner.cancel,
                # Not where it takes long, nor where others use the tables: whom one keeps waiting, all would.
                together=not (settings.max_rate or settings.data_only),
            )
            if refused:
                steadily(again, emit, partial(end_refused, ends, record, todo, refused))
            crashed, lost = left_to_do(record, ends, emit, again)
            if lost and not crashed:
                left = [step for step in todo if step.name in lost]
                about = [step for step in left if step.name in refused and rejected.may_be_of_rows(refused[step.name])]
                if not (violated and about and mend(about, prepared, ends, settings, emit)):
                    raise rejected.incomplete(left, refused, rows_only=settings.data_only, appended=settings.append)
                violated = False
                record.undo(ends.control.keep(), resume.outdated(plan, lost))
                lost = None


def end_refused(ends: Endpoints, record: Journal, todo: Sequence[Step], refused: Mapping[str, StepFailed]) -> None:
    """Write down why steps were refused; the copy is complete without the optional ones."""
    optional = [step.name for step in todo if step.optional and step.name in refused]
    record.refuse(ends.control.keep(), {name: error.reason for name, error in refused.items()}, optional)


def left_to_do(record: Journal, ends: Endpoints, emit: Emit, again: Retry) -> tuple[bool, set[str]]:
    """Tell whether the destination's server crashed since the last look, and return the steps that are not done."""

    def look() -> tuple[bool, set[str]]:
        control = ends.control.keep()
        return crash.notice_crash(control), set(record.unfinished(control))

    crashed, names = steadily(again, emit, look)
    if crashed:
        emit(events.Note(CRASHED))
    return crashed, names


def to_the_last_row(todo: Sequence[Step], emit: Emit, then: Callable[[], None]) -> Emit:
    """Call `then` when the last step that reads from the source is done, which is heard on the way to `emit`.

    Statistics are of no moment.
    """
    unread = {step.name for step in todo if step.phase in READING}
    if not unread:
        then()

    def hear(event: events.Event) -> None:
        emit(event)
        if isinstance(event, events.Done) and event.step in unread:
            unread.remove(event.step)
            if not unread:
                then()

    return hear


def announcement(plan: Plan) -> events.Planned:
    """Return the event that says how much there is to do."""
    copied = sum(step.cost for step in plan.steps if step.phase in (Phase.DATA, Phase.LARGE_OBJECTS))
    return events.Planned(dict(Counter(step.phase for step in plan.steps)), copied)


def finish(prepared: Prepared, record: Journal, ends: Endpoints, settings: Settings, emit: Emit, again: Retry) -> None:
    """Say of the database itself what the source says, and drop the journal, in one transaction.

    Raises Undone if the server crashed before. Where it crashes in mid-commit, and the commit went through, the
    transaction's number tells so.
    """
    steadily(again, emit, lambda: as_of.tell_moments(ends.control.keep(), prepared.catalog, emit))
    steadily(again, emit, lambda: check_server(ends.control.keep(), settings.destination))
    if prepared.end:
        emit(announcement(Plan(tuple(prepared.end))))
    number: int | None = None

    def end() -> None:
        nonlocal number
        control = ends.control.keep()
        if number and record.has_ended(control, number):
            if emptied := crash.emptied(control, prepared.plan):
                hint = "The copy is complete but for their rows. `clone --replace drop` copies it all again."
                raise StepFailed("the last commit", f"{EMPTIED}: {', '.join(emptied)}", hint=hint)
            return
        with control.transaction():
            number = None
            record.check(control)
            database.settle(control, prepared.end, emit)
            if settings.verify and not settings.data_only:
                hint = unfinished.correct(unfinished.options_of(settings), rows=False)
                raise_if_different(compare_databases(ends, settings, extra=False), hint)
            record.end(control)
            if settings.replace == "swap":
                swap.mark_complete(control, ends.snapshot.holder)
            number = journal.transaction_number(control)

    steadily(again, emit, end)


STARTED = "SELECT pg_postmaster_start_time()"


def check_server(control: Connection, dsn: str) -> None:
    """Make sure that who connects now comes to the server that has the copy. Raises StepFailed.

    Where a standby was promoted and the old primary lives on, its sessions notice nothing.
    """
    with postgres.connect(dsn, application="probe") as now:
        if now.execute(STARTED).fetchall() != control.execute(STARTED).fetchall():
            here, there = postgres.connected_to(control), postgres.connected_to(now)
            reason = f"the copy went to {here}, and the destination is {there} by now: a standby was promoted"
            raise StepFailed("the end", f"{reason}, and the old primary still takes writes.", hint="Stop that one.")


@contextmanager
def journaled(ends: Endpoints, settings: Settings) -> Iterator[None]:
    """Write into the journal how a run ended that did not end well, and say which command goes on with it."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        ended = Interrupted("Interrupted.") if isinstance(error, KeyboardInterrupt) else error
        states = {VerificationFailed: "differs", Interrupted: "interrupted", SourceChanged: CHANGED}
        state = states.get(type(ended), "failed")
        with suppress(psycopg.Error, ReplicatorError):  # without this last word it is still unfinished
            differs = ended.names if isinstance(ended, VerificationFailed) else None
            journal.fail(ends.control.keep(), state, postgres.one_line(ended), differs)
        if isinstance(ended, SourceChanged):
            ended.hint = way_on(ended, ends, settings)
        elif isinstance(ended, ReplicatorError) and not isinstance(ended, VerificationFailed):  # that says it itself
            ended.hint = f"{ended.hint or ''} {way_on(ended, ends, settings)}".strip()
        if ended is error:
            raise
        raise ended from error


def way_on(error: ReplicatorError, ends: Endpoints, settings: Settings) -> str:
    """Return how far the copy got, and the command that finishes it."""
    options = unfinished.options_of(settings)
    status = None
    with suppress(psycopg.Error, ReplicatorError):
        status = journal.read_status(ends.control.keep())
    said = f"The copy is unfinished: {status.done} of {status.steps} steps are done." if status else ""
    if isinstance(error, SourceChanged):
        return f"{said} {unfinished.go_on(options, all_read=False, resume=False)}"
    all_read = status is not None and status.all_read
    if settings.append and isinstance(error.__cause__, psycopg.errors.UniqueViolation):
        return f"{said} {unfinished.keys_are_taken(options)}"
    held_until = None if all_read or not status else status.held_until
    if held_until and not is_held(ends, settings):
        held_until = None
    return f"{said} {unfinished.go_on(options, all_read=all_read, held_until=held_until)}"


def is_held(ends: Endpoints, settings: Settings) -> bool:
    """Tell whether the snapshot can be had from somebody else when this program has ended."""
    with suppress(psycopg.Error, ReplicatorError):
        if run := journal.read_run(ends.control.keep()):
            ends.snapshot.release()
            with snapshot.take(settings.source, ends.encoding, imported=run.snapshot) as moment:
                return identity(moment) == (run.moment, run.source_start)
    return False
