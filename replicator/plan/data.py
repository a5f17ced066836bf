"""The steps that bring rows: tables, large objects, sequences."""

from collections.abc import Iterable
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from replicator.model import (
    Catalog,
    CopyLargeObjects,
    CopyTable,
    Execute,
    Format,
    Lock,
    Phase,
    SetSequences,
    Step,
    Table,
)
from replicator.plan.relations import data_name

ROWS_LOOKED_UP = "rows that checks may look up"
LARGE_OBJECT_BYTES = 2048  # a guess: only a superuser could look


def data_steps(catalog: Catalog, created: frozenset[str], format: Format) -> list[Step]:
    """One step a table with rows, a range of large objects; one for all sequences."""
    tables = [table for table in _referred_first(catalog.tables) if not table.empty]
    copied = {table.identity for table in tables}
    steps = [
        _copy(table, format, created | {data_name(identity) for identity in table.refers & copied})
        for table in tables
        if not table.looks_up
    ]
    if any(table.looks_up for table in tables):
        steps.append(Step(ROWS_LOOKED_UP, Phase.BUILD, Execute(()), created | {step.name for step in steps}))
        steps += [_copy(table, format, frozenset({ROWS_LOOKED_UP})) for table in tables if table.looks_up]
    for r in catalog.large_objects:
        cost = r.count * LARGE_OBJECT_BYTES
        steps.append(Step(f"large objects {r.first}-{r.last}", Phase.LARGE_OBJECTS, CopyLargeObjects(r), created, cost))
    if catalog.sequences:
        steps.append(Step("sequence values", Phase.SEQUENCES, SetSequences(catalog.sequences), created))
    return steps


def _copy(table: Table, format: Format, needs: frozenset[str]) -> Step:
    binary, reason = form(table, format)
    return Step(
        data_name(table.identity),
        Phase.DATA,
        CopyTable(table, binary),
        needs,
        table.bytes,
        {table.address: Lock.EXCLUSIVE},
        reason="; ".join([reason, *_ways(table)]),
    )


def form(table: Table, wanted: Format) -> tuple[bool, str]:
    """Tell whether a table's rows go in binary, and why. What the destination would take for other values never does.

    OIDs (reg* types) mean nothing there; what has no form in common is refused there, or is the user's to know.
    """
    oids = [c.name for c in table.columns if c.type.startswith(("pg_catalog.reg", "pg_catalog._reg"))]
    unlike = [c.name for c in table.columns if not c.binary]
    if wanted is Format.TEXT:
        return False, "text: as was asked for"
    if table.as_text:
        return False, "text: it may hold intervals, whose infinity a server before 17 takes for a number"
    if wanted is Format.BINARY:
        return (False, f"text: column {oids[0]} holds OIDs of the source") if oids else (True, "binary: asked for")
    if unlike:
        return False, f"text: {table.unlike or f'column {unlike[0]} is of a type'}, which has no binary form in common"
    return True, "binary: all types have the same form everywhere"


def _ways(table: Table) -> Iterable[str]:
    """Yield in words how a table's rows are loaded."""
    if table.root:
        yield f"through {table.root}, since the hash of its key may be another one there"
    elif table.condition is not None:
        yield "the rows that the extension did not bring"
    else:
        yield "frozen"


def _referred_first(tables: Iterable[Table]) -> list[Table]:
    """Return the tables, each after those that it refers to. Those that refer to one another stay as they are."""
    tables = list(tables)
    refers = {table.identity: table.refers for table in tables if table.refers}
    try:
        rank = {identity: number for number, identity in enumerate(TopologicalSorter(refers).static_order())}
    except CycleError:
        return [replace(table, refers=frozenset()) for table in tables]
    return sorted(tables, key=lambda table: rank.get(table.identity, -1))
