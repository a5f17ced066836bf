"""The plan: all that has to be done, in steps, and what each must wait for.

    schema ─► data ─► indexes, constraints, statistics ─► triggers, policies, comments, ACLs ─► refresh ─► the rest

Schema steps form a chain, as do the finishing ones: they take milliseconds and would only wait for one another's
locks. Between the chains there is no barrier: a table's indexes begin when its rows are there. Materialized views are
filled after the ACLs are set, since a refresh runs as the view's owner; what is built upon them comes after that.
"""

from collections import defaultdict
from collections.abc import Iterable

from replicator import graph
from replicator.catalog import BY_NAME, FACETS, RANK
from replicator.graph import Piece
from replicator.model import (
    Address,
    Catalog,
    CopyLargeObjects,
    CopyTable,
    Execute,
    Lock,
    Phase,
    Plan,
    SetSequences,
    Step,
)

CALLS_CODE = {"function", "aggregate", "operator", "operator_class", "operator_family", "domain", "base_type", "cast"}
"""An index or constraint that needs one of these runs the user's code, which may read any table."""


def make_plan(catalog: Catalog) -> Plan:
    """Return every step of a copy of this catalog into an empty database. Raises DependencyCycle."""
    pieces, phases = _with_phases(graph.order(catalog.objects, RANK, FACETS))
    by_phase: dict[Phase, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_phase[phases[piece.name]].append(piece)
    trees = _Trees(catalog)

    schema = _chain(by_phase[Phase.SCHEMA], Phase.SCHEMA, frozenset())
    created = frozenset({schema[-1].name}) if schema else frozenset()
    data = _data(catalog, created)
    build = _build(by_phase[Phase.BUILD], trees, created)
    statistics = _statistics(catalog, trees, build, by_phase[Phase.BUILD])

    filled = [o for o in catalog.objects if o.address in catalog.populated and o.kind == "matview"]
    refresh = {o.address: f"refresh {o.identity}" for o in filled}
    late = _downstream(pieces, phases, refresh)
    early = [step for step in build if step.name not in late]
    finish_early = [p for p in by_phase[Phase.FINISH] if p.name not in late and p.object.kind != "event_trigger"]
    finish_late = [p for p in by_phase[Phase.FINISH] if p.name in late or p.object.kind == "event_trigger"]
    first_part = [*data, *early, *statistics]
    finish = _chain(finish_early, Phase.FINISH, created | {step.name for step in first_part})
    finished = frozenset({finish[-1].name}) if finish else created | {step.name for step in first_part}
    refreshes = _refresh(pieces, refresh, finished)
    built_late = [_after_refresh(step, pieces, refresh) for step in build if step.name in late]
    last = _chain(finish_late, Phase.FINISH, finished | {step.name for step in (*refreshes, *built_late)})
    return Plan((*schema, *first_part, *finish, *refreshes, *built_late, *last))


def _with_phases(pieces: list[Piece]) -> tuple[list[Piece], dict[str, Phase]]:
    """Return the pieces and the phase of each by its name.

    A schema object that needs what is built after the data (a view grouped by a primary key) is made in two steps
    where it can be, else wholly at the end.
    """
    phases: dict[str, Phase] = {}
    stubs: dict[str, str] = {}
    result = []
    for piece in pieces:
        phase = BY_NAME[piece.object.kind].phase
        if phase is Phase.SCHEMA:
            piece.needs = {stubs.get(need, need) for need in piece.needs}
            if any(phases[need] is not Phase.SCHEMA for need in piece.needs):
                phase = Phase.FINISH
                if stub := graph.split(piece):
                    phases[stub.name] = Phase.SCHEMA
                    stubs[piece.name] = stub.name
                    result.append(stub)
        phases[piece.name] = phase
        result.append(piece)
    return result, phases


class _Trees:
    """Which tables' rows a relation stands for: a partitioned table stands for its leaves."""

    def __init__(self, catalog: Catalog) -> None:
        self.data = {table.address: f"data {table.identity}" for table in catalog.tables}
        self.kinds = {o.address: o.kind for o in catalog.objects if o.kind not in FACETS}
        self.parent: dict[Address, Address] = {}
        children: defaultdict[Address, list[Address]] = defaultdict(list)
        for o in catalog.objects:
            if o.kind == "table_attach":
                child = Address(TABLE_CLASS, o.address.objid)
                for parent in o.needs - {child}:
                    self.parent[child] = parent
                    children[parent].append(child)
        self.children = dict(children)

    def below(self, relation: Address) -> Iterable[Address]:
        """Yield a relation and all its partitions."""
        yield relation
        for child in self.children.get(relation, ()):
            yield from self.below(child)

    def root(self, relation: Address) -> Address:
        while relation in self.parent:
            relation = self.parent[relation]
        return relation

    def data_below(self, relations: Iterable[Address]) -> set[str]:
        """Return the names of the data steps of these relations and their partitions."""
        return {self.data[r] for relation in relations for r in self.below(relation) if r in self.data}


TABLE_CLASS = 1259


def _chain(pieces: list[Piece], phase: Phase, first_needs: frozenset[str]) -> list[Step]:
    """One step a piece, each after the one before."""
    steps: list[Step] = []
    for piece in pieces:
        needs = frozenset({steps[-1].name}) if steps else first_needs
        steps.append(Step(piece.name, phase, Execute(piece.statements), needs))
    return steps


def _data(catalog: Catalog, created: frozenset[str]) -> list[Step]:
    steps = [
        Step(
            f"data {table.identity}",
            Phase.DATA,
            CopyTable(table, binary=all(column.binary for column in table.columns)),
            created,
            table.bytes,
            {table.address: Lock.EXCLUSIVE},
        )
        for table in catalog.tables
    ]
    steps += [
        Step(f"large objects {r.first}-{r.last}", Phase.LARGE_OBJECTS, CopyLargeObjects(r), created, r.count * 2048)
        for r in catalog.large_objects
    ]
    if catalog.sequences:
        steps.append(Step("sequence values", Phase.SEQUENCES, SetSequences(catalog.sequences), created))
    return steps


def _build(pieces: list[Piece], trees: _Trees, created: frozenset[str]) -> list[Step]:
    names = {piece.name for piece in pieces}
    everything = set(trees.data.values())
    sizes = {piece.name: 0 for piece in pieces}
    steps = []
    for piece in pieces:
        needed = piece.object.needs
        runs_code = any(trees.kinds.get(address) in CALLS_CODE for address in needed)
        tables = [a for a in needed if trees.kinds.get(a) in ("table", "matview", "foreign_table")]
        needs = created | (piece.needs & names) | (everything if runs_code else trees.data_below(tables))
        lock = Lock.SHARED if piece.object.kind == "index" else Lock.EXCLUSIVE
        locks = {relation: lock for table in tables for relation in trees.below(table)}
        steps.append(Step(piece.name, Phase.BUILD, Execute(piece.statements), needs, sizes[piece.name], locks))
    return steps


def _statistics(catalog: Catalog, trees: _Trees, build: list[Step], pieces: list[Piece]) -> list[Step]:
    """ANALYZE each table once its indexes and statistics objects are there, a partitioned one with its partitions."""
    identities = {o.address: o.identity for o in catalog.objects if o.kind == "table"}
    wanted: defaultdict[Address, set[str]] = defaultdict(set)
    for table in catalog.tables:
        wanted[trees.root(table.address)].add(trees.data[table.address])
    foreign_keys = {piece.name for piece in pieces if piece.object.kind == "foreign_key"}
    for step in build:
        for relation in step.locks:
            if step.name not in foreign_keys and trees.root(relation) in wanted:
                wanted[trees.root(relation)].add(step.name)
    return [
        Step(
            f"analyze {identities[root]}",
            Phase.STATISTICS,
            Execute((f"ANALYZE {identities[root]}",)),
            frozenset(needs),
            locks=dict.fromkeys(trees.below(root), Lock.EXCLUSIVE),
        )
        for root, needs in wanted.items()
        if root in identities
    ]


def _downstream(pieces: list[Piece], phases: dict[str, Phase], refresh: dict[Address, str]) -> set[str]:
    """Return the names of what is built upon a materialized view with rows, and of what needs that in turn."""
    late: set[str] = set()
    for piece in pieces:  # in creation order: what is needed comes first
        if phases[piece.name] is Phase.BUILD:
            upon_matview = any(address in refresh for address in piece.object.needs)
            upon_postponed = any(phases[need] is Phase.FINISH for need in piece.needs)
            if upon_matview or upon_postponed or piece.needs & late:
                late.add(piece.name)
        elif phases[piece.name] is Phase.FINISH and piece.needs & late:
            late.add(piece.name)
    return late


def _refresh(pieces: list[Piece], refresh: dict[Address, str], finished: frozenset[str]) -> list[Step]:
    """Fill the materialized views, those that another one reads before it."""
    by_name = {piece.name: piece for piece in pieces}
    read_by: dict[str, set[str]] = {}
    steps = []
    for piece in pieces:
        reads = set().union(*(read_by[need] for need in piece.needs if need in by_name)) if piece.needs else set()
        name = refresh.get(piece.object.address)
        if name and piece.object.kind == "matview" and not piece.name.endswith(" (stub)"):
            identity = piece.object.identity
            statements = (f"REFRESH MATERIALIZED VIEW {identity}", f"ANALYZE {identity}")
            steps.append(Step(name, Phase.REFRESH, Execute(statements), finished | reads))
            reads = {name}
        read_by[piece.name] = reads
    return steps


def _after_refresh(step: Step, pieces: list[Piece], refresh: dict[Address, str]) -> Step:
    upon = {refresh[relation] for relation in step.locks if relation in refresh}
    return Step(step.name, step.phase, step.work, step.needs | upon, step.cost, step.locks)
