"""The steps that refresh materialized views, in order, and empty some of them again."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter

from replicator.catalog import FACETS
from replicator.model import Address, Catalog, Execute, Object, Phase, Step
from replicator.planning.features import TABLES
from replicator.planning.relations import TABLE_CLASS, Relations


def matview_reads(catalog: Catalog) -> dict[Address, set[Address]]:
    """Return the materialized views to refresh, in a valid order, with the others that each one reads.

    One that is unpopulated on the source is refreshed temporarily if a populated one reads it.
    """
    matviews = {o.address for o in catalog.objects if o.kind == "matview"}
    todo = sorted(catalog.populated & matviews)
    if not todo:
        return {}
    # A table only needs types, which may be row types of views: these views are not read for it.
    needs = {o.address: _read_by(o, catalog) for o in catalog.objects if o.kind not in FACETS | TABLES}
    reads: dict[Address, set[Address]] = {}
    while todo:
        matview = todo.pop()
        if matview not in reads:
            reads[matview] = _reachable(matview, needs, matviews)
            todo += reads[matview]
    return {matview: reads[matview] for matview in TopologicalSorter(reads).static_order()}


def _read_by(o: Object, catalog: Catalog) -> frozenset[Address]:
    if o.kind not in ("view", "matview") or catalog.reads is None:
        return o.needs
    read = catalog.reads.get(o.address, ())
    return frozenset(a for a in o.needs if a.classid != TABLE_CLASS or a in read)


def _reachable(start: Address, needs: Mapping[Address, Collection[Address]], ends: set[Address]) -> set[Address]:
    """Return those of `ends` that an object needs, directly or through others."""
    return (_walked(start, needs, ends) & ends) - {start}


def _walked(start: Address, needs: Mapping[Address, Collection[Address]], ends: set[Address]) -> set[Address]:
    """Return what an object needs, directly or through others, but not through `ends`."""
    seen: set[Address] = set()
    todo = set(needs[start])
    while todo:
        address = todo.pop()
        seen.add(address)
        if address not in ends:
            todo |= set(needs.get(address, ())) - seen
    return seen


def refreshing(identity: str) -> tuple[str, ...]:
    """Return the statements that refresh a materialized view.

    Row security may hide rows from its owner, as on the source; with row_security off that would be an error.
    """
    return "SET LOCAL row_security = on", f"REFRESH MATERIALIZED VIEW {identity}", "SET LOCAL row_security = off"


def refresh_steps(
    catalog: Catalog,
    relations: Relations,
    reads: Mapping[Address, set[Address]],
    names: Mapping[Address, str],
    finished: frozenset[str],
    analyzed: Collection[Address],
    before: Collection[str],
    *,
    optional: bool,
) -> list[Step]:
    """Return the steps that refresh materialized views in order, and empty those that are unpopulated on the source.

    `before` are the steps of earlier stages: a view is not refreshed if one of those that it reads from failed.
    """
    if not reads:
        return []
    steps = []
    needs_of = {o.address: o.needs for o in catalog.objects if o.kind not in FACETS}
    names_of = {o.address: o.name for o in catalog.objects if o.kind not in FACETS}
    for matview, read in reads.items():
        identity = relations.identities[matview]
        analyze = (f"ANALYZE {identity}",) if matview in analyzed else ()
        statements = (*refreshing(identity), *analyze)
        reads_first = frozenset(names[address] for address in read)
        step = Step(names[matview], Phase.REFRESH, Execute(statements), finished | reads_first)
        walked = {matview} | _walked(matview, needs_of, reads.keys() | relations.tables.keys())
        made = {names_of[a] for a in walked if a in names_of}
        rows = {name for a in walked for leaf in relations.below(a) for name in relations.data.get(leaf, ())}
        builds_on = reads_first | (made | rows).intersection(before)
        steps.append(replace(step, optional=optional, builds_on=builds_on, rounds=True))
    for matview in reads.keys() - catalog.populated:
        identity = relations.identities[matview]
        needs = frozenset(names[reader] for reader in reads if matview in reads[reader]) | {names[matview]}
        statement = f"REFRESH MATERIALIZED VIEW {identity} WITH NO DATA"
        steps.append(Step(f"empty {identity}", Phase.REFRESH, Execute((statement,)), needs))
    return steps
