"""The steps that bring rows: tables, large objects, sequences."""

from collections.abc import Iterable
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from replicator.model import Catalog, CopyLargeObjects, CopyTable, Execute, Lock, Phase, SetSequences, Step, Table
from replicator.plan.relations import data_name

ROWS_LOOKED_UP = "rows that checks may look up"
LARGE_OBJECT_BYTES = 2048  # a guess: only a superuser could look


def data_steps(catalog: Catalog, created: frozenset[str]) -> list[Step]:
    """One step a table with rows, a range of large objects; one for all sequences."""
    tables = [table for table in _referred_first(catalog.tables) if not table.empty]
    copied = {table.identity for table in tables}
    steps = [
        _copy(table, created | {data_name(identity) for identity in table.refers & copied})
        for table in tables
        if not table.looks_up
    ]
    if any(table.looks_up for table in tables):
        steps.append(Step(ROWS_LOOKED_UP, Phase.BUILD, Execute(()), created | {step.name for step in steps}))
        steps += [_copy(table, frozenset({ROWS_LOOKED_UP})) for table in tables if table.looks_up]
    for r in catalog.large_objects:
        cost = r.count * LARGE_OBJECT_BYTES
        steps.append(Step(f"large objects {r.first}-{r.last}", Phase.LARGE_OBJECTS, CopyLargeObjects(r), created, cost))
    if catalog.sequences:
        steps.append(Step("sequence values", Phase.SEQUENCES, SetSequences(catalog.sequences), created))
    return steps


def _copy(table: Table, needs: frozenset[str]) -> Step:
    binary = not table.as_text and all(column.binary for column in table.columns)
    locks = {table.address: Lock.EXCLUSIVE}
    return Step(data_name(table.identity), Phase.DATA, CopyTable(table, binary), needs, table.bytes, locks)


def _referred_first(tables: Iterable[Table]) -> list[Table]:
    """Return the tables, each after those that it refers to. Those that refer to one another stay as they are."""
    tables = list(tables)
    refers = {table.identity: table.refers for table in tables if table.refers}
    try:
        rank = {identity: number for number, identity in enumerate(TopologicalSorter(refers).static_order())}
    except CycleError:
        return [replace(table, refers=frozenset()) for table in tables]
    return sorted(tables, key=lambda table: rank.get(table.identity, -1))
