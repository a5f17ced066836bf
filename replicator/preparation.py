"""All before the first write: both servers answer, nothing is in the way, the catalog is read, fitted and planned."""

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

import psycopg

from replicator import downgrade, events, keywords, postgres, probe, rehearsal, resume, snapshot
from replicator.catalog import BY_NAME, FACETS, select
from replicator.catalog.changes import changed_objects
from replicator.catalog.read import read_catalog
from replicator.errors import SourceChanged
from replicator.events import Emit
from replicator.globals import database, refusals, server
from replicator.model import Catalog, Execute, Loss, Phase, Plan, Statistics, Step
from replicator.plan import make_plan
from replicator.postgres import Connection
from replicator.settings import Settings
from replicator.sides import Sides
from replicator.snapshot import Snapshot

READS = 5
"""So often the source's catalogs are read, while somebody changes the schema, before it is given up."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be copied and how. `end` are the steps about the database itself: they end the copy."""

    catalog: Catalog
    plan: Plan
    end: Sequence[Step]


def prepare(sides: Sides, settings: Settings, emit: Emit) -> Prepared:
    """Check what could stand in the way, read the catalog, fit it to the destination and plan. Nothing is written.

    Raises PreflightFailed, SourceChanged, DependencyCycle.
    """
    left, destination = sides.left, sides.keeper.conn
    refuse_or_note(probe.check(sides.moment.holder, destination, resuming=left is not None), emit)
    refuse_or_note(probe.check_choices(destination, settings.statistics, settings.toast_compression), emit)
    catalog = selected(read_steadily(sides, settings), settings)
    beginning, end = globals_to_make(sides, catalog, settings, emit)
    catalog, losses = fitting(destination, catalog, emit, beginning, made(sides, catalog) if left else ())
    refuse_or_note(probe.check_losses(losses, destination, agreed=settings.downgrade), emit)
    if left:
        catalog = resume.as_then(left, catalog)
        if left.read and settings.verify:
            emit(events.Note("The rows are those of the earlier run; they are compared with the source as it is now."))
    with uncollected():
        plan = server.first(beginning, planned(catalog, destination, settings))
    return Prepared(catalog, plan, end)


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
            return database.planned(moment.holder, settings, planned(catalog, destination, settings))
        first = server.roles(moment.holder, destination)
        there = {o.name for o in read_catalog(destination).objects}
        catalog, losses = fitting(destination, catalog, emit, first, there)
        plan = planned(catalog, destination, settings)
        return replace(database.planned(moment.holder, settings, plan), losses=tuple(losses))


@contextmanager
def ready(settings: Settings, emit: Emit) -> Iterator[None]:
    """Wait until both databases are there; make the destination's if that is wanted. Raises a ReplicatorError."""
    with database.created(settings, emit) if settings.create else nullcontext():
        wait_for_both(settings, emit)
        yield


def wait_for_both(settings: Settings, emit: Emit) -> None:
    """Wait until both servers answer. Raises NotReady or ConnectionFailed."""
    for side, dsn in (("source", settings.source), ("destination", settings.destination)):
        probe.wait(side, dsn, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=emit)


def refuse_or_note(findings: list[probe.Finding], emit: Emit) -> None:
    """Raise PreflightFailed for what stands in the way, and mention the rest."""
    probe.refuse(findings)
    for finding in findings:
        emit(events.Note(f"{finding.text} {finding.hint}".strip()))


def globals_to_make(sides: Sides, catalog: Catalog, settings: Settings, emit: Emit) -> tuple[list[Step], list[Step]]:
    """Return the steps that come before and after the objects. Raises PreflightFailed for what stands in the way."""
    source, destination = sides.moment.holder, sides.keeper.conn
    findings = probe.check_catalog(source, destination, catalog, roles=settings.roles)
    beginning, in_its_way = server.lacking(source, destination, settings)
    end, in_their_way = database.lacking(source, destination, settings)
    refuse_or_note([*findings, *in_its_way, *in_their_way], emit)
    refuse_or_note(refusals(destination, [*beginning, *end]), emit)
    return beginning, end


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


def planned(catalog: Catalog, destination: Connection, settings: Settings) -> Plan:
    """Return the plan of a copy as the settings want it."""
    return make_plan(catalog, statistics_for(destination, settings), format=settings.format)


def statistics_for(destination: Connection, settings: Settings) -> Statistics:
    """Return where the statistics come from: the source, where nothing else was asked for and the destination can."""
    can = destination.info.server_version >= probe.STATISTICS_SINCE
    return settings.statistics or (Statistics.TRANSFER if can else Statistics.ANALYZE)
