"""The steps that build upon rows: indexes, constraints, statistics objects, foreign keys."""

from collections.abc import Iterable, Mapping

from replicator.graph import Piece
from replicator.model import Address, Execute, Lock, Phase, Step
from replicator.plan.pieces import Phases
from replicator.plan.relations import Relations

ALL_ROWS = "all rows"


def build_steps(
    pieces: Iterable[Piece],
    phases: Phases,
    relations: Relations,
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
