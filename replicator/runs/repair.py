"""`verify --repair` of a clone whose verification failed: repair the rows, then complete the run."""

from collections.abc import Collection
from dataclasses import replace

from replicator import events, journal
from replicator.comparing import Mismatch, SequenceValues
from replicator.errors import PreflightFailed
from replicator.events import Emit
from replicator.journal.run import Run, Status, read_again, write_given
from replicator.journal.unfinished import as_recorded, go_on
from replicator.model import Catalog
from replicator.runs.clone import fill
from replicator.runs.compare import as_cloned, compare, read_source, verify_copy
from replicator.runs.connect import wait_for_both
from replicator.runs.endpoints import Endpoints, open_both
from replicator.sessions import postgres
from replicator.settings import Settings
from replicator.work import sequences


def verify_or_repair(settings: Settings, emit: Emit) -> list[Mismatch]:
    """Compare both databases; with `repair`, repair rows and complete an unfinished clone.

    Returns the differences. Raises a ReplicatorError.
    """
    if settings.repair:
        with wait_for_both(settings, emit), postgres.connect(settings.destination, application="verify") as conn:
            status, run = journal.read_status(conn), journal.read_run(conn)
        if status and run and not status.open:
            return repair_unfinished(settings, status, run, emit)
    return verify_copy(settings, emit)


def repair_unfinished(settings: Settings, status: Status, run: Run, emit: Emit) -> list[Mismatch]:
    """Repair the rows of an unfinished copy to the source's current rows; complete the run if no difference remains.

    Returns the differences, repaired or not. Raises PreflightFailed if steps of the clone are not done.
    """
    if status.done < status.steps or run.rows_only:
        raise PreflightFailed(
            "The clone on the destination is unfinished: rows can be repaired once all its steps are done.",
            hint=go_on(run.options, all_read=status.all_read, held_until=status.held_until),
        )
    settings = as_recorded(settings, run.options)
    with open_both(settings) as ends:
        catalog = _catalog(ends, settings, emit)
        values = _move_sequences(ends, catalog)
        emit(events.Note("Repaired rows and all sequences now have the source's current values."))

        def record(names: Collection[str]) -> None:
            tables = [t.identity for t in catalog.tables if f"table {t.loaded_into}" in names]
            read_again(ends.control.keep(), tables, ends.snapshot.read_point)

        mismatches = compare(ends, catalog, settings, emit, values, run.kept, record)
        if unrepaired := sorted({mismatch.what for mismatch in mismatches if not mismatch.repaired}):
            journal.fail(ends.control.keep(), "differs", f"The copy differs: {', '.join(unrepaired)}", unrepaired)
            return mismatches
        journal.fail(ends.control.keep(), "repaired", "All differences were repaired.", ())
    fill(replace(settings, resume="same-snapshot", repair=False), emit, verified=True)
    return mismatches


def _catalog(ends: Endpoints, settings: Settings, emit: Emit) -> Catalog:
    """Return the part of the source's catalog that the copy should have."""
    catalog = read_source(ends, settings).catalog
    if settings.downgrade or settings.skip_unprivileged:
        catalog = as_cloned(catalog, ends, settings, emit)
    return replace(catalog, populated=frozenset()) if settings.skip_failed_refresh else catalog


def _move_sequences(ends: Endpoints, catalog: Catalog) -> SequenceValues:
    """Set the sequences to the source's current values: repaired rows may have higher values than those set before."""
    with ends.source.sessions.use() as conn:
        values = sequences.read_values(conn, catalog.sequences)
    control = ends.control.keep()
    with control.transaction():
        sequences.set_values(control, values)
        write_given(control, values)
    return values
