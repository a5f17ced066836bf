"""A copy of a database, from the first attempt to connect to the last check. Read this first: it is the whole story."""

import gc
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace

import psycopg

from replicator import downgrade, events, hold, journal, keywords, postgres, probe, rehearsal, resume, snapshot
from replicator.catalog import BY_NAME, FACETS, select
from replicator.catalog.changes import changed_objects
from replicator.catalog.read import read_catalog
from replicator.errors import (
    Interrupted,
    PreflightFailed,
    ReplicatorError,
    SourceChanged,
    StepFailed,
    Undone,
    VerificationFailed,
)
from replicator.events import Emit
from replicator.executor import execute
from replicator.globals import database, refusals, server
from replicator.journal import Journal, Run
from replicator.keeper import Keeper
from replicator.model import Catalog, Execute, Loss, Phase, Plan, Statistics, Step
from replicator.plan import make_plan
from replicator.postgres import Connection
from replicator.settings import Settings
from replicator.sides import Sides, both_sides
from replicator.snapshot import Snapshot
from replicator.throttle import Throttle
from replicator.verify import Mismatch, SequenceValues, Side, Verification, after_repair, verify
from replicator.work import Workshop

LEFTOVERS = (
    "The copy is unfinished: `clone --resume` goes on with it, `status` tells more, `clean` empties the destination."
)
READS = 5
"""So often the source's catalogs are read, while somebody changes the schema, before it is given up."""


def clone(settings: Settings, emit: Emit) -> None:
    """Copy the source database into the empty destination, and verify the copy if the settings say so.

    Raises a ReplicatorError; from the first write on, the destination's journal says how far the copy got.
    """
    with ready(settings, emit), both_sides(settings) as sides:
        left = sides.left
        refuse_or_note(probe.check(sides.moment.holder, sides.keeper.conn, resuming=left is not None), emit)
        choices = probe.check_choices(sides.keeper.conn, settings.statistics, settings.toast_compression)
        refuse_or_note(choices, emit)
        catalog = selected(read_steadily(sides, settings), settings)
        beginning, end = globals_to_make(sides, catalog, settings, emit)
        catalog, losses = fitting(sides.keeper.conn, catalog, emit, beginning, made(sides, catalog) if left else ())
        refuse_or_note(probe.check_losses(losses, sides.keeper.conn, agreed=settings.downgrade), emit)
        if left:
            catalog = resume.as_then(left, catalog)
        with uncollected():
            plan = server.first(beginning, make_plan(catalog, statistics_for(sides.keeper.conn, settings)))
        record = begin(plan, sides, settings)
        with journaled(sides.keeper):
            sequence_values = work_off(plan, record, sides, settings, emit)
            if settings.verify:
                with compared(sides, catalog, settings, emit, sequence_values) as found:
                    convict(found.mismatches)
            for note in moments(sides.keeper.keep()):
                emit(events.Note(note))
            finish(end, sides, settings, emit)


@contextmanager
def ready(settings: Settings, emit: Emit) -> Iterator[None]:
    """Wait until both databases are there; make the destination's if that is wanted. Raises a ReplicatorError."""
    with database.created(settings, emit) if settings.create else nullcontext():
        wait_for_both(settings, emit)
        yield


def globals_to_make(sides: Sides, catalog: Catalog, settings: Settings, emit: Emit) -> tuple[list[Step], list[Step]]:
    """Return the steps that come before and after the objects. Raises PreflightFailed for what stands in the way."""
    source, destination = sides.moment.holder, sides.keeper.conn
    findings = probe.check_catalog(source, destination, catalog, roles=settings.roles)
    beginning, in_its_way = server.lacking(source, destination, settings)
    end, in_their_way = database.lacking(source, destination, settings)
    refuse_or_note([*findings, *in_its_way, *in_their_way], emit)
    refuse_or_note(refusals(destination, [*beginning, *end]), emit)
    return beginning, end


def finish(end: list[Step], sides: Sides, settings: Settings, emit: Emit) -> None:
    """Say of the database itself what the source says, and drop the journal, in one transaction."""
    keeper = sides.keeper.keep()
    if end:
        emit(announcement(Plan(tuple(end))))
    with keeper.transaction():
        database.settle(keeper, end, emit)
        if settings.verify:
            convict(compare_databases(sides, settings, extra=False))
        journal.drop(keeper)


def begin(plan: Plan, sides: Sides, settings: Settings) -> Journal:
    """Write the plan into the journal, or take over that of an earlier run. Raises SourceChanged."""
    record = Journal(plan)
    facts = probe.read_facts(sides.moment.holder)
    run = Run(
        postgres.describe(settings.source), facts.system, facts.database, sides.sessions, held_name(sides, settings)
    )
    if sides.left is None:
        record.create(sides.keeper.conn, run)
        return record
    resume.check_same(sides.left, plan)
    kept = resume.kept_steps(sides.left, plan, same_snapshot=sides.same_snapshot)
    resume.take_over(sides.keeper.conn, sides.left, record, run, plan, kept)
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


def work_off(plan: Plan, record: Journal, sides: Sides, settings: Settings, emit: Emit) -> SequenceValues:
    """Do all steps that the journal has as unfinished. Returns the sequences' values. Raises StepFailed."""
    sequence_values: dict[str, tuple[int, bool]] = {}
    while unfinished := set(record.unfinished(sides.keeper.keep())):
        todo = [replace(s, needs=s.needs & unfinished) for s in plan.steps if s.name in unfinished]
        emit(announcement(Plan(tuple(todo))))
        workshop = Workshop(
            sides.source,
            sides.destination,
            sides.moment,
            sides.keeper,
            record,
            emit,
            relay=settings.relay,
            throttle=throttle_of(settings),
            retry_seconds=settings.retry_seconds,
            committed=len(plan.steps) - len(todo),
        )
        try:
            execute(todo, workshop.run, jobs=settings.jobs, emit=emit, cancel=workshop.cancel)
        except Undone:
            emit(events.Note("The destination crashed and forgot some of what it had committed: that is done again."))
        else:
            if lost := record.unfinished(sides.keeper.keep()):
                raise StepFailed(lost[0], "it is not in the journal, though nothing failed")
        sequence_values |= workshop.sequence_values
    return sequence_values


def throttle_of(settings: Settings) -> Throttle | None:
    """Return the pace of a whole run; None where there is no limit."""
    return Throttle(settings.max_rate) if settings.max_rate else None


def moments(keeper: Connection) -> Iterator[str]:
    """Yield which tables are of which moment, if the copy is not of one alone."""
    read = journal.read_moments(keeper)
    for lsn, tables in read if len(read) > 1 else ():
        yield f"As of WAL position {lsn} of the source: {', '.join(tables)}."


def read_steadily(sides: Sides, settings: Settings) -> Catalog:
    """Lock the tables and read the catalogs, in a new snapshot where somebody changed the schema meanwhile.

    In the snapshot of an earlier run it is the journal that tells of changes. Raises SourceChanged.
    """
    changed: list[str] = []
    for _ in range(READS):
        try:
            sides.moment.lock_tables()
            catalog = read(sides.moment, sides.keeper.conn)
        except psycopg.errors.UndefinedTable as error:
            changed = [str(error.diag.message_primary)]
        else:
            names = {o.address: o.name for o in catalog.objects if o.kind not in FACETS}
            with postgres.connect(settings.source, encoding=sides.encoding, application="probe") as now:
                if sides.same_snapshot or not (changed := changed_objects(sides.moment.holder, now, names)):
                    return catalog
        if sides.same_snapshot:
            break
        sides.moment.renew()
    raise SourceChanged(
        f"The source's schema changes while it is read: {', '.join(changed)}.", hint="Wait for the end of that."
    )


def verify_copy(settings: Settings, emit: Emit) -> list[Mismatch]:
    """Compare the two databases as they are now, and repair rows if the settings say so. Returns the differences.

    Raises a ReplicatorError.
    """
    wait_for_both(settings, emit)
    with both_sides(settings, claim=False) as sides:
        if status := journal.read_status(sides.keeper.conn):
            if settings.repair:
                raise PreflightFailed("The clone into the destination is unfinished: there is nothing to repair yet.")
            emit(events.Note(f"The clone into the destination is unfinished: {status.done} of {status.steps} steps."))
            unfinished = [Mismatch("clone", f"unfinished, {status.done} of {status.steps} steps are done")]
        else:
            unfinished = []
        catalog = selected(read(sides.moment, sides.keeper.conn), settings)
        if settings.downgrade:
            catalog, losses = fitting(sides.keeper.conn, catalog, emit, there=made(sides, catalog))
            refuse_or_note(probe.check_losses(losses, sides.keeper.conn, agreed=True), emit)
        databases = compare_databases(sides, settings)
        with compared(sides, catalog, settings, emit) as found:
            outcomes = found.repair() if settings.repair else {}
        if not outcomes:
            return unfinished + databases + found.mismatches
        # Where foreign keys acted, they may have changed other tables as well.
        again = None if any(outcome.acted for outcome in outcomes.values()) else outcomes.keys()
        with compared(sides, catalog, settings, emit, only=again) as left:
            return unfinished + databases + after_repair(found, outcomes, left)


def plan_copy(settings: Settings, emit: Emit) -> Plan:
    """Return what a clone would do; nothing is written anywhere.

    Where source and destination are one, there is no destination to ask what it can hold.
    """
    if settings.source != settings.destination:
        wait_for_both(settings, emit)
    else:
        probe.wait("source", settings.source, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=emit)
    with snapshot.take(settings.source) as moment, postgres.connect(settings.destination) as destination:
        moment.lock_tables()
        catalog = selected(read(moment, destination), settings)
        if catalog.version // 10000 == destination.info.server_version // 10000:
            return database.planned(moment.holder, settings, make_plan(catalog, statistics_for(destination, settings)))
        first = server.roles(moment.holder, destination)
        there = {o.name for o in read_catalog(destination).objects}
        catalog, losses = fitting(destination, catalog, emit, first, there)
        plan = make_plan(catalog, statistics_for(destination, settings))
        return replace(database.planned(moment.holder, settings, plan), losses=tuple(losses))


@contextmanager
def journaled(keeper: Keeper) -> Iterator[None]:
    """Write into the journal how a run ended that did not end well."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        ended = Interrupted("Interrupted.") if isinstance(error, KeyboardInterrupt) else error
        state = {VerificationFailed: "differs", Interrupted: "interrupted"}.get(type(ended), "failed")
        with suppress(psycopg.Error):  # without this last word it is still unfinished
            journal.fail(keeper.keep(), state, postgres.one_line(ended))
        if isinstance(ended, ReplicatorError):
            ended.hint = f"{ended.hint or ''} {LEFTOVERS}".strip()
        if ended is error:
            raise
        raise ended from error


def wait_for_both(settings: Settings, emit: Emit) -> None:
    """Wait until both servers answer. Raises NotReady or ConnectionFailed."""
    for side, dsn in (("source", settings.source), ("destination", settings.destination)):
        probe.wait(side, dsn, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=emit)


def refuse_or_note(findings: list[probe.Finding], emit: Emit) -> None:
    """Raise PreflightFailed for what stands in the way, and mention the rest."""
    probe.refuse(findings)
    for finding in findings:
        emit(events.Note(f"{finding.text} {finding.hint}".strip()))


def statistics_for(destination: Connection, settings: Settings) -> Statistics:
    """Return where the statistics come from: the source, where nothing else was asked for and the destination can."""
    can = destination.info.server_version >= probe.STATISTICS_SINCE
    return settings.statistics or (Statistics.TRANSFER if can else Statistics.ANALYZE)


def selected(catalog: Catalog, settings: Settings) -> Catalog:
    """Leave out what the settings leave out."""
    if not settings.owners:
        catalog = select.without_owners(catalog)
    if not settings.tablespaces:
        catalog = select.without_tablespaces(catalog)
    return catalog if settings.privileges else select.without_privileges(catalog)


def fitting(
    destination: Connection, catalog: Catalog, emit: Emit, first: Sequence[Step] = (), there: Collection[str] = ()
) -> tuple[Catalog, list[Loss]]:
    """Return what a destination of another major version can hold of a catalog, and what it cannot.

    `first` are steps that are done before all others; `there` names the objects that the destination has already.
    """
    major = destination.info.server_version // 10000
    if catalog.version // 10000 == major:
        return catalog, []
    catalog, losses = downgrade.adapt(catalog, major)
    before = [statement for step in first if isinstance(step.work, Execute) for statement in step.work.statements]
    # Tablespaces are not there yet if they are to be made; what of them is missing was told before.
    refused = rehearsal.rehearse(destination, select.without_tablespaces(catalog), before=before, there=there)
    if refused.skipped:
        emit(events.Note(refused.skipped))
    catalog, more = select.without(catalog, refused.objects, refused.statements)
    return catalog, losses + more


def made(sides: Sides, catalog: Catalog) -> set[str]:
    """Return the names of what the destination has already, or what cannot be tried there.

    An index or constraint is not tried where tables are full: that would take its time, and locks.
    """
    there = {o.name for o in read_catalog(sides.keeper.conn).objects}
    return there | {o.name for o in catalog.objects if BY_NAME[o.kind].phase is Phase.BUILD}


def read(moment: Snapshot, reader: Connection) -> Catalog:
    """Read the database at this moment, in words that the server of the other connection can read."""
    with uncollected(), moment.another() as beside:
        return keywords.read_for(moment.holder, reader, beside)


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector away from a catalog and its plan, now and later.

    They hold millions of things and no garbage, and it would look at all of them again and again: half of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def announcement(plan: Plan) -> events.Planned:
    """Return the event that says how much there is to do."""
    copied = sum(step.cost for step in plan.steps if step.phase in (Phase.DATA, Phase.LARGE_OBJECTS))
    return events.Planned(dict(Counter(step.phase for step in plan.steps)), copied)


@contextmanager
def compared(
    sides: Sides,
    catalog: Catalog,
    settings: Settings,
    emit: Emit,
    sequence_values: SequenceValues | None = None,
    only: Collection[str] | None = None,
) -> Iterator[Verification]:
    """Compare the source, as it was in the snapshot, with the destination as it is, and hold both moments."""
    with snapshot.take(settings.destination, sides.encoding) as now:
        there = selected(select.without_schema(read(now, now.holder), journal.SCHEMA), settings)
        yield verify(
            Side(sides.source, sides.moment, catalog),
            Side(sides.destination, now, there),
            jobs=settings.jobs,
            emit=emit,
            sequence_values=sequence_values,
            exact=settings.exact,
            show_rows=settings.show_rows,
            only=only,
            throttle=throttle_of(settings),
        )


def compare_databases(sides: Sides, settings: Settings, *, extra: bool = True) -> list[Mismatch]:
    """Return what is said otherwise of the two databases themselves; `extra`: also what only the destination has."""
    found = database.differences(sides.moment.holder, sides.keeper.conn, settings)
    return [Mismatch(d.name, str(d)) for d in found if extra or d.here]


def convict(mismatches: list[Mismatch]) -> None:
    """Raise VerificationFailed with the differences, if there are any."""
    if mismatches:
        raise VerificationFailed(
            [str(mismatch) for mismatch in mismatches], hint="`verify` shows the rows that differ."
        )
