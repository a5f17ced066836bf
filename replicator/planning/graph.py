"""Creation order. A cycle is broken by creating one of its objects in two steps: a stub, and what completes it."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from replicator.catalog import BY_NAME, FACETS, RANK
from replicator.errors import DependencyCycle
from replicator.model import Address, Object


@dataclass(slots=True)
class Piece:
    """What is created in one step: an object, its stub, or what completes the stub. `needs` names other pieces."""

    name: str
    object: Object
    statements: tuple[str, ...]
    needs: set[str] = field(default_factory=set)


def order(objects: Iterable[Object]) -> list[Piece]:
    """Split cycles and sort: each piece comes after all it needs, else by rank of its kind, then by identity.

    Raises DependencyCycle.
    """
    objects = list(objects)
    names = {o.address: o.name for o in objects if o.kind not in FACETS}
    pieces: dict[str, Piece] = {}
    for o in objects:
        facet = o.kind in FACETS
        name = o.name if facet else names[o.address]
        needs = {names[a] for a in o.needs if a in names}
        if not facet:
            needs.discard(name)
        pieces[name] = Piece(name, o, o.create + _owner(o), needs)
    if len(pieces) != len(objects):
        raise AssertionError("two objects have the same kind and identity")
    while len(result := _sorted(pieces)) < len(pieces):
        # What is left is in a cycle, or waits for one.
        done = {piece.name for piece in result}
        left = {name: piece for name, piece in pieces.items() if name not in done}
        for component in [c for c in _components(left) if len(c) > 1]:
            _split_one(component, pieces, names)
    return result


def _owner(o: Object) -> tuple[str, ...]:
    return (o.alter_owner,) if o.alter_owner else ()


def stub_name(o: Object) -> str:
    """Return the name of the first half of an object that is created in two steps."""
    return f"{o.name} (stub)"


def split(whole: Piece) -> Piece | None:
    """Make a piece the second half of its object and return the first, the stub; None if it cannot have one.

    The stub's `needs` are left to the caller.
    """
    o = whole.object
    stub = Piece(stub_name(o), o, o.stub)
    if not o.stub or stub.name in whole.needs:
        return None
    whole.statements = (o.finish or o.create) + _owner(o)
    whole.needs.add(stub.name)
    return stub


def _split_one(component: set[str], pieces: dict[str, Piece], names: dict[Address, str]) -> None:
    """Split one object of the component: those inside it need the stub from now on, others the whole.

    A shell type is not usable as a type yet: only what the type itself needs can use it, such as its input function.
    """
    for name in (piece.name for piece in _by_rank(pieces[n] for n in component)):
        whole = pieces[name]
        own = {names[a] for a in whole.object.stub_needs if a in names}
        # Objects that were split before are needed as stubs already.
        stub_needs = {n for n in whole.needs if n in own or pieces[n].object.name in own}
        dependents = {other for other in component if name in pieces[other].needs}
        if BY_NAME[whole.object.kind].shell:
            dependents &= whole.needs
        if not dependents or not (whole.needs & component) - stub_needs:
            continue
        stub = split(whole)
        if stub is None:
            continue
        stub.needs = stub_needs
        for other in dependents:
            pieces[other].needs = (pieces[other].needs - {name}) | {stub.name}
        pieces[stub.name] = stub
        return
    raise DependencyCycle(
        f"These objects depend on one another, and none can be created in two steps: {', '.join(sorted(component))}."
    )


def _by_rank(pieces: Iterable[Piece]) -> list[Piece]:
    """Sort by rank and name, one key after the other: tuples of both took twice the time."""
    return sorted(sorted(pieces, key=attrgetter("name")), key=lambda piece: RANK[piece.object.kind])


def _sorted(pieces: Mapping[str, Piece]) -> list[Piece]:
    """Return those outside of cycles: each after all it needs, else by rank and name."""
    by_key = _by_rank(pieces.values())
    number = {piece.name: n for n, piece in enumerate(by_key)}
    if all(number[need] < n for n, piece in enumerate(by_key) for need in piece.needs):
        return by_key  # often true; the algorithm below would return the same in five times the time
    waiting = [len(piece.needs) for piece in by_key]
    wanted_by: list[list[int]] = [[] for _ in by_key]
    for n, piece in enumerate(by_key):
        for need in piece.needs:
            wanted_by[number[need]].append(n)
    ready = [n for n, count in enumerate(waiting) if not count]  # sorted, and so a heap
    result = []
    while ready:
        n = heapq.heappop(ready)
        result.append(by_key[n])
        for dependent in wanted_by[n]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                heapq.heappush(ready, dependent)
    return result


def _components(pieces: Mapping[str, Piece]) -> Iterator[set[str]]:
    """Yield the strongly connected components. Tarjan's algorithm with a stack of its own: chains are long."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    for root in pieces:
        if root in index:
            continue
        work = [(root, iter(pieces[root].needs))]
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        while work:
            name, needs = work[-1]
            for need in needs:
                if need not in pieces:  # done already
                    continue
                if need not in index:
                    index[need] = low[need] = len(index)
                    path.append(need)
                    on_path.add(need)
                    work.append((need, iter(pieces[need].needs)))
                    break
                if need in on_path:
                    low[name] = min(low[name], index[need])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    component: set[str] = set()
                    while name not in component:
                        component.add(path.pop())
                    on_path -= component
                    yield component
