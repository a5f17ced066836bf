import random
import time

import pytest

from replicator.errors import DependencyCycle
from replicator.model import Address, Object
from replicator.planning.graph import Piece, _components, order


def thing(name, needs="", stub_needs=None, kind="view"):
    """An object whose name is its address; one with `stub_needs`, even if they are none, can be made in two steps."""
    splits = stub_needs is not None
    return Object(
        kind=kind,
        address=address(name),
        identity=name,
        schema=None,
        owner=None,
        create=(f"create {name}",),
        stub=(f"stub {name}",) if splits else (),
        finish=(f"finish {name}",) if splits else (),
        needs=frozenset(map(address, needs.split())),
        stub_needs=frozenset(map(address, (stub_needs or "").split())),
    )


def address(name):
    return Address(1, int.from_bytes(name.encode()))


def ordered(*objects):
    """The pieces in creation order, without their kind: `v`, `v (stub)`."""
    return [piece.name.split(" ", 1)[1] for piece in order(objects)]


def statements(*objects):
    return [statement for piece in order(objects) for statement in piece.statements]


def check(objects):
    """Each piece comes once, after all it needs; each need is met by a whole, or by the stub of what is split."""
    pieces = order(objects)
    place = {piece.name: number for number, piece in enumerate(pieces)}
    assert len(place) == len(pieces)
    assert all(place[need] < place[piece.name] for piece in pieces for need in piece.needs)
    names = {o.address: o.name for o in objects}
    for piece in pieces:
        stub = piece.name.endswith(" (stub)")
        needs = piece.object.stub_needs if stub else piece.object.needs
        for need in (names[a] for a in needs if a != piece.object.address):
            assert need in piece.needs or f"{need} (stub)" in piece.needs
    assert {o.name for o in objects} <= place.keys()
    return pieces


def test_what_is_needed_comes_first():
    assert ordered(thing("a", "b"), thing("b", "c"), thing("c")) == ["c", "b", "a"]


def test_what_nothing_orders_comes_by_rank_of_its_kind_then_by_identity():
    objects = [thing("b"), thing("a"), thing("z", kind="domain"), thing("m", kind="table"), thing("c", kind="table")]
    random.Random(1).shuffle(objects)
    assert ordered(*objects) == ["z", "c", "m", "a", "b"]


def test_the_order_does_not_depend_on_the_order_of_reading():
    objects = [thing(n, needs) for n, needs in (("a", "d"), ("b", "a"), ("c", ""), ("d", "c"), ("e", "a c"))]
    expected = ordered(*objects)
    for seed in range(10):
        random.Random(seed).shuffle(objects)
        assert ordered(*objects) == expected


def test_needs_of_objects_that_are_not_created_are_met_already():
    assert ordered(thing("a", "builtin")) == ["a"]


def test_an_object_may_need_itself():
    assert ordered(thing("a", "a")) == ["a"]


def test_a_facet_needs_its_object_and_is_needed_by_nobody():
    comment = thing("a", "a", kind="comment")
    pieces = order([thing("b", "a"), comment, thing("a")])
    assert [piece.name for piece in pieces] == ["view a", "view b", "comment a"]


def test_the_owner_is_set_when_the_object_is_whole():
    a = Object("view", address("a"), "a", None, "me", ("create a",), alter_owner="own a", stub=("stub a",),
               needs=frozenset({address("b")}))  # fmt: skip
    assert statements(thing("b"), a) == ["create b", "create a", "own a"]
    assert statements(thing("b", "a"), a) == ["stub a", "create b", "create a", "own a"]


def test_two_objects_of_one_name_are_a_mistake():
    with pytest.raises(AssertionError, match="same kind and identity"):
        order([thing("a"), thing("a")])


def test_a_cycle_is_broken_by_a_stub_that_is_finished_later():
    assert statements(thing("a", "b", ""), thing("b", "a")) == ["stub a", "create b", "finish a"]


def test_without_a_finish_the_stub_is_followed_by_the_whole_creation():
    shell = Object("domain", address("t"), "t", None, None, ("create t",), stub=("stub t",),
                   needs=frozenset({address("f")}))  # fmt: skip
    assert statements(shell, thing("f", "t")) == ["stub t", "create f", "create t"]


def test_inside_the_cycle_the_stub_is_needed_and_outside_the_whole():
    pieces = {p.name: p for p in order([thing("a", "b", ""), thing("b", "a"), thing("outside", "a")])}
    assert pieces["view b"].needs == {"view a (stub)"}
    assert pieces["view outside"].needs == {"view a"}
    assert pieces["view a"].needs == {"view b", "view a (stub)"}


def test_a_shell_serves_what_the_type_itself_needs_and_nothing_else():
    # The table is in the cycle, too, but a column cannot have a type that is but a shell.
    shell = thing("t", "f", "", kind="base_type")
    pieces = {p.name: p for p in order([shell, thing("f", "t u", kind="function"), thing("u", "t", "", kind="table")])}
    assert pieces["function f"].needs == {"base_type t (stub)", "table u (stub)"}
    assert pieces["table u"].needs == {"base_type t", "table u (stub)"}


def test_a_cycle_through_what_needs_more_than_a_shell_is_an_error():
    shell = thing("t", "f", "", kind="base_type")
    with pytest.raises(DependencyCycle):
        order([shell, thing("f", "u", kind="function"), thing("u", "t", kind="table")])


def test_the_stub_waits_for_what_it_needs_itself():
    pieces = {p.name: p for p in order([thing("a", "b t", "t"), thing("b", "a"), thing("t", kind="domain")])}
    assert pieces["view a (stub)"].needs == {"domain t"}


def test_the_first_by_rank_then_identity_is_split():
    assert "b (stub)" in ordered(thing("a", "b", ""), thing("b", "a", "", kind="domain"))
    assert "a (stub)" in ordered(thing("b", "a", ""), thing("a", "b", ""))


def test_nothing_is_split_whose_stub_needs_all_that_closes_the_cycle():
    assert ordered(thing("a", "b", "b"), thing("b", "a", "")) == ["b (stub)", "a", "b"]


def test_what_is_in_no_cycle_is_not_split():
    assert ordered(thing("a", "b", ""), thing("b", "", "")) == ["b", "a"]


def test_two_cycles_through_one_object_are_broken_by_one_stub():
    assert ordered(thing("a", "b c", ""), thing("b", "a"), thing("c", "a")) == ["a (stub)", "b", "c", "a"]


def test_two_cycles_of_one_component_are_broken_one_after_the_other():
    # a <-> b and b <-> c; the first stub leaves b <-> c.
    pieces = check([thing("a", "b", ""), thing("b", "a c", ""), thing("c", "b")])
    assert [p.name for p in pieces if "stub" in p.name] == ["view a (stub)", "view b (stub)"]


def test_a_second_stub_needs_the_first_stub_where_the_whole_would_close_the_cycle_again():
    # As above, but b's stub needs a: a's stub must do, for a as a whole needs b.
    check([thing("a", "b", ""), thing("b", "a c", "a"), thing("c", "b")])


def test_cycles_apart_are_broken_each():
    check([thing("a", "b", ""), thing("b", "a"), thing("c", "d a", "a"), thing("d", "c")])


def test_a_cycle_without_anything_to_split_is_an_error_that_names_its_objects():
    with pytest.raises(DependencyCycle, match=r"view a, view b\.") as raised:
        order([thing("a", "b"), thing("b", "a"), thing("innocent", "a")])
    assert "innocent" not in str(raised.value)


def test_a_cycle_whose_stubs_need_it_whole_is_an_error():
    with pytest.raises(DependencyCycle):
        order([thing("a", "b", "b"), thing("b", "a", "a")])


def test_random_objects_that_can_all_be_split_are_ordered():
    for seed in range(150):
        rng = random.Random(seed)
        names = "abcdefgh"[: rng.randint(2, 8)]
        objects = []
        for number, name in enumerate(names):
            needs = {n for n in names if n != name and rng.random() < 0.3}
            # What stubs need is in no cycle: an object only needs those before it.
            stub_needs = {n for n in needs if n in names[:number] and rng.random() < 0.3}
            objects.append(thing(name, " ".join(needs), " ".join(stub_needs), rng.choice(["domain", "table", "view"])))
        try:
            check(objects)
        except DependencyCycle as error:
            pytest.fail(f"seed {seed}: {error}")


def test_fifty_thousand_objects_in_a_chain_are_ordered_without_recursion_and_fast():
    size = 50_000
    objects = [
        Object("view", Address(1, n), str(n), None, None, (), needs=frozenset({Address(1, n + 1)})) for n in range(size)
    ]
    began = time.process_time()
    pieces = order(objects)
    assert [piece.object.address.objid for piece in pieces] == list(reversed(range(size)))
    assert time.process_time() - began < 3  # seconds; what takes the square of the chain takes tens


def test_components_are_those_that_reach_one_another():
    for seed in range(300):
        rng = random.Random(seed)
        names = [str(n) for n in range(rng.randint(1, 7))]
        density = rng.choice([0.1, 0.2, 0.4])
        needs = {n: {m for m in names if m != n and rng.random() < density} for n in names}
        pieces = {n: Piece(n, thing(n), (), needs[n]) for n in names}
        reached = {n: reach(n, needs) for n in names}
        expected = {frozenset(m for m in names if m in reached[n] and n in reached[m]) for n in names}
        found = list(_components(pieces))
        assert {frozenset(c) for c in found} == expected, f"seed {seed}"
        assert sum(map(len, found)) == len(names), f"seed {seed}"


def reach(name, needs):
    """All that can be reached from a name, itself included."""
    found, todo = {name}, [name]
    while todo:
        new = needs[todo.pop()] - found
        found |= new
        todo += new
    return found
