"""What does a destination support of a catalog? By what is known of its version, and by a dry run there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from replicator import events
from replicator.catalog import BY_NAME, select
from replicator.catalog.read import read_catalog
from replicator.checks import dry_run
from replicator.checks.dry_run import Refused, Rehearsal
from replicator.events import Emit
from replicator.model import Catalog, Execute, Loss, Phase, Step
from replicator.planning import downgrade
from replicator.sessions.postgres import Connection


@dataclass(frozen=True, slots=True)
class Fit:
    """What a destination supports of a catalog, what it does not (`losses`), and what its role may not create.

    Forbidden objects are still in the catalog, unless leaving them out was agreed to.
    """

    catalog: Catalog
    losses: Sequence[Loss] = ()
    forbidden: Sequence[Loss] = ()
    tried: Rehearsal = field(default_factory=Rehearsal)

    @property
    def source(self) -> int:
        """The source's major version."""
        return self.catalog.version // 10000


def fitting(
    destination: Connection,
    catalog: Catalog,
    emit: Emit,
    first: Sequence[Step] = (),
    existing: Collection[str] = (),
    *,
    then: Rehearsal | None = None,
    agreed: bool,
    complete: bool = True,
) -> Fit:
    """Try a catalog on a destination of another major version, or if its role is no superuser or a library is needed.

    `first` are steps that run before all others; `existing` names the objects that the destination has already.
    `then` is what an earlier run found: a partly created schema is not tried again. `agreed`: leave out what the role
    may not create. Not `complete`: roles or the like are missing, so a refusal may only mean a missing privilege.
    """
    major = destination.info.server_version // 10000
    other = catalog.version // 10000 != major
    may_all = not other and destination.info.parameter_status("is_superuser") == "on"
    if then is None and may_all and not any(map(dry_run.needs_library, catalog.objects)):
        return Fit(catalog)
    catalog, losses = downgrade.adapt(catalog, major) if other else (catalog, [])
    tried = then or tried_on(destination, catalog, emit, first, existing)
    if not complete:
        tried.refused = Refused()
    catalog, more = without_refused(catalog, tried.refused)
    lesser, forbidden = without_refused(catalog, tried.forbidden)
    losses = sorted([*losses, *more], key=lambda loss: (loss.rows is None, not loss.whole))
    return Fit(lesser if agreed else catalog, losses, forbidden, tried)


def tried_on(
    destination: Connection, catalog: Catalog, emit: Emit, first: Sequence[Step], existing: Collection[str]
) -> Rehearsal:
    """Return what the destination refuses of a catalog, by a dry run."""
    before = [statement for step in first if isinstance(step.work, Execute) for statement in step.work.statements]
    # --tablespaces creates tablespaces later; missing ones were reported before.
    trial = select.without_tablespaces(catalog)
    now = {(o.name, o.create) for o in read_catalog(destination).objects if o.kind == "acl"}
    unchanged = {o.name for o in catalog.objects if (o.name, o.create) in now}
    tried = dry_run.rehearse(destination, trial, before=before, existing=existing, unchanged=unchanged)
    if tried.skipped:
        emit(events.Note(tried.skipped))
    return tried


def without_refused(catalog: Catalog, refused: Refused) -> tuple[Catalog, list[Loss]]:
    """Leave out what was refused, with everything that needs it."""
    gone = {select.key(o): refused.objects[o.name] for o in catalog.objects if o.name in refused.objects}
    return select.without(catalog, gone, refused.statements)


def untried(existing: Catalog, catalog: Catalog) -> set[str]:
    """Return the names of objects that a dry run must skip: those that exist, and indexes and constraints.

    Building an index or checking a constraint on full tables takes long, and locks them. What needs a missing one is
    skipped, too.
    """
    names = {o.name for o in existing.objects}
    unmade = (o for o in catalog.objects if BY_NAME[o.kind].phase is Phase.BUILD and o.name not in names)
    to_try, _ = select.without(catalog, {select.key(o): "it is not tried" for o in unmade})
    return names | {o.name for o in catalog.objects} - {o.name for o in to_try.objects}
