"""The materialized views: which are filled, in which order, and which are emptied again."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter

from replicator.catalog import FACETS
from replicator.model import Address, Catalog, Execute, Object, Phase, Step
from replicator.planning.downgrade import TABLES
from replicator.planning.relations import TABLE_CLASS, Relations


def matview_reads(catalog: Catalog) -> dict[Address, set[Address]]:
    """Return the materialized views to fill, in an order in which they can be, and which others each reads.

    One that is empty on the source is filled for the time being if one that is not reads it.
    """
    matviews = {o.address for o in catalog.objects if o.kind == "matview"}
    todo = sorted(catalog.populated & matviews)
    if not todo:
        return {}
    # A table needs types alone, which may be those of views' rows: nobody reads these views for it.
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
    """Return the statements that fill a materialized view.

    Its owner may see only a part of the rows, as on the source; without row_security that is an error.
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
    """Fill the materialized views, those that another one reads before it; empty again what is empty on the source.

    `before` are the steps that come before: a view is not filled where what it reads is not all there.
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
