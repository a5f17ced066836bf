"""Repair rows that made steps fail (constraint violations), if they were corrected on the source meanwhile."""

from collections.abc import Sequence

from replicator import events
from replicator.events import Emit, listed
from replicator.journal.run import read_again
from replicator.model import Address, CopyTable, Step
from replicator.planning.lookups import Hints
from replicator.runs.compare import compared
from replicator.runs.endpoints import Endpoints
from replicator.runs.prepare import Prepared
from replicator.settings import Settings


def repair_rows(steps: Sequence[Step], prepared: Prepared, ends: Endpoints, settings: Settings, emit: Emit) -> bool:
    """Update the rows that these steps use to the source's current ones. Returns whether any changed.

    If a table's own rows were rejected, update the tables that they seem to look up instead.
    """
    about: set[Address] = set()
    refused = [step.work.table for step in steps if isinstance(step.work, CopyTable)]
    names_of = {step.name: step.work.table.address for step in prepared.plan.steps if isinstance(step.work, CopyTable)}
    for step in steps:
        about |= {names_of[name] for name in step.builds_on & names_of.keys()}
        about |= (
            set() if settings.data_only else step.locks.keys()
        )  # with --data-only, locks name the destination's tables
    hints = Hints(prepared.catalog)
    for table in refused:
        about |= hints.reached(hints.called(table))
    about -= {table.address for table in refused}
    tables = [table for table in prepared.catalog.tables if table.address in about]
    if not tables:
        return False
    names = {table.name for table in tables}
    compared_tables = listed([table.identity for table in tables])
    emit(events.Note(f"Comparing again with the source, since steps failed because of their rows: {compared_tables}."))
    with compared(
        ends,
        prepared.catalog,
        settings,
        emit,
        only=names,
        compare_with=prepared.compare_with,
        other_schemas=prepared.kept_schemas,
    ) as found:
        outcomes = found.repair()
    for name, outcome in outcomes.items():
        if not outcome.done:
            emit(events.Note(f"{name.partition(' ')[2]}: rows changed on the source since; {outcome.text}"))
    repaired = [table.identity for table in tables if table.name in outcomes and outcomes[table.name].done]
    if repaired:
        read_again(ends.control.keep(), repaired, ends.snapshot.read_point)
        words = ", ".join(f"{name.partition(' ')[2]}: {o.text}" for name, o in outcomes.items() if o.done)
        emit(events.Note(f"Rows that changed on the source since were updated in the copy. {words}."))
    return bool(repaired)
