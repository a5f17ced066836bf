"""`verify`: compare both databases, each in a snapshot of its own. See comparing/."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from replicator import checks, events, journal
from replicator.catalog import select
from replicator.catalog.choose import selected
from replicator.catalog.read import read_catalog
from replicator.catalog.relations import relations
from replicator.checks.supported import fitting, untried
from replicator.cluster import database
from replicator.comparing import Mismatch, SequenceValues, Side, Verification, after_repair, verify
from replicator.comparing.deferred import left_aside
from replicator.comparing.remedies import opposites
from replicator.comparing.schema import LAST
from replicator.errors import SnapshotLost, StepFailed, VerificationFailed
from replicator.events import Emit
from replicator.journal import ownership
from replicator.model import Catalog, shown
from replicator.runs import mark, renaming
from replicator.runs.connect import refuse_or_note, wait_for_both
from replicator.runs.endpoints import Endpoints, open_both
from replicator.runs.reading import content, in_one_encoding, read
from replicator.runs.rows_only.counterparts import counterparts
from replicator.sessions import snapshot
from replicator.sessions.locks import Relation
from replicator.sessions.postgres import Connection
from replicator.sessions.snapshot import HOLDERS
from replicator.settings import Settings
from replicator.shaping import Shaped, columns
from replicator.shaping.renames import NOT_RENAMED, Renamed, renames, with_names_of
from replicator.work.copying import encoding

OWNER = "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"


def verify_copy(settings: Settings, emit: Emit) -> list[Mismatch]:
    """Compare both databases as they are now; repair rows if `repair` is set. Returns the differences.

    Raises a ReplicatorError.
    """
    try:
        return compare_now(settings, emit)
    except (SnapshotLost, StepFailed) as error:
        unfit = isinstance(error.__cause__, encoding.UNFIT) and not settings.source_encoding
        error.hint = error.hint or (encoding.DECLARED if unfit else "Run `verify` again.")
        raise


def compare_now(settings: Settings, emit: Emit) -> list[Mismatch]:
    """Compare both databases once, without the hints that verify_copy adds to errors."""
    with wait_for_both(settings, emit) as opened, open_both(settings, opened, claim=False) as ends:
        unfinished: list[Mismatch] = []
        if status := journal.read_status(ends.control.conn):
            emit(events.Note(status.said))
            if status.open:
                emit(
                    events.Note(
                        f"Not compared, since it is deferred: {events.listed(list(map(shown, status.deferred)))}."
                    )
                )
            else:
                unfinished = [
                    Mismatch("clone", f"unfinished, {status.done} of {status.steps} steps are done", kind="unfinished")
                ]
        source, destination = ends.snapshot.holder, ends.control.conn
        settings = mark.of_copy(destination).checked(settings, emit)
        copied = relations(source, settings)
        refuse_or_note(
            checks.check_verification(
                source,
                destination,
                settings.workers,
                holders=HOLDERS - 1,
                repair=settings.repair,
                copied=copied and copied.read,
                large_objects=settings.reads_large_objects,
            ),
            emit,
        )
        with events.saying(emit, "Reading the source's catalogs"):
            catalog, excluded, found = read_source(ends, settings)
        refuse_or_note(found, emit)
        if excluded:
            emit(
                events.Note(
                    f"Not compared, since it was left out: {events.listed([shown(loss.what) for loss in excluded])}."
                )
            )
        if settings.data_only:
            return unfinished + compare_rows(ends, catalog, settings, emit)
        if settings.downgrade or settings.skip_unprivileged:
            catalog = as_cloned(catalog, ends, settings, emit)
        databases = compare_databases(ends, settings)
        owners = [conn.execute(OWNER).fetchall()[0][0] for conn in (source, destination)]
        if owners[0] != owners[1] and settings.owners and not settings.create:
            emit(events.Note(f"Not compared: the databases' owners, {owners[0]} and {owners[1]}."))
        renamed = not unfinished and renames(settings.definition.rename)
        return unfinished + databases + compare(ends, catalog, settings, emit, renamed=renamed)


@in_one_encoding
def read_source(ends: Endpoints, settings: Settings) -> Shaped:
    """Return the part of the source to compare, and the objects excluded because they need an excluded one."""
    destination = ends.control.conn
    catalog = read(ends.snapshot, destination, settings, settings.definition.rename)
    return content(ends.snapshot.holder, catalog, settings, destination)


def compare_rows(ends: Endpoints, catalog: Catalog, settings: Settings, emit: Emit) -> list[Mismatch]:
    """Compare the rows and values that --data-only copies; emit a note for everything not compared."""
    pairs = counterparts(catalog, ends.snapshot.holder, ends.control.conn, settings.definition)
    for note in pairs.notes:
        emit(events.Note(note))
    missing = [
        Mismatch(f"table {identity}", "missing on the destination", kind="missing") for identity in pairs.missing
    ]
    with compared(ends, pairs.source, settings, emit, compare_with=pairs.destination) as found:
        return missing + found.mismatches


def compare(
    ends: Endpoints,
    catalog: Catalog,
    settings: Settings,
    emit: Emit,
    sequence_values: SequenceValues | None = None,
    other_schemas: Sequence[str] = (),
    before_repair: Callable[[Collection[str]], None] = lambda names: None,
    *,
    renamed: bool = False,
) -> list[Mismatch]:
    """Return all differences except database-level settings. With `repair`, rows are repaired and compared again.

    `before_repair` is called with the names of the tables whose rows differ.
    """
    comparing = partial(
        compared, ends, catalog, settings, emit, sequence_values, other_schemas=other_schemas, renamed=renamed
    )
    with comparing() as found:
        before_repair(found.tables.keys())
        outcomes = found.repair() if settings.repair else {}
    if not any(outcome.done for outcome in outcomes.values()):
        return after_repair(found, outcomes, found)
    # Foreign key actions may have changed other tables during the repair: compare all of them again.
    again = None if any(outcome.acted for outcome in outcomes.values()) else outcomes.keys()
    with comparing(only=again) as repaired:
        return after_repair(found, outcomes, repaired)


def as_cloned(catalog: Catalog, ends: Endpoints, settings: Settings, emit: Emit) -> Catalog:
    """Reduce a catalog to what a clone with these settings would copy."""
    source, destination = ends.snapshot.holder, ends.control.conn
    if settings.skip_unprivileged:
        catalog = select.without_owners(catalog, checks.inaccessible_owners(source, destination, catalog))
    agreed = settings.skip_unprivileged
    with destination.transaction():
        there = read_catalog(destination, attributes=columns.of_copy(destination, settings.definition))
    fit = fitting(destination, catalog, emit, existing=untried(there, catalog), agreed=agreed)
    refuse_or_note(checks.check_losses(fit.losses, destination, fit.source, agreed=True), emit)
    if agreed:
        refuse_or_note(checks.check_forbidden(fit.forbidden, catalog, destination, agreed=True), emit)
    return fit.catalog


@contextmanager
def compared(
    ends: Endpoints,
    catalog: Catalog,
    settings: Settings,
    emit: Emit,
    sequence_values: SequenceValues | None = None,
    only: Collection[str] | None = None,
    compare_with: Catalog | None = None,
    other_schemas: Sequence[str] = (),
    earlier: Collection[str] = (),
    cloned: bool = False,
    renamed: bool = False,
) -> Iterator[Verification]:
    """Compare the source in its snapshot with the destination as it is now; hold both snapshots inside the `with`.

    `compare_with`: compare with this catalog instead of the whole destination. `other_schemas` are ignored: only the
    destination has them. `earlier` names objects that were read in another snapshot; for it and `cloned`, see `verify`.
    `renamed`: the copy is finished, so it has the definition's names.
    """
    names = Renamed.of(compare_with.tables if compare_with else ())
    with snapshot.take(settings.destination, ends.encoding, holders=HOLDERS, where="destination") as now:
        if compare_with is None:
            with events.saying(emit, "Reading the destination's catalogs"):
                if renamed:
                    there, names = renaming.read_renamed(now, catalog, settings, emit)
                else:
                    there = read(now, now.holder, settings, copy=True)
                compare_with = selected(there, settings, catalog)
                if names.rows_alone:
                    catalog = renaming.without_definitions(catalog)
                catalog = replace(catalog, tables=with_names_of(catalog.tables, compare_with.tables))
            for schema in (*([ownership.SCHEMA] if ownership.exists(now.holder) else []), *other_schemas):
                compare_with = select.without_schema(compare_with, schema)
            if cloned:
                compare_with = select.without_own(compare_with, preexisting_extensions(now.holder, catalog), catalog)
        catalog, compare_with = left_aside(catalog, compare_with, now.holder)
        if settings.foreign_keys:
            compare_with = select.as_validated(compare_with, catalog)
        for moment in (ends.snapshot, now):
            moment.forget()
        found = verify(
            Side("source", ends.source.sessions, ends.snapshot, catalog, settings.source_encoding),
            Side("destination", ends.destination.sessions, now, compare_with, renamed=names),
            jobs=settings.jobs,
            emit=emit,
            sequence_values=sequence_values,
            show_rows=settings.show_rows,
            only=only,
            throttle=ends.throttle,
            retry_seconds=settings.retry_seconds,
            earlier=earlier,
            cloned=cloned,
        )
        for moment, side, where in ((ends.snapshot, catalog, "source"), (now, compare_with, "destination")):
            tables = [table.address.objid for table in side.tables]
            of_side = names if where == "destination" else NOT_RENAMED
            locked = [Relation(of_side.now(t.identity), t.address.objid) for t in side.tables if t.root is None]
            moment.check(tables, where, locked)
        yield found


def preexisting_extensions(destination: Connection, catalog: Catalog) -> set[str]:
    """Return the extensions that existed before the clone and are not part of it, as identifiers."""
    wanted = {o.identity for o in catalog.objects if o.kind == "extension"}
    rows = destination.execute(
        "SELECT quote_ident(name) FROM unnest(%s::text[]) AS before (name)", [journal.read_extensions(destination)]
    ).fetchall()
    return {name for (name,) in rows} - wanted


@in_one_encoding
def compare_databases(ends: Endpoints, settings: Settings, *, extra: bool = True) -> list[Mismatch]:
    """Return the differences of database-level settings. `extra`: report what only the destination has, too."""
    found = database.differences(ends.snapshot.holder, ends.control.conn, settings)
    return [
        Mismatch(d.name, str(d), fix=d.source or opposites(d.destination or ()), place=LAST)
        for d in found
        if extra or d.source
    ]


def raise_if_different(mismatches: list[Mismatch], hint: str) -> None:
    """Raise VerificationFailed if there are differences."""
    if mismatches:
        names = sorted({mismatch.what for mismatch in mismatches})
        raise VerificationFailed([str(mismatch) for mismatch in mismatches], hint=hint, names=names)
