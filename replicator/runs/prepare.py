"""All before the first write: both servers answer, nothing is in the way, the catalog is read, fitted and planned."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from replicator import checks, events
from replicator.catalog import FACETS, keywords, select
from replicator.catalog.choose import chosen, selected, told
from replicator.catalog.read import read_catalog
from replicator.catalog.routing import routed
from replicator.catalog.unprintable import unprintable
from replicator.checks.dry_run import Rehearsal
from replicator.checks.supported import fitting
from replicator.cluster import database, server
from replicator.cluster.read import held, refusals
from replicator.errors import PreflightFailed, SourceChanged
from replicator.events import Emit, listed
from replicator.model import Catalog, DropExisting, Finding, Phase, Plan, Statistics, Step
from replicator.planning import make_plan
from replicator.planning.statistics import carried_into
from replicator.runs import create, defaults, resume
from replicator.runs.endpoints import Endpoints, Opened, declared_encoding, open_both
from replicator.sessions import postgres, snapshot
from replicator.sessions.changes import changed_objects
from replicator.sessions.postgres import Connection
from replicator.sessions.snapshot import HOLDERS, Snapshot
from replicator.settings import Settings
from replicator.work import emptying
from replicator.work.copying import encoding

READING = "Locking the source's tables and reading its catalogs"
TRYING = "Trying the schema on the destination"
DROPPED = "drop what is there"
P = ParamSpec("P")
T = TypeVar("T")
READS = 5
"""So often the source's catalogs are read, while somebody changes the schema, before it is given up."""

GONE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedObject,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InternalError_,
)
"""What a server says when it reads of something that the snapshot shows and that is not there any more."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be copied and how. `end` are the steps about the database itself: they end the copy.

    `there` is what to compare with, if that is not all that the destination has. `kept` are schemas of its own.
    """

    catalog: Catalog
    plan: Plan
    end: Sequence[Step] = ()
    left_out: Sequence[str] = ()
    """What the destination cannot hold, or this role may not make there, in words: left out, since that was agreed."""
    there: Catalog | None = None
    kept: tuple[str, ...] = ()
    standing: Catalog | None = None
    """What the destination has of an earlier run, which this one goes on with."""
    tried: Rehearsal = field(default_factory=Rehearsal)
    """What the destination refused of the schema."""


def prepare(ends: Endpoints, settings: Settings, emit: Emit) -> Prepared:
    """Check all that could stand in the way, read the catalog, fit it to the destination, plan. Nothing is written.

    Raises PreflightFailed, SourceChanged, DependencyCycle.
    """
    findings, prepared = examine(ends, settings, emit)
    refuse_or_note(findings, emit)
    assert prepared is not None, "what kept the catalog from being read is fatal"
    return prepared


def preflight(settings: Settings, emit: Emit) -> tuple[dict[str, checks.Facts], list[Finding]]:
    """Return what both servers are, and all that a clone would find in its way, or worth knowing; write nothing.

    Where --create is to make the destination, all that its server tells while it is not there.
    """
    beside = create.absent(settings, emit) if settings.create else None
    opened = replace(settings, destination=beside or settings.destination, resume="no")
    with wait_for_both(opened, emit) as waited, open_both(opened, waited, claim=False) as ends:
        conns = {"source": ends.snapshot.holder, "destination": ends.control.conn}
        facts = {side: checks.measured(waited.facts[side], conn) for side, conn in conns.items()}
        if beside:
            facts["destination"] = create.as_created(facts["source"], facts["destination"], settings)
        return facts, examine(ends, settings, emit, absent=beside is not None)[0]


def in_one_encoding(
    prepare: Callable[Concatenate[Endpoints, Settings, P], T],
) -> Callable[Concatenate[Endpoints, Settings, P], T]:
    """Tell which objects have what the common encoding does not, bytes in SQL_ASCII. Raises PreflightFailed."""

    @wraps(prepare)
    def telling(ends: Endpoints, settings: Settings, /, *args: P.args, **more: P.kwargs) -> T:
        try:
            return prepare(ends, settings, *args, **more)
        except encoding.UNFIT as error:
            names = ""
            with postgres.connect(settings.source, application="probe") as conn:  # as LATIN1, in which all bytes are
                if unknown := encoding.is_unknown(conn):
                    objects = [(o.name, (*o.create, *o.stub, *o.finish)) for o in read_catalog(conn).objects]
                    objects += database.said(conn, settings)
                    names = listed(list(encoding.in_catalog(objects, ends.snapshot.holder.info.encoding)))
            raise PreflightFailed(
                "A name, a comment or a definition in the source is not what the destination's encoding can hold:"
                f" {f'{names}; ' if names else ''}{postgres.one_line(error).rstrip('.')}.",
                hint=encoding.DECLARE if unknown else encoding.MEND,
            ) from error

    return telling


@in_one_encoding
def examine(
    ends: Endpoints, settings: Settings, emit: Emit, *, absent: bool = False
) -> tuple[list[Finding], Prepared | None]:
    """Return all findings and, where the source's tables could be locked, what is to be done.

    `absent`: the destination is to be made yet, and another database of its server is open in its place.
    """
    left, destination, replacing = ends.left, ends.control.conn, settings.replace == "drop"
    occupied, findings, readable = in_the_way(ends, settings, absent=absent)
    if not readable:
        return findings, None
    with events.saying(emit, READING):
        catalog, excluded = chosen(read_steadily(ends, settings), settings)
    source = ends.snapshot.holder  # another one, if it had to be read again
    if not absent or settings.source_encoding:  # else the one that is made takes all bytes
        findings += encoding.sample(ends.snapshot, catalog)
    if settings.replace and not settings.allow_empty and not any(finding.fatal for finding in findings):
        findings += checks.check_rows(source, catalog)
    agreed = settings.skip_unprivileged
    lacking = checks.check_catalog(
        source, destination, catalog, roles=settings.roles, replacing=replacing, absent=absent
    )
    beginning, not_there = server.lacking(source, destination, settings)
    to_drop = replacing and not resume.has_done(left, DROPPED)
    new, odd = ([], []) if absent or replacing else defaults.as_new(destination, catalog, settings, left)
    made = [] if absent else defaults.lacking(source, destination, catalog, dropping=to_drop)
    not_mine = list(checks.check_memberships(source, destination, catalog, agreed=agreed))
    strangers = checks.strangers(source, destination, catalog)
    end, not_said = database.lacking(source, destination, settings, strangers=strangers, absent=absent)
    lacking = checks.once([*lacking, *not_there, *not_said, *odd])
    catalog = select.without_owners(catalog, strangers)  # told by role, once
    standing = left_standing(destination, catalog, settings) if left and not to_drop else None
    compared = settings.verify or settings.replace == "swap"
    findings += [*lacking, *not_mine, *checks.check_row_security(destination, catalog, standing, compared=compared)]
    # Whatever is tried would say the same again, or has no place to be tried in.
    if absent or any(finding.fatal for finding in occupied):
        return findings, Prepared(catalog, Plan(()), end)
    (beginning, end), not_held = held(source, destination, beginning, end)
    first = [*beginning, *new, *made]
    tried, end = allowed(destination, first, end, agreed=agreed)
    complete = not any(finding.fatal for finding in lacking)
    kept = to_keep(destination, catalog, emit) if replacing else ()
    then = Rehearsal.of_then(left.run.tried) if left else None
    with emptying.emptied(destination, kept, emit) if to_drop else nullcontext(), events.saying(emit, TRYING):
        fit = fitting(destination, catalog, emit, first, then=then, agreed=agreed, complete=complete)
    gone = defaults.gone(destination, catalog, kept, dropping=to_drop)
    dropped = [Step(DROPPED, Phase.DROP, DropExisting(kept))] if replacing else []
    losses = [*not_held, *fit.losses]
    unfit = checks.check_losses(losses, destination, fit.source, agreed=settings.downgrade)
    forbidden = checks.check_forbidden(fit.forbidden, catalog, destination, agreed=agreed)
    findings += told(excluded)
    without = [*excluded, *(loss for loss in losses if loss.fatal)]
    left_out = [*map(str, without), *(f.text for f in (*not_mine, *tried, *forbidden))]
    findings += [*tried, *unfit, *forbidden]
    catalog = resume.as_then(left, fit.catalog) if left else fit.catalog
    if left and left.read and settings.verify:
        emit(events.Note("The rows are those of the earlier run; they are compared with the source as it is now."))
    plan = server.first([*beginning, *new, *dropped, *made, *gone], planned(catalog, destination, settings, left))
    return findings, Prepared(catalog, plan, end, left_out, kept=kept, standing=standing, tried=fit.tried)


def in_the_way(ends: Endpoints, settings: Settings, *, absent: bool) -> tuple[list[Finding], list[Finding], bool]:
    """Return what stands against the destination itself, all there is to say by now, and whether to lock the tables."""
    source, destination = ends.snapshot.holder, ends.control.conn
    here, there = checks.read_facts(source, settings.source_encoding), checks.read_facts(destination)
    if same := checks.same_database(here, there):
        return same, same, False
    if absent:
        occupied = create.check_creation(source, destination, settings)
    else:
        resuming = ends.left is not None or settings.replace == "drop"
        occupied = checks.check_destination(here, there, destination, resuming=resuming, resume=settings.resume != "no")
    ends.snapshot.settle()  # before free sessions are counted
    one, more = here.server == there.server, HOLDERS - 1 if settings.verify else 0
    of_both = [
        *checks.check_source(source),
        *checks.check_unlogged(source, wanted=settings.unlogged_rows),
        *checks.check_choices(
            destination,
            settings.statistics,
            settings.toast_compression,
            settings.maintenance_work_mem,
            settings.deferral,
        ),
        *checks.check_sessions(source, destination, settings.workers, one_server=one, more=more),
    ]
    locked = [*checks.waiting_locks(source), *checks.check_locks(source)]
    return occupied, [*occupied, *of_both, *locked], not any(finding.fatal for finding in locked)


def left_standing(destination: Connection, catalog: Catalog, settings: Settings) -> Catalog:
    """Return what the destination has of an earlier run; a key that was agreed to be NOT VALID counts as valid."""
    standing = selected(read_catalog(destination), settings)
    return select.as_validated(standing, catalog) if settings.foreign_keys or settings.defer_validation else standing


def allowed(
    destination: Connection, beginning: Sequence[Step], end: Sequence[Step], *, agreed: bool
) -> tuple[list[Finding], list[Step]]:
    """Return what the destination would refuse of these steps, and the last ones; without those if that was agreed."""
    tried = refusals(destination, [*beginning, *end])
    if not agreed:
        return tried, list(end)
    refused = {finding.object for finding in tried}
    last = {step.name for step in end}
    notes = [replace(finding, fatal=False) if finding.object in last else finding for finding in tried]
    return notes, [step for step in end if step.name not in refused]


def to_keep(destination: Connection, catalog: Catalog, emit: Emit) -> tuple[str, ...]:
    """Return the schemas that the destination alone has, and say what will become of it all."""
    kept = emptying.staying(destination, (o.identity for o in catalog.objects if o.kind == "schema"))
    emit(events.Note("What is in the destination is dropped and rebuilt, which is not done in one moment."))
    if kept:
        emit(events.Note(f"Schemas that only the destination has stay as they are: {', '.join(kept)}."))
    return kept


def plan_copy(settings: Settings, emit: Emit) -> Plan:
    """Return what a clone would do; nothing is written anywhere.

    Where source and destination are one, there is no destination to ask what it can hold.
    """
    if settings.source != settings.destination:
        with wait_for_both(settings, emit):
            pass
    else:
        with answering("source", settings.source, settings, emit) as (*_, unknown):
            refuse_or_note(unknown, emit)
    declared = settings.source_encoding
    with ExitStack() as stack:
        destination = stack.enter_context(postgres.connect(settings.destination))
        if declared:
            with postgres.connect(settings.source) as source:
                alone = settings.source == settings.destination
                declared = declared_encoding(declared, source, None if alone else destination)
        moment = stack.enter_context(snapshot.take(settings.source, declared))
        with events.saying(emit, READING):
            moment.lock_tables(settings.lock_timeout)
            catalog, excluded = chosen(read(moment, destination), settings)
        encoding = "UTF8" if declared else str(moment.holder.info.parameter_status("server_encoding"))
        if settings.source == settings.destination:
            plan = replace(planned(catalog, destination, settings), excluded=excluded, encoding=encoding)
            return database.planned(moment.holder, settings, plan)
        first = server.roles(moment.holder, destination, settings)
        there = {o.name for o in read_catalog(destination).objects}
        with events.saying(emit, TRYING):
            fit = fitting(destination, catalog, emit, first, there, agreed=True)
        losses = (*fit.losses, *fit.forbidden)
        plan = planned(fit.catalog, destination, settings)
        plan = replace(plan, losses=losses, excluded=excluded, encoding=encoding)
        return database.planned(moment.holder, settings, plan)


@contextmanager
def ready(settings: Settings, emit: Emit) -> Iterator[Opened]:
    """Wait until both databases are there; make the destination's if that is wanted. Raises a ReplicatorError."""
    with create.created(settings, emit) if settings.create else nullcontext(), wait_for_both(settings, emit) as both:
        yield both


@contextmanager
def wait_for_both(settings: Settings, emit: Emit) -> Iterator[Opened]:
    """Wait until both servers answer. Raises NotReady, ConnectionFailed, or PreflightFailed for a server of no use."""
    opened = Opened()
    pooled: list[Finding] = []
    unknown: list[Finding] = []
    with ExitStack() as stack:
        for side, dsn, conns in (
            ("source", settings.source, opened.source),
            ("destination", settings.destination, opened.destination),
        ):
            conn, opened.facts[side], news = stack.enter_context(answering(side, dsn, settings, emit))
            conns += conn, stack.enter_context(postgres.connect(dsn, application="probe"))
            pooled += checks.check_direct(side, dsn, *conns)
            unknown += news
        checks.refuse(pooled)
        refuse_or_note(unknown, emit)
        yield opened


@contextmanager
def answering(
    side: str, dsn: str, settings: Settings, emit: Emit
) -> Iterator[tuple[Connection, checks.Facts, list[Finding]]]:
    """Wait until a server answers, lend the connection, and say what this program does not know of that server."""
    waited = checks.answering(side, dsn, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=emit)
    with waited as (conn, facts):
        yield conn, facts, list(checks.check_known(side, conn, allowed=settings.allow_unknown_version))


def refuse_or_note(findings: Sequence[Finding], emit: Emit) -> None:
    """Raise PreflightFailed for what stands in the way, and mention the rest."""
    checks.refuse(findings)
    for finding in findings:
        emit(events.Note(f"{finding.text} {finding.remedy}".strip()))


def read_steadily(ends: Endpoints, settings: Settings) -> Catalog:
    """Lock the tables and read the catalogs, in a new snapshot where somebody changed the schema meanwhile.

    In the snapshot of an earlier run it is the journal that tells of changed definitions. Raises SourceChanged.
    """
    changed: list[str] = []
    for _ in range(READS):
        try:
            ends.snapshot.lock_tables(settings.lock_timeout)
            catalog = read(ends.snapshot, ends.control.conn)
        except GONE as error:
            changed = [str(error.diag.message_primary)]
        except psycopg.errors.LockNotAvailable as error:
            raise ends.snapshot.blocked() from error
        else:
            if ends.same_snapshot and not (ends.left and ends.left.read):
                ends.snapshot.check([table.address.objid for table in catalog.tables])
            names = {o.address: o.name for o in catalog.objects if o.kind not in FACETS}
            ends.snapshot.forget()
            with ends.snapshot.now() as now:
                if ends.same_snapshot or not (changed := changed_objects(ends.snapshot.holder, now, names)):
                    return catalog
        if ends.same_snapshot:
            break
        ends.snapshot.renew()
    raise SourceChanged(
        f"The source's schema changes while it is read: {', '.join(changed)}.", hint="Wait for the end of that."
    )


def read(moment: Snapshot, reader: Connection) -> Catalog:
    """Read the database at this moment, in words that the server of the other connection can read.

    Raises PreflightFailed where its own server fails on something that is there, and not just being dropped.
    """
    try:
        with uncollected(), moment.another() as beside:
            return routed(keywords.read_for(moment.holder, reader, beside), moment.holder, reader)
    except psycopg.errors.InternalError_ as error:
        names = ""
        with suppress(psycopg.errors.LockNotAvailable), moment.now() as conn:  # some table is being changed
            names = ", ".join(unprintable(conn))
        if not names:
            raise
        raise PreflightFailed(
            f'The database "{moment.holder.info.dbname}" has what its own server cannot print: {names}'
            f" ({postgres.one_line(error).rstrip('.')}).",
            hint="pg_dump fails on it, too. Drop it, or make it anew.",
        ) from error


own_process = False
"""Whether nothing but a run of ours is in this process, so that its garbage collector is ours. The command sets it."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector away from a catalog and its plan, now and later, if it is ours.

    They hold millions of things and no garbage, and it would look at all of them again and again: half of the time.
    """
    if not own_process:
        yield
        return
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@uncollected()
def planned(catalog: Catalog, destination: Connection, settings: Settings, left: resume.Left | None = None) -> Plan:
    """Return the plan of a copy as the settings want it, its tables split as the earlier run did."""
    return make_plan(
        carried_into(catalog, destination.info.server_version),
        statistics_for(destination, settings),
        format=settings.format,
        jobs=settings.lanes["copy"],
        split_larger_than=settings.split_larger_than,
        parts=resume.parts_then(left, catalog) if left else None,
        skip_failed_refresh=settings.skip_failed_refresh,
        keys_not_valid=settings.foreign_keys == "not-valid",
        collates=checks.read_facts(destination).collates,
        defer=settings.deferral,
    )


def statistics_for(destination: Connection, settings: Settings) -> Statistics:
    """Return where the statistics come from: the source, where nothing else was asked for and the destination can."""
    can = destination.info.server_version >= checks.STATISTICS_SINCE
    return settings.statistics or (Statistics.TRANSFER if can else Statistics.ANALYZE)
