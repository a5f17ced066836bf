"""The steps that copy data: rows of tables, large objects, values of sequences."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from replicator.events import counted, size_text
from replicator.model import (
    Catalog,
    CopyLargeObjects,
    CopyTable,
    Execute,
    Format,
    Lock,
    Part,
    Phase,
    SetSequences,
    Step,
    Table,
)
from replicator.planning.lookups import Hints, rounds
from replicator.planning.parts import Parts
from replicator.planning.relations import Relations, data_names

ROWS_LOOKED_UP = "rows that others may look up"
MORE_LOOKED_UP = "rows that generated columns may look up"
LARGE_OBJECT_BYTES = 2048  # a guess: only a superuser could look


def data_steps(
    catalog: Catalog, hints: Hints, relations: Relations, created: frozenset[str], format: Format, parts: Parts
) -> list[Step]:
    """Return a step for each table with rows, or each part of one, and each range of large objects; one for sequences.

    Tables whose rows call functions come last: see lookups.
    """
    tables = [table for table in _referred_first(catalog.tables) if not table.empty]
    by_identity = {table.identity: table for table in tables}
    names = {table.identity: data_names(table, parts.get(table.address, ())) for table in tables}
    steps: list[Step] = []
    for table in tables:
        if not table.calls or table.extension:
            first = created.union(*(names[identity] for identity in table.refers & names.keys()))
            steps += _copy(table, relations, format, first, parts.get(table.address, ()))
    calling = [table for table in tables if table.calls and not table.extension]
    groups = rounds(hints, relations, calling) if calling else ()
    for gate, group in zip((ROWS_LOOKED_UP, MORE_LOOKED_UP), groups, strict=bool(calling)):
        if group:
            before = Step(gate, Phase.BUILD, Execute(()), created.union(step.name for step in steps), rounds=True)
            steps.append(before)
        for identity, after in group.items():
            needs = frozenset({before.name}.union(*(names[other] for other in after)))
            table = by_identity[identity]
            copies = _copy(table, relations, format, needs, parts.get(table.address, ()))
            steps += [replace(step, rounds=True) for step in copies]
    for r in catalog.large_objects:
        cost = r.count * LARGE_OBJECT_BYTES
        steps.append(Step(f"large objects {r.first}-{r.last}", Phase.LARGE_OBJECTS, CopyLargeObjects(r), created, cost))
    if catalog.sequences:
        steps.append(Step("sequence values", Phase.SEQUENCES, SetSequences(catalog.sequences), created))
    return steps


def _copy(
    table: Table, relations: Relations, format: Format, needs: frozenset[str], parts: Sequence[Part]
) -> list[Step]:
    """Return the step that copies a table, or one for each of its parts, which run in parallel."""
    binary, reason = form(table, format)
    names = data_names(table, parts)
    whole = Step(
        names[0],
        Phase.DATA,
        CopyTable(table, table.reading, table.target, binary),
        needs,
        table.bytes,
        {table.address: Lock.EXCLUSIVE},
        builds_on=relations.holders_of(table),
        reason="; ".join([reason, *_ways(table)]),
    )
    return [
        replace(
            whole,
            name=name,
            work=CopyTable(table, table.reading, table.target, binary, part=part),
            cost=table.bytes // part.of,
            locks={table.address: Lock.SHARED},
            reason=f"{reason}; part {part.number} of {part.of}, of {size_text(table.bytes)}",
        )
        for name, part in zip(names, parts, strict=bool(parts))
    ] or [whole]


def form(table: Table, wanted: Format) -> tuple[bool, str]:
    """Return whether a table's rows are copied in binary, and why. Never if the destination would misread values.

    OIDs (reg* types) are meaningless there. With --format binary, other types are at the user's risk.
    """
    oids = [c.name for c in table.columns if c.type.startswith(("pg_catalog.reg", "pg_catalog._reg"))]
    unlike = [c.name for c in table.columns if not c.binary]
    if wanted is Format.TEXT:
        return False, "text: requested"
    if table.as_text:
        return False, "text: infinite intervals are numbers to servers before 17"
    if wanted is Format.BINARY:
        return (False, f"text: column {oids[0]} holds OIDs of the source") if oids else (True, "binary: requested")
    if unlike:
        column = table.unlike or f"column {unlike[0]} is of a type"
        return False, f"text: {column}, whose binary form differs between servers"
    return True, "binary: both servers store all types alike"


def _ways(table: Table) -> Iterable[str]:
    """Yield a phrase on how a table's rows are chosen, and how they are loaded."""
    if table.portions:
        yield f"{counted(table.rows, 'row')} named one by one"
    if table.root:
        yield f"through {table.root}, since its rows may belong to other partitions there"
    elif table.extension:
        yield "without rows that CREATE EXTENSION creates"
    else:
        yield "frozen"


def _referred_first(tables: Iterable[Table]) -> list[Table]:
    """Return the tables, each after those that it refers to. The order is unchanged if there is a cycle."""
    tables = list(tables)
    refers = {table.identity: table.refers for table in tables if table.refers}
    try:
        rank = {identity: number for number, identity in enumerate(TopologicalSorter(refers).static_order())}
    except CycleError:
        return [replace(table, refers=frozenset()) for table in tables]
    return sorted(tables, key=lambda table: rank.get(table.identity, -1))
