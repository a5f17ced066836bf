"""The order in which --data-only copies rows: first those that checks, generated columns and indexes look up.

Indexes exist already: a function that one of them calls misses rows copied later, without an error.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from replicator.model import Address, Catalog, Execute, Phase, Step
from replicator.planning.data import MORE_LOOKED_UP, ROWS_LOOKED_UP
from replicator.planning.lookups import Hints, rounds
from replicator.planning.relations import Relations
from replicator.runs.rows_only.foreign_keys import DroppedKey
from replicator.runs.rows_only.match import MatchedTable

INDEXED_LOOKED_UP = "rows that indexes may look up"


def rows_about(keys: Iterable[DroppedKey], targets: Sequence[MatchedTable]) -> dict[str, frozenset[str]]:
    """Return, for each foreign key, the steps that copy the rows of its two tables: it is checked after them."""
    steps: defaultdict[str, set[str]] = defaultdict(set)
    for target in targets:
        for name in (target.name, target.top):
            if not target.table.empty:
                steps[name.replace('"', "")].add(f"data {target.copied.identity}")
    return {
        key.name: frozenset(
            steps[f"{key.schema_name}.{key.table_name}".replace('"', "")]
            | steps[f"{key.referenced_schema}.{key.referenced_table}".replace('"', "")]
        )
        for key in keys
    }


def in_order(
    source: Catalog,
    targets: Iterable[MatchedTable],
    data: Sequence[Step],
    begun: frozenset[str],
    *,
    calling: Collection[Address],
    indexes: Mapping[str, Collection[str]],
) -> list[Step]:
    """Return the steps that copy rows with their dependencies; those whose rows call code come last.

    `calling` are the destination's tables whose rows call code, `indexes` the functions that their indexes call. The
    source's functions of the same names show what they seem to read.
    """
    named = {o.identity: o.address for o in source.objects if o.kind == "function"}
    late, step_of, indexed = [], {}, set()
    for target in targets:
        table, functions = target.table, indexes.get(target.name, ())
        step_of[table.identity] = f"data {target.copied.identity}"
        if functions and not table.calls and target.address not in calling:
            indexed.add(table.identity)
        if functions or table.calls or target.address in calling:
            calls = table.calls.union(named[name] for name in functions if name in named)
            late.append(replace(table, calls=calls, generates=table.generates or bool(functions)))
    if not late:
        return list(data)
    first, last = rounds(Hints(source), Relations(source, {}), late)
    read = set().union(*last.values())
    groups = {
        ROWS_LOOKED_UP: first,
        MORE_LOOKED_UP: {name: after for name, after in last.items() if name not in indexed - read},
        INDEXED_LOOKED_UP: {name: after for name, after in last.items() if name in indexed - read},
    }
    by_name = {step.name: step for step in data}
    waiting = {step_of[table.identity] for table in late}
    steps = [step for step in data if step.name not in waiting]
    for name, group in groups.items():
        if group:
            gate = Step(name, Phase.BUILD, Execute(()), begun.union(step.name for step in steps), rounds=True)
            steps.append(gate)
        for identity, after in group.items():
            needs = frozenset({gate.name}.union(step_of[other] for other in after))
            steps.append(replace(by_name[step_of[identity]], needs=needs, rounds=True))
    return steps
