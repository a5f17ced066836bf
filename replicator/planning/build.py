"""The steps that build on rows: indexes, constraints, statistics objects, foreign keys.

Adding a foreign key locks both tables until all rows are checked. On a large table it is added NOT VALID, which is
immediate, and then validated, which lets others read, index and validate the referenced table. If an index has the
referencing columns in order, the validation waits for it: merging two indexes took a third of the time of a hash join
(3 million rows against 1.5 million, PostgreSQL 18), which the planner estimates as cheaper.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from replicator.catalog import select
from replicator.model import Address, Execute, ForeignKey, Index, Lock, Object, Phase, Step
from replicator.planning.graph import Piece
from replicator.planning.lookups import Hints
from replicator.planning.pieces import Phases, filled_first
from replicator.planning.relations import Relations
from replicator.planning.sorting import memory

ALL_ROWS = "all rows"
EVERY_ROW = "every table's rows"
SAYS_NOTHING_OF_ROWS = ("statistics", "index_attach")
"""Kinds that can be created even if the rows could not be copied."""
WEIGHTS = {"brin": 0.3, "btree": 1.0, "hash": 2.5, "gist": 5.0, "spgist": 7.0, "gin": 10.0}
EXPRESSION_WEIGHT = 2.0
"""How long an index takes to build, relative to a B-tree on columns of the same table: medians of several types,
300,000 rows (2026-11, PostgreSQL 18). GiST took from 0.8 (ranges) to 80 (tsvector)."""
MERGE, AS_BEFORE = "SET enable_hashjoin = off", "RESET enable_hashjoin"
"""Without hash joins. The server may still sort, if the index would cost more because of the visibility map."""
VALIDATED_BYTES = 1024 * 1024
"""From this size of the referencing table, a foreign key is validated in a step of its own."""


def build_costs(pieces: Iterable[Piece], phases: Phases, relations: Relations) -> dict[Address, list[int]]:
    """Return the cost of each step that builds on a table."""
    costs: defaultdict[Address, list[int]] = defaultdict(list)
    for piece in pieces:
        if phases[piece.name] is Phase.BUILD:
            for table in [relations.tables[a] for a in piece.object.needs if a in relations.tables]:
                costs[table.address].append(_cost(piece, table.bytes) if table.bytes else 0)
    return costs


def build_steps(
    pieces: Iterable[Piece],
    phases: Phases,
    relations: Relations,
    refresh: Mapping[Address, str],
    created: frozenset[str],
    hints: Hints,
    *,
    keys_not_valid: bool,
    collates: bool,
) -> list[Step]:
    """Return one step for each index, constraint and statistics object, after the rows that it is about.

    `keys_not_valid`: a foreign key that the rows violate stays NOT VALID. `collates`: see make_plan.
    """
    steps = []
    built_on: defaultdict[Address, list[Piece]] = defaultdict(list)
    after_rows = {name for name, phase in phases.items() if phase is not Phase.SCHEMA}
    for piece in (p for p in pieces if phases[p.name] is Phase.BUILD):
        about = relations.among(piece.object.needs) or relations.attached(piece.object)
        tables = [relations.tables[r] for r in about if r in relations.tables]
        bytes = sum([table.bytes for table in tables])
        rows = {name for r in about for name in relations.data.get(r, ())}
        builds_on = piece.needs | _rows_wanted(piece.object, rows, relations, hints)
        if not relations.code.isdisjoint(piece.object.needs):
            rows = {ALL_ROWS}
        elif not relations.extensions.isdisjoint(piece.object.needs):
            rows |= relations.settings
        lock = Lock.SHARED if piece.object.kind == "index" else Lock.EXCLUSIVE
        step = Step(
            piece.name,
            Phase.BUILD,
            Execute(piece.statements),
            created.union(rows, piece.needs & after_rows, filled_first(piece, refresh)),
            _cost(piece, bytes) if bytes else 0,
            dict.fromkeys(about, lock),
            builds_on=frozenset(builds_on),
            sorts=_sorts(piece, bytes, collates=collates) if bytes else 0,
            kind=piece.object.kind,
        )
        if isinstance(piece.object.detail, ForeignKey):
            if keys_not_valid:
                step = replace(step, instead=tuple(f"{s}{select.NOT_VALID}" for s in piece.statements))
            steps += _in_two(step, piece.object, piece.object.detail, relations, built_on)
        else:
            steps.append(step)
        if len(about) == 1:
            built_on[about[0]].append(piece)
    if any(ALL_ROWS in step.needs for step in steps):
        every = frozenset().union(*relations.data.values())
        gate = Step(ALL_ROWS, Phase.BUILD, Execute(()), created | every)
        complete = replace(gate, name=EVERY_ROW, builds_on=every)
        steps[:0] = [gate, complete] if any(EVERY_ROW in step.builds_on for step in steps) else [gate]
    return steps


def _rows_wanted(o: Object, about: Collection[str], relations: Relations, hints: Hints) -> set[str]:
    """Return the data steps without which an object would be wrong, or would reject rows that are copied later."""
    if o.kind in SAYS_NOTHING_OF_ROWS:
        return set()
    called = relations.code & o.needs
    if called and not hints.are_clear(called):
        return {EVERY_ROW}
    wanted = set(about) if isinstance(o.detail, ForeignKey) else relations.rows_of(o)
    for table in hints.reached(called, likely=True) if called else ():
        wanted.update(*(relations.data.get(leaf, ()) for leaf in relations.below(table)))
    return wanted if relations.extensions.isdisjoint(o.needs) else wanted | relations.settings


def _cost(piece: Piece, bytes: int) -> int:
    """Return the cost of building on so many bytes: some index methods take longer than reading the table."""
    index = piece.object.detail
    if not isinstance(index, Index):
        return bytes
    return int(bytes * WEIGHTS.get(index.method, 1.0) * (1.0 if index.columns[0] else EXPRESSION_WEIGHT))


def _sorts(piece: Piece, bytes: int, *, collates: bool) -> int:
    """Return the memory that sorts a B-tree fastest; 0, for as much as available, if it has numeric keys or is none."""
    index = piece.object.detail
    if not isinstance(index, Index) or index.method != "btree" or index.numeric:
        return 0
    return memory(bytes, collated=collates and index.collated)


def _serving(key: ForeignKey, built: Iterable[Piece]) -> str | None:
    """Return the step that builds a B-tree on all rows whose first columns are the referencing ones."""
    for piece in built:
        index = piece.object.detail
        if (
            isinstance(index, Index)
            and index.method == "btree"
            and index.plain
            and not index.partial
            and index.columns[: len(key.numbers)] == key.numbers
        ):
            return piece.name
    return None


def _in_two(
    whole: Step, o: Object, key: ForeignKey, relations: Relations, built_on: Mapping[Address, Iterable[Piece]]
) -> list[Step]:
    """Return the steps of a foreign key: one that adds it and, for a large table, one that validates it.

    VALIDATE takes a SHARE UPDATE EXCLUSIVE lock on its own table, and only ROW SHARE on the referenced one.
    Reference: PostgreSQL docs, ALTER TABLE, "VALIDATE CONSTRAINT".
    """
    table = relations.tables.get(key.relation)
    if not o.stub or table is None or table.empty or table.bytes < VALIDATED_BYTES:
        return [whole]
    locks = {a: Lock.EXCLUSIVE if a == table.address else Lock.SHARED for a in whole.locks}
    add = replace(whole, work=Execute(o.stub), cost=0)
    added = frozenset({add.name})
    validate = replace(
        whole, name=f"validate {o.name}", work=Execute(o.finish), needs=added, locks=locks, builds_on=added
    )
    if validate.instead:
        validate = replace(validate, instead=())
    if index := _serving(key, built_on.get(table.address, ())):
        work = Execute((MERGE, *o.finish, AS_BEFORE))
        validate = replace(validate, work=work, needs=validate.needs | {index}, reason=f"by merging, with {index}")
    return [add, validate]
