"""The phase of each piece of the schema, and which pieces wait for materialized views."""

from collections.abc import Iterable, Mapping

from replicator.catalog import BY_NAME
from replicator.errors import DependencyCycle
from replicator.model import Address, Execute, Index, Phase, Step
from replicator.planning import graph
from replicator.planning.graph import Piece
from replicator.planning.relations import Relations

Phases = Mapping[str, Phase]
KEEPS_ROWS_OUT = ("not_valid_check", "row_security")
"""Kinds that are created after the rows, and would reject rows that are copied later."""


def with_phases(pieces: Iterable[Piece]) -> tuple[list[Piece], Phases]:
    """Return the pieces, and the phase of each by name.

    A schema object that needs something built after the data (a view grouped by a primary key) is created in two steps
    if possible, else at the end.
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
                    raise DependencyCycle(f"{piece.name} depends on objects that can only be created once it has rows.")
                else:
                    postponed.add(piece.object.address)
        phases[piece.name] = phase
        result.append(piece)
    return result, phases


def is_unique(piece: Piece) -> bool:
    """Return whether this is a unique index."""
    o = piece.object
    return o.kind == "index" and isinstance(o.detail, Index) and o.detail.unique


def filled_first(piece: Piece, refresh: Mapping[Address, str]) -> list[str]:
    """Return the refreshes of the materialized views that this piece is built on, which come before it.

    Unique indexes come before the refresh: if the view's rows are no longer unique, only the refresh fails.
    """
    if not refresh:
        return []
    views = [view for view in piece.object.needs if view in refresh]
    return [refresh[view] for view in views] if views and not is_unique(piece) else []


def downstream(pieces: Iterable[Piece], phases: Phases, refresh: Mapping[Address, str]) -> set[str]:
    """Return the names of pieces built on a materialized view, of those that need them, and of event triggers.

    Event triggers would fire for everything done after them.
    """
    late: set[str] = set()
    postponed = {name for name, phase in phases.items() if phase is Phase.FINISH}
    for piece in pieces:  # in creation order: needs come first
        match phases[piece.name]:
            case Phase.BUILD:
                begins = bool(filled_first(piece, refresh)) or not postponed.isdisjoint(piece.needs)
            case Phase.FINISH:
                begins = piece.object.kind == "event_trigger"
            case _:
                continue
        if begins or not late.isdisjoint(piece.needs):
            late.add(piece.name)
    return late


def chain(pieces: Iterable[Piece], phase: Phase, first_needs: frozenset[str], relations: Relations) -> list[Step]:
    """Return one step for each piece, each after the one before."""
    steps: list[Step] = []
    for piece in pieces:
        needs = frozenset({steps[-1].name}) if steps else first_needs
        builds_on = frozenset(piece.needs)
        if piece.object.kind in KEEPS_ROWS_OUT:
            builds_on |= relations.rows_of(piece.object)
        step = Step(piece.name, phase, Execute(piece.statements), needs, builds_on=builds_on, kind=piece.object.kind)
        steps.append(step)
    return steps
