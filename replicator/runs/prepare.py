"""Everything before the first write: check both servers, read the catalog, adapt it to the destination, plan."""

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from replicator import checks, events
from replicator.catalog import select
from replicator.catalog.choose import notes, selected
from replicator.catalog.read import read_catalog
from replicator.catalog.relations import relations
from replicator.checks.dry_run import Rehearsal
from replicator.checks.supported import fitting
from replicator.cluster import database, server
from replicator.cluster.read import held, refusals
from replicator.events import Emit
from replicator.model import Catalog, DropExisting, Finding, Loss, Phase, Plan, Step
from replicator.runs import create, defaults, renaming, resume
from replicator.runs.connect import refuse_or_note
from replicator.runs.endpoints import Endpoints
from replicator.runs.plan import TRYING, planned
from replicator.runs.reading import READING, content, in_one_encoding, read_stable
from replicator.sessions.postgres import Connection
from replicator.sessions.snapshot import HOLDERS
from replicator.settings import Settings
from replicator.settings.definition import Rename
from replicator.shaping import Shaped, columns
from replicator.work import emptying
from replicator.work.copying import encoding

DROPPED = "drop previous contents"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to copy, and how. `end`: database-level settings, applied in the transaction that completes the copy.

    `compare_with`: the catalog to verify against, if not the whole destination. `kept_schemas`: the destination's own.
    """

    catalog: Catalog
    plan: Plan
    end: Sequence[Step] = ()
    left_out: Sequence[str] = ()
    """What the destination does not support, or its role may not create, as texts: skipped with the user's consent."""
    compare_with: Catalog | None = None
    kept_schemas: tuple[str, ...] = ()
    existing: Catalog | None = None
    """The destination's catalog, if this run resumes an earlier one."""
    tried: Rehearsal = field(default_factory=Rehearsal)
    """The result of the dry run: what the destination rejected."""


class Examined(NamedTuple):
    """All findings and, if the source's tables could be locked, the prepared copy."""

    findings: list[Finding]
    prepared: Prepared | None
    selected: Shaped | None = None
    """What is copied of the source's catalog, before it is adapted to the destination."""
    tried: Rehearsal | None = None
    """The result of the dry run, if all that was selected was tried, and nothing fatal made it incomplete."""
    untried: bool = False
    """The schema, or a part of it, was not tried; a note says why."""


class Requirements(NamedTuple):
    """What the catalog's objects require of server and database, as steps before the schema and at the end."""

    cluster: list[Step]
    """Roles, privileges on parameters, tablespaces."""
    defaults: list[Step]
    """Steps that reset the destination to the state of a new database."""
    end: list[Step]
    missing: list[Finding]
    """Missing roles, extensions and the like, without which the schema cannot be created."""
    memberships: list[Finding]
    inaccessible: Collection[str]
    """Owners that this role is no member of."""
    to_drop: bool
    """The destination's objects are still to be dropped."""


def prepare(ends: Endpoints, settings: Settings, emit: Emit, *, replacing: bool = False) -> Prepared:
    """Check everything, read the catalog, adapt it to the destination, plan. Nothing is written.

    Raises PreflightFailed, SourceChanged, DependencyCycle.
    """
    examined = examine(ends, settings, emit, replacing=replacing)
    refuse_or_note(examined.findings, emit)
    assert examined.prepared is not None, "if the catalog could not be read, a finding is fatal"
    return examined.prepared


@in_one_encoding
def examine(
    ends: Endpoints, settings: Settings, emit: Emit, *, replacing: bool = False, absent: bool = False
) -> Examined:
    """Check everything that a clone depends on: both servers, the catalog, its requirements, a dry run.

    `replacing`: existing objects are dropped first. `absent`: the destination does not exist yet; another database
    of its server is open instead.
    """
    occupied, findings, readable = check_servers(ends, settings, replacing=replacing, absent=absent)
    if not readable:
        return Examined(findings, None)
    with events.saying(emit, READING):
        read = read_stable(ends, settings)
        catalog, excluded, found = selected = content(ends.snapshot.holder, read, settings, ends.control.conn)
    findings += found
    if settings.chooses:  # what comes along was not known before
        names = {sequence.identity for sequence in catalog.sequences}
        findings += checks.check_readable(
            "source", ends.snapshot.holder, lambda found: [name for name in found if name in names], large_objects=False
        )
    if not absent or settings.source_encoding:  # else the new database has the source's encoding
        findings += encoding.sample(ends.snapshot, catalog)
    must_have_rows = settings.replace and not settings.allow_empty and settings.has("data")
    if must_have_rows and not any(finding.fatal for finding in findings):
        findings += checks.check_rows(ends.snapshot.holder, catalog)
    needs = requirements(ends, catalog, settings, replacing=replacing, absent=absent)
    catalog = select.without_owners(catalog, needs.inaccessible)  # reported once by role
    existing = read_existing(ends.control.conn, catalog, settings) if ends.previous and not needs.to_drop else None
    compared = settings.verify or settings.replace == "swap"
    findings += [*needs.missing, *needs.memberships]
    findings += checks.check_row_security(ends.control.conn, catalog, existing, compared=compared)
    findings += notes(excluded)
    if absent:
        found, tried = try_beside(ends, catalog, needs, settings, emit)
        untried = tried is None or tried.skipped is not None
        return Examined([*findings, *found], Prepared(catalog, Plan(()), needs.end), selected, tried, untried)
    if any(finding.fatal for finding in occupied):  # a dry run would repeat these findings
        return Examined(findings, Prepared(catalog, Plan(()), needs.end), selected)
    found, prepared = try_on_destination(ends, catalog, needs, excluded, settings, emit, replacing=replacing)
    findings += found
    whole = not needs.inaccessible and not any(finding.fatal for finding in findings)
    tried = prepared.tried if whole else None
    untried = prepared.tried.skipped is not None
    return Examined(findings, replace(prepared, existing=existing), selected, tried, untried)


def check_servers(
    ends: Endpoints, settings: Settings, *, replacing: bool, absent: bool
) -> tuple[list[Finding], list[Finding], bool]:
    """Return the destination's findings, all findings so far, and whether the source can be locked and read."""
    source, destination = ends.snapshot.holder, ends.control.conn
    facts = checks.read_facts(source, settings.source_encoding), checks.read_facts(destination)
    if same := checks.same_database(*facts):
        return same, same, False
    if absent:
        occupied = create.check_creation(source, destination, settings)
    else:
        resuming = ends.previous is not None or replacing
        occupied = checks.check_destination(*facts, destination, resuming=resuming, resume=settings.resume != "no")
    ends.snapshot.wait_for_holders()  # before free sessions are counted
    copied = relations(source, settings)
    wanted = copied and copied.read
    one, more = facts[0].server == facts[1].server, HOLDERS - 1 if settings.verify else 0
    findings = [
        *occupied,
        *checks.check_source(source, wanted, large_objects=settings.reads_large_objects),
        *checks.check_unlogged(source, wanted=settings.unlogged_rows, copied=wanted),
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
    return occupied, [*findings, *locked], not any(finding.fatal for finding in locked)


def requirements(
    ends: Endpoints, catalog: Catalog, settings: Settings, *, replacing: bool, absent: bool
) -> Requirements:
    """Return what the catalog's objects require of servers and database, and what is missing."""
    source, destination, previous = ends.snapshot.holder, ends.control.conn, ends.previous
    missing = checks.check_catalog(
        source, destination, catalog, roles=settings.roles, replacing=replacing, absent=absent
    )
    cluster, missing_cluster = server.missing(source, destination, settings)
    to_drop = replacing and not resume.has_done(previous, DROPPED)
    reset, differing = ([], []) if absent or replacing else defaults.reset(destination, catalog, settings, previous)
    created = [] if absent else defaults.create_standard(source, destination, catalog, dropping=to_drop)
    memberships = list(checks.check_memberships(source, destination, catalog, agreed=settings.skip_unprivileged))
    inaccessible = checks.inaccessible_owners(source, destination, catalog)
    end, missing_settings = database.missing(source, destination, settings, strangers=inaccessible, absent=absent)
    missing = checks.once([*missing, *missing_cluster, *missing_settings, *differing])
    return Requirements(cluster, [*reset, *created], end, missing, memberships, inaccessible, to_drop)


def try_on_destination(
    ends: Endpoints,
    catalog: Catalog,
    needs: Requirements,
    excluded: Sequence[Loss],
    settings: Settings,
    emit: Emit,
    *,
    replacing: bool,
) -> tuple[list[Finding], Prepared]:
    """Run the dry run on the destination. Returns what it rejects, and the prepared copy."""
    source, destination, previous = ends.snapshot.holder, ends.control.conn, ends.previous
    agreed, to_drop = settings.skip_unprivileged, needs.to_drop
    (cluster, end), not_held = held(source, destination, needs.cluster, needs.end)
    before = [*cluster, *needs.defaults]
    refused, end = refused_cluster_steps(destination, before, end, agreed=agreed)
    rename = settings.definition.rename
    renamed = renaming.obstacles(destination, rename, dropping=replacing)
    kept_schemas = schemas_to_keep(destination, catalog, rename, emit) if replacing else ()
    complete = not any(finding.fatal for finding in needs.missing)
    earlier_trial = Rehearsal.of_then(previous.run.tried) if previous else None
    with emptying.emptied(destination, kept_schemas, emit) if to_drop else nullcontext(), events.saying(emit, TRYING):
        fit = fitting(destination, catalog, emit, before, then=earlier_trial, agreed=agreed, complete=complete)
    losses = [*not_held, *fit.losses]
    unfit = checks.check_losses(losses, destination, fit.source, agreed=settings.downgrade)
    forbidden = checks.check_forbidden(fit.forbidden, catalog, destination, agreed=agreed)
    without = [*excluded, *(loss for loss in losses if loss.fatal)]
    left_out = [*map(str, without), *(f.text for f in (*needs.memberships, *refused, *forbidden))]
    if previous and previous.read and settings.verify:
        emit(events.Note("The rows are those of the earlier run; they are compared with the source's current rows."))
    drop_existing = [Step(DROPPED, Phase.DROP, DropExisting(kept_schemas))] if replacing else []
    public_dropped = defaults.drop_public(destination, catalog, kept_schemas, dropping=to_drop)
    adapted = resume.with_earlier_sizes(previous, fit.catalog) if previous else fit.catalog
    first = [*cluster, *drop_existing, *needs.defaults, *public_dropped]
    plan = server.first(first, planned(adapted, destination, settings, previous))
    end = [*renaming.steps(source, destination, adapted, rename), *end]
    return [*refused, *renamed, *unfit, *forbidden], Prepared(
        adapted, plan, end, left_out, kept_schemas=kept_schemas, tried=fit.tried
    )


def try_beside(
    ends: Endpoints, catalog: Catalog, needs: Requirements, settings: Settings, emit: Emit
) -> tuple[list[Finding], Rehearsal | None]:
    """Return what a database that is still to be created would reject; the dry run is None if it was not possible.

    It runs in another database of the server, if that is like a new one: empty, of the same encoding, and the role
    may do everything there; a role that will own the new database may lack privileges in others. It does not run in
    the database that --replace swap replaces: even a drop that is rolled back would lock out its users.
    """
    source, destination = ends.snapshot.holder, ends.control.conn
    encoding = "UTF8" if settings.source_encoding else source.info.parameter_status("server_encoding")
    alike = (
        destination.info.parameter_status("is_superuser") == "on"
        and destination.info.parameter_status("server_encoding") == encoding
        and not emptying.occupied(destination)
    )
    then = None if alike else Rehearsal()  # then only what is known of its version is found
    complete = not any(finding.fatal for finding in needs.missing)
    with events.saying(emit, TRYING):
        fit = fitting(destination, catalog, emit, needs.cluster, then=then, agreed=False, complete=complete)
    losses = checks.check_losses(fit.losses, destination, fit.source, agreed=settings.downgrade)
    return [*losses, *([] if alike else [create.not_tried(settings)])], fit.tried if alike else None


def read_existing(destination: Connection, catalog: Catalog, settings: Settings) -> Catalog:
    """Return what an earlier run created; a key that may be NOT VALID counts as valid."""
    with destination.transaction():
        attributes = columns.of_copy(destination, settings.definition)
        existing = selected(read_catalog(destination, attributes=attributes), settings, catalog)
    return select.as_validated(existing, catalog) if settings.foreign_keys or settings.defer_validation else existing


def refused_cluster_steps(
    destination: Connection, beginning: Sequence[Step], end: Sequence[Step], *, agreed: bool
) -> tuple[list[Finding], list[Step]]:
    """Return what the destination rejects of these steps, and the last steps; `agreed`: without the rejected ones."""
    tried = refusals(destination, [*beginning, *end])
    if not agreed:
        return tried, list(end)
    refused = {finding.object for finding in tried}
    last = {step.name for step in end}
    notes = [replace(finding, fatal=False) if finding.object in last else finding for finding in tried]
    return notes, [step for step in end if step.name not in refused]


def schemas_to_keep(destination: Connection, catalog: Catalog, rename: Rename, emit: Emit) -> tuple[str, ...]:
    """Return the schemas that only the destination has; emit notes about what is kept and dropped."""
    ours = [o.identity for o in catalog.objects if o.kind == "schema"]
    kept_schemas = emptying.staying(destination, [*ours, *rename.schemas.values()])
    emit(events.Note("--replace drop: the destination is incomplete until this run ends."))
    if kept_schemas:
        emit(events.Note(f"Schemas that only the destination has are kept: {', '.join(kept_schemas)}."))
    return kept_schemas
