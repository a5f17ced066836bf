"""The plan: all that has to be done, in steps, and what each must wait for.

    schema ─► data ─► indexes, constraints, statistics ─► triggers, policies, comments, ACLs ─► refresh ─► the rest

Schema steps form a chain, as do the finishing ones: they take milliseconds and would only wait for one another's
locks. Between the chains there is no barrier: a table's indexes begin when its rows are there. Materialized views are
filled after the ACLs are set, since a refresh runs as the view's owner; what is built upon them comes after that.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from replicator import graph
from replicator.catalog import BY_NAME, FACETS, select
from replicator.errors import DependencyCycle
from replicator.graph import Piece
from replicator.model import (
    Address,
    CarryStatistics,
    Catalog,
    CopyLargeObjects,
    CopyTable,
    Execute,
    Lock,
    Object,
    Phase,
    Plan,
    SetSequences,
    Statistics,
    Step,
    Table,
)

CALLS_CODE = {"function", "aggregate", "operator", "operator_class", "operator_family", "domain", "base_type", "cast"}
"""An index or constraint that needs one of these runs the user's code, which may read any table."""

HOLDERS = {"table", "matview", "foreign_table"}
"""What holds rows, or has partitions that do."""

ALL_ROWS = "all rows"
TABLE_CLASS = 1259
STATISTICS_BYTES = 64 * 1024  # of a table of some columns, at most
CARRIED_AT_ONCE = 64
LARGE_OBJECT_BYTES = 2048  # a guess: only a superuser could look

Phases = Mapping[str, Phase]


def make_plan(catalog: Catalog, statistics: Statistics = Statistics.ANALYZE) -> Plan:
    """Return every step of a copy of this catalog into an empty database. Raises DependencyCycle."""
    pieces, phases = _with_phases(graph.order(catalog.objects))
    relations = _Relations(catalog)
    reads = _matview_reads(catalog)
    refresh = {address: f"refresh {relations.identities[address]}" for address in reads}
    late = _downstream(pieces, phases, refresh)

    schema = _chain((p for p in pieces if phases[p.name] is Phase.SCHEMA), Phase.SCHEMA, frozenset())
    created = frozenset({schema[-1].name}) if schema else frozenset()
    data = _data(catalog, created)
    build = _build(pieces, phases, relations, refresh, created)
    early = [step for step in build if step.name not in late]
    known = _statistics(catalog, relations, early, statistics)
    needed_first = created | {step.name for step in (*data, *early, *known)}

    finish = [p for p in pieces if phases[p.name] is Phase.FINISH]
    finishing = _chain((p for p in finish if p.name not in late), Phase.FINISH, needed_first)
    finished = frozenset({finishing[-1].name}) if finishing else needed_first
    analyzed = _analyzed(catalog, reads, statistics)
    refreshing = _refresh(catalog, relations, reads, refresh, finished, analyzed)
    built_late = [step for step in build if step.name in late]
    last_needs = finished | {step.name for step in (*refreshing, *built_late)}
    last = _chain((p for p in finish if p.name in late), Phase.FINISH, last_needs)
    needed = frozenset(step.name for step in (*refreshing, *built_late))
    views = {m: needed for m in reads if m in catalog.populated and m not in analyzed}
    known_late = _carry(relations, views) if statistics is Statistics.TRANSFER else []
    steps = (*schema, *data, *early, *known, *finishing, *refreshing, *built_late, *known_late, *last)
    optional = select.optional(catalog)
    return Plan(tuple(replace(step, optional=True) if step.name in optional else step for step in steps))


def _with_phases(pieces: Iterable[Piece]) -> tuple[list[Piece], Phases]:
    """Return the pieces and the phase of each by its name.

    A schema object that needs what is built after the data (a view grouped by a primary key) is made in two steps
    where it can be, else wholly at the end.
    """
    phases: dict[str, Phase] = {}
    stubs: dict[str, str] = {}
    postponed: set[Address] = set()
    result = []
    for piece in pieces:
        phase = BY_NAME[piece.object.kind].phase
        if phase is Phase.SCHEMA:
            piece.needs = {stubs.get(need, need) for need in piece.needs}
            if any(phases[need] is not Phase.SCHEMA for need in piece.needs):
                phase = Phase.FINISH
                stub_name = graph.stub_name(piece.object)
                stub = None if piece.object.stub_needs & postponed else graph.split(piece)
                if stub:
                    phases[stub.name] = Phase.SCHEMA
                    result.append(stub)
                if stub or stub_name in piece.needs:
                    stubs[piece.name] = stub_name
                elif piece.object.kind == "table":
                    raise DependencyCycle(f"The {piece.name} needs what can only be made when its rows are there.")
                else:
                    postponed.add(piece.object.address)
        phases[piece.name] = phase
        result.append(piece)
    return result, phases


class _Relations:
    """Which tables' rows a relation stands for: a partitioned table stands for its leaves."""

    def __init__(self, catalog: Catalog) -> None:
        self.tables = {table.address: table for table in catalog.tables}
        self.data = {table.address: _data_name(table.identity) for table in catalog.tables if not table.empty}
        self.kinds = {o.address: o.kind for o in catalog.objects if o.kind not in FACETS}
        self.identities = {o.address: o.identity for o in catalog.objects if o.kind not in FACETS}
        self._tables_of = {o.address: o.needs for o in catalog.objects if o.kind in ("index", "constraint")}
        self.code = {address for address, kind in self.kinds.items() if kind in CALLS_CODE}
        self._holders = {address for address, kind in self.kinds.items() if kind in HOLDERS}
        self._parent: dict[Address, Address] = {}
        self._children: defaultdict[Address, list[Address]] = defaultdict(list)
        for o in catalog.objects:
            if o.kind == "table_attach":
                child = Address(TABLE_CLASS, o.address.objid)
                for parent in o.needs - {child}:
                    self._parent[child] = parent
                    self._children[parent].append(child)

    def below(self, relation: Address) -> Iterable[Address]:
        """Yield a relation and all its partitions."""
        yield relation
        for child in self._children.get(relation, ()):
            yield from self.below(child)

    def root(self, relation: Address) -> Address:
        while relation in self._parent:
            relation = self._parent[relation]
        return relation

    def attached(self, o: Object) -> list[Address]:
        """Return all of the partitioned table whose indexes an attachment ties together.

        It locks tables and indexes up and down the tree: with another, or a foreign key, at the same time it deadlocks.
        """
        tables = {table for index in o.needs for table in self._tables_of.get(index, ())}
        roots = {self.root(table) for table in tables} if o.kind == "index_attach" else set()
        return [relation for root in sorted(roots) for relation in self.below(root)]

    def among(self, addresses: Iterable[Address]) -> list[Address]:
        """Return those of these objects that hold rows, with all their partitions."""
        found = self._holders.intersection(addresses)
        return [r for a in found for r in self.below(a)] if found & self._children.keys() else list(found)


def _chain(pieces: Iterable[Piece], phase: Phase, first_needs: frozenset[str]) -> list[Step]:
    """One step a piece, each after the one before."""
    steps: list[Step] = []
    for piece in pieces:
        needs = frozenset({steps[-1].name}) if steps else first_needs
        steps.append(Step(piece.name, phase, Execute(piece.statements), needs))
    return steps


def _data_name(identity: str) -> str:
    return f"data {identity}"


def _referred_first(tables: Iterable[Table]) -> list[Table]:
    """Return the tables, each after those that it refers to. Those that refer to one another stay as they are."""
    tables = list(tables)
    refers = {table.identity: table.refers for table in tables if table.refers}
    try:
        rank = {identity: number for number, identity in enumerate(TopologicalSorter(refers).static_order())}
    except CycleError:
        return [replace(table, refers=frozenset()) for table in tables]
    return sorted(tables, key=lambda table: rank.get(table.identity, -1))


def _data(catalog: Catalog, created: frozenset[str]) -> list[Step]:
    """One step a table with rows, a range of large objects; one for all sequences."""
    copied = {table.identity for table in catalog.tables if not table.empty}
    steps = [
        Step(
            _data_name(table.identity),
            Phase.DATA,
            CopyTable(table, binary=not table.as_text and all(column.binary for column in table.columns)),
            created | {_data_name(identity) for identity in table.refers & copied},
            table.bytes,
            {table.address: Lock.EXCLUSIVE},
        )
        for table in _referred_first(catalog.tables)
        if not table.empty
    ]
    for r in catalog.large_objects:
        cost = r.count * LARGE_OBJECT_BYTES
        steps.append(Step(f"large objects {r.first}-{r.last}", Phase.LARGE_OBJECTS, CopyLargeObjects(r), created, cost))
    if catalog.sequences:
        steps.append(Step("sequence values", Phase.SEQUENCES, SetSequences(catalog.sequences), created))
    return steps


def _build(
    pieces: Iterable[Piece],
    phases: Phases,
    relations: _Relations,
    refresh: Mapping[Address, str],
    created: frozenset[str],
) -> list[Step]:
    """One step an index, constraint, statistics object: after the rows that it is about."""
    steps = []
    for piece in (p for p in pieces if phases[p.name] is Phase.BUILD):
        about = relations.among(piece.object.needs) or relations.attached(piece.object)
        tables = [relations.tables[r] for r in about if r in relations.tables]
        calls_code = not relations.code.isdisjoint(piece.object.needs)
        rows = (ALL_ROWS,) if calls_code else [relations.data[r] for r in about if r in relations.data]
        filled = [refresh[relation] for relation in about if relation in refresh]
        built = [need for need in piece.needs if phases[need] is not Phase.SCHEMA]
        lock = Lock.SHARED if piece.object.kind == "index" else Lock.EXCLUSIVE
        steps.append(
            Step(
                piece.name,
                Phase.BUILD,
                Execute(piece.statements),
                created.union(rows, filled, built),
                sum(table.bytes for table in tables),
                dict.fromkeys(about, lock),
            )
        )
    if any(ALL_ROWS in step.needs for step in steps):
        steps.insert(0, Step(ALL_ROWS, Phase.BUILD, Execute(()), created.union(relations.data.values())))
    return steps


def _statistics(catalog: Catalog, relations: _Relations, build: Iterable[Step], how: Statistics) -> list[Step]:
    if how is Statistics.NONE:
        return []
    return (_transfer if how is Statistics.TRANSFER else _analyze)(catalog, relations, build)


def _transfer(catalog: Catalog, relations: _Relations, build: Iterable[Step]) -> list[Step]:
    """Carry over what can be, for many tables at once, after their rows and indexes; ANALYZE the others alone."""
    wanted: defaultdict[Address, set[str]] = defaultdict(set)
    for step in build:
        for relation in step.locks:
            wanted[relation].add(step.name)
    tables = {a for a, kind in relations.kinds.items() if kind == "table"}
    tables |= {a for a, kind in relations.kinds.items() if kind == "foreign_table" and a in catalog.carried}
    for relation in sorted(tables):
        wanted[relation] |= {relations.data[leaf] for leaf in relations.below(relation) if leaf in relations.data}
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
    return steps + _carry(relations, {table: wanted[table] for table in sorted(tables & catalog.carried)})


def _carry(relations: _Relations, tables: Mapping[Address, Collection[str]]) -> list[Step]:
    """Return steps that carry statistics over, for some tables each: they hold a lock for every one and its indexes."""
    steps = []
    ordered = tuple(tables)
    for start in range(0, len(ordered), CARRIED_AT_ONCE):
        some = ordered[start : start + CARRIED_AT_ONCE]
        more = f" and {len(some) - 1} more" if len(some) > 1 else ""
        steps.append(
            Step(
                f"statistics {relations.identities[some[0]]}{more}",
                Phase.STATISTICS,
                CarryStatistics(some),
                frozenset(need for table in some for need in tables[table]),
                len(some) * STATISTICS_BYTES,
                dict.fromkeys(some, Lock.EXCLUSIVE),
            )
        )
    return steps


def _analyzed(catalog: Catalog, reads: Mapping[Address, set[Address]], how: Statistics) -> set[Address]:
    """Return the materialized views to ANALYZE when they are filled: also those that another one reads then."""
    match how:
        case Statistics.NONE:
            return set()
        case Statistics.ANALYZE:
            return set(reads)
        case Statistics.TRANSFER:
            return (reads.keys() - catalog.carried).union(*reads.values())


def _analyze(catalog: Catalog, relations: _Relations, build: Iterable[Step]) -> list[Step]:
    """ANALYZE each table once its indexes and statistics objects are there, a partitioned one with its partitions."""
    wanted: defaultdict[Address, set[str]] = defaultdict(set)
    for address, name in relations.data.items():
        wanted[relations.root(address)].add(name)
    for step in build:
        for relation in step.locks:
            if relations.root(relation) in wanted and not step.name.startswith("foreign_key "):
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


def _downstream(pieces: Iterable[Piece], phases: Phases, refresh: Mapping[Address, str]) -> set[str]:
    """Return the names of what is built upon a materialized view, what needs that in turn, and event triggers.

    Event triggers would fire at whatever is done after them.
    """
    late: set[str] = set()
    postponed = {name for name, phase in phases.items() if phase is Phase.FINISH}
    for piece in pieces:  # in creation order: what is needed comes first
        match phases[piece.name]:
            case Phase.BUILD:
                begins = not (refresh.keys().isdisjoint(piece.object.needs) and postponed.isdisjoint(piece.needs))
            case Phase.FINISH:
                begins = piece.object.kind == "event_trigger"
            case _:
                continue
        if begins or not late.isdisjoint(piece.needs):
            late.add(piece.name)
    return late


def _matview_reads(catalog: Catalog) -> dict[Address, set[Address]]:
    """Return the materialized views to fill, in an order in which they can be, and which others each reads.

    One that is empty on the source is filled for the time being if one that is not reads it.
    """
    needs = {o.address: o.needs for o in catalog.objects if o.kind not in FACETS}
    matviews = {o.address for o in catalog.objects if o.kind == "matview"}
    reads: dict[Address, set[Address]] = {}
    todo = sorted(catalog.populated & matviews)
    while todo:
        matview = todo.pop()
        if matview not in reads:
            reads[matview] = _reachable(matview, needs, matviews)
            todo += reads[matview]
    return {matview: reads[matview] for matview in TopologicalSorter(reads).static_order()}


def _reachable(start: Address, needs: Mapping[Address, Collection[Address]], ends: set[Address]) -> set[Address]:
    """Return those of `ends` that an object needs, directly or through others."""
    seen: set[Address] = set()
    todo = set(needs[start])
    while todo:
        address = todo.pop()
        seen.add(address)
        if address not in ends:
            todo |= set(needs.get(address, ())) - seen
    return (seen & ends) - {start}


def _refresh(
    catalog: Catalog,
    relations: _Relations,
    reads: Mapping[Address, set[Address]],
    names: Mapping[Address, str],
    finished: frozenset[str],
    analyzed: Collection[Address],
) -> list[Step]:
    """Fill the materialized views, those that another one reads before it; empty again what is empty on the source."""
    steps = []
    for matview, read in reads.items():
        identity = relations.identities[matview]
        analyze = (f"ANALYZE {identity}",) if matview in analyzed else ()
        statements = (f"REFRESH MATERIALIZED VIEW {identity}", *analyze)
        needs = finished | {names[address] for address in read}
        steps.append(Step(names[matview], Phase.REFRESH, Execute(statements), needs))
    for matview in reads.keys() - catalog.populated:
        identity = relations.identities[matview]
        needs = frozenset(names[reader] for reader in reads if matview in reads[reader]) | {names[matview]}
        statement = f"REFRESH MATERIALIZED VIEW {identity} WITH NO DATA"
        steps.append(Step(f"empty {identity}", Phase.REFRESH, Execute((statement,)), needs))
    return steps
