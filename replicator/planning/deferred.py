"""Which steps of a plan are deferred. Pure: steps in, fewer steps and the deferred ones out.

    defer_steps ─► the journal keeps them ─► the copy is open ─► `validate` runs them (runs/validate.py)

A foreign key that is validated later is added NOT VALID: it checks new rows from then on. An index that is built later
does not exist until it is built CONCURRENTLY. Never deferred: unique indexes, indexes of partitioned tables (they have
no rows of their own), and indexes that other objects need. In partitions each index is built, then attached.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from replicator.journal.tasks import INDEX
from replicator.model import Address, Catalog, Deferral, Execute, ForeignKey, Index, Object, Phase, Step
from replicator.planning.build import AS_BEFORE, MERGE
from replicator.planning.graph import Piece

CREATE, CONCURRENTLY = "CREATE INDEX ", "CREATE INDEX CONCURRENTLY "
ABOUT_AN_INDEX = frozenset({"index_setting", "comment", "clustered_index"})
COMES_AFTER = ABOUT_AN_INDEX | {"index_attach"}
"""The kinds that can wait for an index. An index that another kind needs is built in the clone."""
AT_ONCE = "now: a key from or to a partitioned table cannot be validated later"
LATER = "later, by `validate`"


class Divided(NamedTuple):
    """The steps of the clone, the names of what it does not create, and the deferred steps."""

    build: list[Step]
    deferred: Collection[str]
    later: tuple[Step, ...]


def defer_steps(build: list[Step], pieces: Sequence[Piece], catalog: Catalog, defer: Deferral) -> Divided:
    """Divide the steps that build on rows into those of the clone and deferred ones."""
    foreign_keys = {piece.name: piece.object for piece in pieces if isinstance(piece.object.detail, ForeignKey)}
    build, validations = _without_validation(build, foreign_keys) if defer.keys else (build, [])
    deferred = _indexes_to_defer(pieces, catalog) if defer.indexes else {}
    waiting = {piece.name: piece for piece in pieces if piece.name in deferred}
    about: defaultdict[str, list[Piece]] = defaultdict(list)
    for piece in waiting.values():
        for root in deferred[piece.name] if piece.object.kind in ABOUT_AN_INDEX else ():
            about[root].append(piece)
    indexes = [_later(s, waiting[s.name], about[s.name], deferred) for s in build if s.name in deferred]
    now = [_without_index(step, deferred) for step in build if step.name not in deferred]
    on: defaultdict[Address, set[str]] = defaultdict(set)
    for step in indexes:
        if isinstance(detail := waiting[step.name].object.detail, Index):
            on[detail.relation].add(step.name)
    # After the indexes of its table: building them conflicts with a validation, and one may speed it up.
    keys = [replace(step, needs=frozenset(on[key.relation])) for step, key in validations]
    return Divided(now, deferred.keys(), (*indexes, *keys))


def _indexes_to_defer(pieces: Sequence[Piece], catalog: Catalog) -> dict[str, set[str]]:
    """Return the deferred indexes and what depends on them, each with the indexes that it waits for."""
    waits = {
        piece.name: {piece.name}
        for piece in pieces
        if piece.object.kind == "index" and piece.object.address not in catalog.invalid
        if any(INDEX.fullmatch(_concurrently(statement)) for statement in piece.statements)
    }
    wanted: set[str] = set()
    for piece in (p for p in pieces if p.name not in waits):
        roots = set().union(*(waits[need] for need in piece.needs if need in waits))
        if piece.object.kind in COMES_AFTER:
            waits[piece.name] = roots
        else:
            wanted |= roots
    return {name: roots - wanted for name, roots in waits.items() if roots - wanted}


def _concurrently(statement: str) -> str:
    return CONCURRENTLY + statement.removeprefix(CREATE) if statement.startswith(CREATE) else statement


def _later(step: Step, piece: Piece, about: Iterable[Piece], deferred: Collection[str]) -> Step:
    """Return a deferred step, including the comments and settings of the index that it builds."""
    made = (*map(_concurrently, piece.statements), *(s for each in about for s in each.statements))
    return _for_later(step, Execute(made), piece.needs.intersection(deferred))


def _for_later(step: Step, work: Execute, needs: Iterable[str] = ()) -> Step:
    before = frozenset(needs)
    reason = "; ".join([LATER, *([step.reason] if step.reason else [])])
    return replace(
        step,
        phase=Phase.DEFERRED,
        work=work,
        needs=before,
        builds_on=before,
        locks={},
        instead=None,
        optional=False,
        reason=reason,
    )


def _without_index(step: Step, deferred: Collection[str]) -> Step:
    """Return a step that neither waits for a deferred index nor relies on it."""
    if step.needs.isdisjoint(deferred):
        return step
    assert isinstance(step.work, Execute)
    work = Execute(tuple(s for s in step.work.statements if s not in (MERGE, AS_BEFORE)))
    return replace(step, work=work, needs=step.needs.difference(deferred), reason="")


def _without_validation(
    build: Sequence[Step], keys: Mapping[str, Object]
) -> tuple[list[Step], list[tuple[Step, ForeignKey]]]:
    """Return the steps with foreign keys NOT VALID, if they can be, and the steps that validate them."""
    steps = {step.name: step for step in build}
    validating = {f"validate {name}": name for name, o in keys.items() if o.stub}
    now, later = [], []
    for step in build:
        if step.name in validating:
            continue
        o = keys.get(step.name)
        if o is None or not isinstance(o.detail, ForeignKey):
            now.append(step)
        elif not o.stub:
            now.append(replace(step, reason=AT_ONCE) if o.detail.valid else step)
        else:
            now.append(replace(step, work=Execute(o.stub), cost=0, instead=None))
            name = f"validate {o.name}"
            whole = steps.get(name) or replace(step, name=name, work=Execute(o.finish))
            assert isinstance(whole.work, Execute)
            later.append((_for_later(whole, whole.work), o.detail))
    return now, later
