"""The steps for planner statistics: computed by ANALYZE or transferred from the source."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from replicator.model import Address, CarryStatistics, Catalog, Execute, Lock, Phase, Statistics, Step
from replicator.planning.relations import Relations

EXTENDED_SINCE = 190000
"""The version since which a server accepts the data of statistics objects."""
STATISTICS_BYTES = 64 * 1024  # of a table of some columns, at most
CARRIED_AT_ONCE = 64


def carried_into(catalog: Catalog, version: int) -> Catalog:
    """Return the catalog without those of `carried` that a server of this version does not accept in full.

    If rows are left out, or values replaced, it carries none: statistics hold values, those of parents and of
    materialized views also the values of other tables.
    """
    if any(table.changed for table in catalog.tables):
        return replace(catalog, carried=frozenset())
    if version >= EXTENDED_SINCE:
        return catalog
    with_objects = {need for o in catalog.objects if o.kind == "statistics" for need in o.needs}
    return replace(catalog, carried=catalog.carried - with_objects)


def statistics_steps(
    catalog: Catalog, relations: Relations, created: frozenset[str], build: Iterable[Step], how: Statistics
) -> list[Step]:
    """Return the steps that give each table its statistics, after its rows and what is built on them."""
    match how:
        case Statistics.NONE:
            return []
        case Statistics.TRANSFER:
            return _transfer(catalog, relations, created, build)
        case Statistics.ANALYZE:
            return _analyze(relations, build)


def _transfer(catalog: Catalog, relations: Relations, created: frozenset[str], build: Iterable[Step]) -> list[Step]:
    """Transfer statistics if possible, for many tables at once, after their rows and indexes; ANALYZE the others."""
    wanted: defaultdict[Address, set[str]] = defaultdict(set)
    for step in build:
        for relation in step.locks:
            wanted[relation].add(step.name)
    tables = {a for a, kind in relations.kinds.items() if kind == "table"}
    tables |= {a for a, kind in relations.kinds.items() if kind == "foreign_table" and a in catalog.carried}
    for relation in sorted(tables):
        wanted[relation].update(*(relations.data.get(leaf, ()) for leaf in relations.below(relation)))
    steps = [
        Step(
            f"analyze {relations.identities[table]}",
            Phase.STATISTICS,
            Execute((f"ANALYZE ONLY {relations.identities[table]}",)),
            frozenset(wanted[table]),
            locks=dict.fromkeys(relations.below(table), Lock.EXCLUSIVE),
            optional=True,
        )
        for table in sorted(tables - catalog.carried)
        if wanted[table]
    ]
    # An empty table without indexes waits for nothing but the schema.
    return steps + carry_steps(
        relations, {table: wanted[table] or created for table in sorted(tables & catalog.carried)}
    )


def carry_steps(relations: Relations, tables: Mapping[Address, Collection[str]]) -> list[Step]:
    """Return steps that transfer statistics, each for some tables: it locks each table and its indexes."""
    steps = []
    ordered = tuple(tables)
    for start in range(0, len(ordered), CARRIED_AT_ONCE):
        some = ordered[start : start + CARRIED_AT_ONCE]
        more = f" and {len(some) - 1} more" if len(some) > 1 else ""
        steps.append(
            Step(
                f"statistics {relations.identities[some[0]]}{more}",
                Phase.STATISTICS,
                CarryStatistics({table: relations.target(table) for table in some}),
                frozenset(need for table in some for need in tables[table]),
                len(some) * STATISTICS_BYTES,
                dict.fromkeys(some, Lock.EXCLUSIVE),
            )
        )
    return steps


def _analyze(relations: Relations, build: Iterable[Step]) -> list[Step]:
    """ANALYZE each table after its indexes and statistics objects, a partitioned one with its partitions."""
    wanted: defaultdict[Address, set[str]] = defaultdict(set)
    for address, names in relations.data.items():
        wanted[relations.root(address)].update(names)
    for step in build:
        for relation in step.locks:
            if relations.root(relation) in wanted and step.kind != "foreign_key":
                wanted[relations.root(relation)].add(step.name)
    return [
        Step(
            f"analyze {relations.identities[root]}",
            Phase.STATISTICS,
            Execute((f"ANALYZE {relations.identities[root]}",)),
            frozenset(needs),
            locks=dict.fromkeys(relations.below(root), Lock.EXCLUSIVE),
            optional=True,
        )
        for root, needs in wanted.items()
        if root in relations.identities
    ]


def analyzed_views(catalog: Catalog, reads: Mapping[Address, set[Address]], how: Statistics) -> set[Address]:
    """Return the materialized views to ANALYZE after their refresh, also because another one reads them then."""
    match how:
        case Statistics.NONE:
            return set()
        case Statistics.ANALYZE:
            return set(reads)
        case Statistics.TRANSFER:
            return (reads.keys() - catalog.carried).union(*reads.values())
