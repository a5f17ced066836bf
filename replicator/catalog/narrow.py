"""Narrows a catalog to the objects that a choice names, with what they need. Pure: a catalog in, a smaller one out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from replicator.catalog import FACETS, closure, select
from replicator.catalog.closure import LINKS, Family
from replicator.catalog.rules import Rules
from replicator.model import Address, Catalog, Loss, Object, counted_kind, shown

OF_NO_SCHEMA = frozenset({"extension", "publication", "subscription", "event_trigger", "foreign_server"})
"""What a user may miss if patterns choose the objects of a copy."""
FEWER_ROWS = "rows of tables that are not copied: it is refreshed from the others, and not compared"


def narrowed(catalog: Catalog, rules: Rules, also: frozenset[str], *, partial: bool) -> tuple[Catalog, list[Loss]]:
    """Return the named objects with what they need, without what is excluded; and what is left out.

    `also`: the names of objects whose definitions stay whatever names them. `partial`: see Choice.
    """
    included, losses = catalog, list[Loss]()
    if partial:
        included, losses = _included(catalog, rules, also)
        losses += _of_no_schema(catalog, included)
    family = Family.of(included)
    reduced, lost = _without_excluded(included, family, rules)
    if partial:  # what only excluded objects needed goes with them
        reduced, _ = _included(reduced, rules, also)
    emptied, without_rows = _without_rows(reduced, family, rules)
    incomplete = closure.incomplete_views(Family.of(catalog), catalog.tables, emptied)
    names = {o.address: o.name for o in emptied.objects if o.kind not in FACETS}
    kept = set(names.values())
    losses = [loss for loss in losses if loss.whole or loss.what in kept]
    losses = sorted([*lost, *losses], key=lambda loss: loss.rows is None)
    fewer = [Loss(names[view], FEWER_ROWS, fatal=False) for view in sorted(incomplete & emptied.populated)]
    return replace(emptied, incomplete=incomplete), [*losses, *without_rows, *fewer]


def _without_excluded(catalog: Catalog, family: Family, rules: Rules) -> tuple[Catalog, list[Loss]]:
    """Exclude what the rules name, and everything that needs it."""
    excluded = list(rules.excluded(catalog.objects))
    excluded += _partitions_of(family, excluded)
    excluded += _indexes_over(family, excluded)
    gone = {o.address for o, _ in excluded if o.kind not in FACETS}
    closed = closure.without_partitions(family, catalog, gone)
    reduced, lost = select.without(closed, {select.key(o): why for o, why in excluded})
    implied = {o.name for o in catalog.objects if family.subjects.get(o.address) in gone or o.kind in LINKS}
    implied |= {o.name for o, _ in excluded}
    return reduced, [*_asked_for(catalog, excluded), *(loss for loss in lost if loss.what not in implied)]


def _indexes_over(family: Family, excluded: Sequence[tuple[Object, str]]) -> Iterator[tuple[Object, str]]:
    """Yield the indexes of partitioned tables, and their constraints, that would lack one of a partition that stays."""
    gone = {o.address for o, _ in excluded}
    while over := {
        need: child
        for o in family.objects.values()
        if o.kind == "index_attach" and (child := family.subjects.get(o.address)) in gone
        if (detail := family.objects[child].detail) and detail.relation not in gone
        for need in o.needs - gone
    }:
        for address, child in over.items():
            gone.add(address)
            yield family.objects[address], f"it needs {shown(family.objects[child].name)}"


def _without_rows(catalog: Catalog, family: Family, rules: Rules) -> tuple[Catalog, list[Loss]]:
    """Empty the tables and materialized views that the rules name; drop the foreign keys that refer to no rows then."""
    named = [o.address for o in catalog.objects if any(rule.matches(o) for rule in rules.exclude_data)]
    emptied = {address for whole in named for address in family.within(whole)}
    have_rows = {table.address for table in catalog.tables} - emptied
    empty = {o.address for o in catalog.objects if o.kind == "table" and not family.partitions[o.address]} - have_rows
    reduced, lost = select.without(catalog, closure.keys_without_rows(family, catalog.objects, empty))
    reduced = replace(
        reduced,
        tables=tuple(table for table in reduced.tables if table.address not in emptied),
        populated=reduced.populated - emptied,
    )
    return reduced, [*lost, *_emptied(family, emptied, catalog)]


def _partitions_of(family: Family, excluded: Sequence[tuple[Object, str]]) -> Iterator[tuple[Object, str]]:
    """Yield the partitions of excluded tables that are not excluded themselves."""
    gone = {o.address for o, _ in excluded if o.kind == "table"}
    for address in sorted(gone):
        for partition in sorted(family.within(address) - gone):
            gone.add(partition)
            yield family.objects[partition], f"partition of {shown(family.objects[address].name)}"


def _included(catalog: Catalog, rules: Rules, also: frozenset[str]) -> tuple[Catalog, list[Loss]]:
    family = Family.of(catalog)
    objects = family.objects.values()
    roots = [o.address for o in rules.roots(objects)]
    found = closure.close(family, roots, [o.address for o in objects if o.name in also], rules.wants)
    return closure.restricted(catalog, found), closure.losses_of(family, found, catalog)


def _of_no_schema(before: Catalog, after: Catalog) -> Iterator[Loss]:
    """Yield what patterns cannot name, and nothing that is copied needs."""
    why = "no pattern names it, and nothing that is copied needs it"
    gone = Counter(o.kind for o in before.objects if o.kind in OF_NO_SCHEMA)
    gone.subtract(o.kind for o in after.objects if o.kind in OF_NO_SCHEMA)
    names = {o.kind: o.name for o in before.objects}
    for kind, count in gone.items():
        if count:
            yield Loss(names[kind] if count == 1 else counted_kind(count, kind), why, whole=True)
    if count := sum(r.count for r in before.large_objects):
        yield Loss(f"{count:,} large object{'s' if count > 1 else ''}", why, whole=True)


def _asked_for(catalog: Catalog, excluded: Iterable[tuple[Object, str]]) -> Iterator[Loss]:
    """Yield one loss for all objects of a kind that a flag excludes; one for each table, with its rows."""
    rows = {table.address: table.rows for table in catalog.tables}
    groups = defaultdict(list)
    for o, why in excluded:
        if o.kind == "table" and o.address in rows:
            yield Loss(o.name, why, whole=True, rows=rows[o.address])
        elif o.kind not in FACETS:
            groups[o.kind, why].append(o)
    for (kind, why), objects in groups.items():
        yield Loss(objects[0].name if len(objects) == 1 else counted_kind(len(objects), kind), why, whole=True)


def _emptied(family: Family, emptied: Iterable[Address], catalog: Catalog) -> Iterator[Loss]:
    tables = {table.address for table in catalog.tables}
    for address in sorted(emptied):
        if address in tables or family.objects[address].kind == "matview":
            yield Loss(family.objects[address].name, "its rows (--exclude-data)", fatal=False)
