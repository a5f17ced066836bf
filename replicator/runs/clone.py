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
from replicator.runs.compare import compare_databases, compared, convict
from replicator.runs.endpoints import Sides, both_sides, identity
from replicator.runs.prepare import Prepared, prepare, ready
from replicator.runs.resume import as_of
from replicator.runs.resume.existing import Remains
from replicator.runs.resume.violations import mend
from replicator.sessions import postgres, snapshot
from replicator.sessions.postgres import Connection
from replicator.sessions.retry import Again
from replicator.settings import Settings
from replicator.work import rejected
from replicator.work.executor import execute
from replicator.work.steps import Workshop

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
            sides = stack.enter_context(both_sides(settings, opened))
        if sides.left:
            settings = unfinished.as_begun(settings, sides.left.run.options)
        prepared = (rows_only.prepare if settings.data_only else prepare)(sides, settings, emit)
        sides.warm(prepared.plan)
        holder = ", and waiting for the process that is to hold the snapshot" if settings.hold_snapshot_seconds else ""
        with events.saying(emit, f"Writing the plan into the journal{holder}"):
            record = begin(prepared, sides, settings, emit)
        with journaled(sides, settings):
            verified = complete(prepared, record, sides, settings, emit, verified=verified)
        for note in [*map(events.left_out, prepared.left_out), *record.later]:
            emit(note)
        return verified


def complete(
    prepared: Prepared, record: Journal, sides: Sides, settings: Settings, emit: Emit, *, verified: bool
) -> bool:
    """Do all that the journal has as unfinished, verify, and end the run; all over if the server crashes meanwhile.

    Returns whether the copy is verified.
    """
    again = Again(settings.retry_seconds)
    while True:
        work_off(prepared, record, sides, settings, emit, again)
        try:
            if settings.verify and not verified:
                with unless_undone(record, sides, again, emit):
                    verified = check(prepared, sides, settings, emit)
            finish(prepared, record, sides, settings, emit, again)
        except Undone as error:
            again.failed("the end", error)
            verified = False
        else:
            return verified


def check(prepared: Prepared, sides: Sides, settings: Settings, emit: Emit) -> bool:
    """Compare the copy with the source. Returns whether that could be told of all of it. Raises VerificationFailed."""
    promised = prepared.catalog
    if settings.skip_failed_refresh:  # which view is empty for it was said
        promised = replace(promised, populated=frozenset())
    given = read_given(sides.keeper.keep())
    there, apart = prepared.there, prepared.kept
    comparing = partial(compared, sides, promised, settings, emit, given, there=there, apart=apart, cloned=True)
    with comparing(earlier=as_of.read_earlier(prepared, sides)) as found:
        convict(found.mismatches, unfinished.correct(unfinished.options_of(settings), rows=bool(found.tables)))
        unproven = set(found.unproven)
        differing = as_of.unchanged(unproven, prepared, sides)
    if differing:
        with comparing(only=differing) as found:
            convict(found.mismatches, unfinished.correct(unfinished.options_of(settings), rows=bool(found.tables)))
    if unproven:
        emit(events.Note(as_of.words(sorted(unproven))))
    return not unproven


@contextmanager
def unless_undone(record: Journal, sides: Sides, again: Again, emit: Emit) -> Iterator[None]:
    """Take nothing for true that was found while the destination's server crashed. Raises Undone then."""
    try:
        yield
    except (ReplicatorError, psycopg.Error):
        steadily(again, emit, lambda: record.check(sides.keeper.keep()))
        raise


def steadily(again: Again, emit: Emit, action: Callable[[], T]) -> T:
    """Do something with the journal, again and again while what fails may pass."""

    def tell(error: BaseException, seconds: float) -> None:
        emit(events.Retried("journal", Phase.DATABASE, 0, seconds, postgres.one_line(error)))

    return again.run("journal", lambda _: action(), tell)


def begin(prepared: Prepared, sides: Sides, settings: Settings, emit: Emit) -> Journal:
    """Write the plan into the journal, or take over that of an earlier run. Raises SourceChanged, PreflightFailed."""
    plan = prepared.plan
    record = Journal(plan)
    facts = checks.read_facts(sides.moment.holder)
    sides.moment.forget()  # it will be long until the catalogs are looked at again
    run = Run(
        postgres.describe(settings.source),
        facts.system,
        facts.identity,
        sides.sessions,
        held_name(sides, settings),
        *identity(sides.moment),
        held_until(sides, settings),
        unfinished.options_of(settings),
        settings.data_only,
        prepared.kept,
        tried=prepared.tried.record,
    )
    if sides.left is None:
        with sides.keeper.conn.transaction():
            if settings.replace == "drop":
                journal.drop(sides.keeper.conn)  # an earlier run's
            record.create(sides.keeper.conn, run)
        return record
    mended = resume.check_same(sides.left, plan)
    if mended:
        words = f"The source's definitions are others by now, and so are the copy's: {events.listed(sorted(mended))}."
        emit(events.Note(words))
    kept = resume.kept_steps(sides.left, plan, same_snapshot=sides.same_snapshot) - mended
    remains = Remains(sides.left, kept, plan, prepared.catalog, prepared.standing)
    remains.check(sides.keeper.conn, sides.destination, settings, emit)
    moved = remains.moved_sequences(sides.keeper.conn)
    resume.take_over(sides.keeper.conn, sides.left, record, run, plan, kept, moved)
    if moved:
        emit(events.Note(f"Sequences were used meanwhile, and are set again: {', '.join(moved)}."))
    return record


def held_name(sides: Sides, settings: Settings) -> str:
    """Return the name under which the snapshot can be had as long as possible: of a holder's if there is to be one."""
    if sides.left and sides.same_snapshot:
        return sides.left.run.snapshot  # whoever holds it goes on
    if not settings.hold_snapshot_seconds:
        return sides.moment.id
    return hold.start(
        hold.Request(
            settings.source, settings.destination, sides.encoding, sides.moment.id, settings.hold_snapshot_seconds
        )
    )


def held_until(sides: Sides, settings: Settings) -> datetime | None:
    """Return until when a process of its own holds the snapshot, if one does."""
    if sides.left and sides.same_snapshot:
        return sides.left.run.held_until
    seconds = settings.hold_snapshot_seconds
    return datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None


def work_off(prepared: Prepared, record: Journal, sides: Sides, settings: Settings, emit: Emit, again: Again) -> None:
    """Do all steps that the journal has as unfinished. Raises StepFailed, Incomplete, SourceChanged."""
    plan, crashed = prepared.plan, False
    violated = sides.left is not None and sides.left.refused and not settings.append
    tables = {step.work.table.address.objid for step in plan.steps if isinstance(step.work, CopyTable)}
    made_before = resume.made_before(sides.left)

    def all_read() -> None:
        sides.all_read(tables, release=not settings.verify and not violated)

    lost: set[str] | None = None  # by the last look, if nothing came in between
    while todo_names := left_to_do(record, sides, emit, again)[1] if lost is None else lost:
        lost = None
        todo = resume.left_of(plan, todo_names, made_before)
        emit(announcement(Plan(tuple(todo))))
        workshop = Workshop(
            sides.source,
            sides.destination,
            sides.moment,
            sides.keeper,
            record,
            emit,
            relay=settings.relay,
            throttle=sides.throttle,
            sorting=sides.sorting,
            again=again,
        )
        told = to_the_last_row(todo, emit, all_read)
        with suppress(Undone):  # what that is, the journal tells
            refused = execute(
                todo,
                workshop.run,
                jobs=settings.workers,
                lanes=settings.lanes,
                emit=told,
                cancel=workshop.cancel,
                # Not where it takes long, nor where others use the tables: whom one keeps waiting, all would.
                together=not (settings.max_rate or settings.data_only),
            )
            if refused:
                steadily(again, emit, partial(end_refused, sides, record, todo, refused))
            crashed, lost = left_to_do(record, sides, emit, again)
            if lost and not crashed:
                left = [step for step in todo if step.name in lost]
                about = [step for step in left if step.name in refused and rejected.may_be_of_rows(refused[step.name])]
                if not (violated and about and mend(about, prepared, sides, settings, emit)):
                    raise rejected.incomplete(left, refused, rows_only=settings.data_only, appended=settings.append)
                violated = False
                record.undo(sides.keeper.keep(), resume.outdated(plan, lost))
                lost = None


def end_refused(sides: Sides, record: Journal, todo: Sequence[Step], refused: Mapping[str, StepFailed]) -> None:
    """Write down why steps were refused; the copy is complete without the optional ones."""
    optional = [step.name for step in todo if step.optional and step.name in refused]
    record.refuse(sides.keeper.keep(), {name: error.reason for name, error in refused.items()}, optional)


def left_to_do(record: Journal, sides: Sides, emit: Emit, again: Again) -> tuple[bool, set[str]]:
    """Tell whether the destination's server crashed since the last look, and return the steps that are not done."""

    def look() -> tuple[bool, set[str]]:
        keeper = sides.keeper.keep()
        return crash.notice_crash(keeper), set(record.unfinished(keeper))

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


def finish(prepared: Prepared, record: Journal, sides: Sides, settings: Settings, emit: Emit, again: Again) -> None:
    """Say of the database itself what the source says, and drop the journal, in one transaction.

    Raises Undone if the server crashed before. Where it crashes in mid-commit, and the commit went through, the
    transaction's number tells so.
    """
    steadily(again, emit, lambda: as_of.tell_moments(sides.keeper.keep(), prepared.catalog, emit))
    steadily(again, emit, lambda: check_server(sides.keeper.keep(), settings.destination))
    if prepared.end:
        emit(announcement(Plan(tuple(prepared.end))))
    number: int | None = None

    def end() -> None:
        nonlocal number
        keeper = sides.keeper.keep()
        if number and record.has_ended(keeper, number):
            if emptied := crash.emptied(keeper, prepared.plan):
                hint = "The copy is complete but for their rows. `clone --replace drop` copies it all again."
                raise StepFailed("the last commit", f"{EMPTIED}: {', '.join(emptied)}", hint=hint)
            return
        with keeper.transaction():
            number = None
            record.check(keeper)
            database.settle(keeper, prepared.end, emit)
            if settings.verify and not settings.data_only:
                hint = unfinished.correct(unfinished.options_of(settings), rows=False)
                convict(compare_databases(sides, settings, extra=False), hint)
            record.end(keeper)
            if settings.replace == "swap":
                swap.mark_complete(keeper, sides.moment.holder)
            number = journal.transaction_number(keeper)

    steadily(again, emit, end)


STARTED = "SELECT pg_postmaster_start_time()"


def check_server(keeper: Connection, dsn: str) -> None:
    """Make sure that who connects now comes to the server that has the copy. Raises StepFailed.

    Where a standby was promoted and the old primary lives on, its sessions notice nothing.
    """
    with postgres.connect(dsn, application="probe") as now:
        if now.execute(STARTED).fetchall() != keeper.execute(STARTED).fetchall():
            here, there = postgres.connected_to(keeper), postgres.connected_to(now)
            reason = f"the copy went to {here}, and the destination is {there} by now: a standby was promoted"
            raise StepFailed("the end", f"{reason}, and the old primary still takes writes.", hint="Stop that one.")


@contextmanager
def journaled(sides: Sides, settings: Settings) -> Iterator[None]:
    """Write into the journal how a run ended that did not end well, and say which command goes on with it."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        ended = Interrupted("Interrupted.") if isinstance(error, KeyboardInterrupt) else error
        states = {VerificationFailed: "differs", Interrupted: "interrupted", SourceChanged: CHANGED}
        state = states.get(type(ended), "failed")
        with suppress(psycopg.Error, ReplicatorError):  # without this last word it is still unfinished
            differs = ended.names if isinstance(ended, VerificationFailed) else None
            journal.fail(sides.keeper.keep(), state, postgres.one_line(ended), differs)
        if isinstance(ended, SourceChanged):
            ended.hint = way_on(ended, sides, settings)
        elif isinstance(ended, ReplicatorError) and not isinstance(ended, VerificationFailed):  # that says it itself
            ended.hint = f"{ended.hint or ''} {way_on(ended, sides, settings)}".strip()
        if ended is error:
            raise
        raise ended from error


def way_on(error: ReplicatorError, sides: Sides, settings: Settings) -> str:
    """Return how far the copy got, and the command that finishes it."""
    options = unfinished.options_of(settings)
    status = None
    with suppress(psycopg.Error, ReplicatorError):
        status = journal.read_status(sides.keeper.keep())
    said = f"The copy is unfinished: {status.done} of {status.steps} steps are done." if status else ""
    if isinstance(error, SourceChanged):
        return f"{said} {unfinished.go_on(options, all_read=False, resume=False)}"
    all_read = status is not None and status.all_read
    if settings.append and isinstance(error.__cause__, psycopg.errors.UniqueViolation):
        return f"{said} {unfinished.keys_are_taken(options)}"
    held_until = None if all_read or not status else status.held_until
    if held_until and not is_held(sides, settings):
        held_until = None
    return f"{said} {unfinished.go_on(options, all_read=all_read, held_until=held_until)}"


def is_held(sides: Sides, settings: Settings) -> bool:
    """Tell whether the snapshot can be had from somebody else when this program has ended."""
    with suppress(psycopg.Error, ReplicatorError):
        if run := journal.read_run(sides.keeper.keep()):
            sides.moment.release()
            with snapshot.take(settings.source, sides.encoding, imported=run.snapshot) as moment:
                return identity(moment) == (run.moment, run.source_start)
    return False
