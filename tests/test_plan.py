import itertools
import random
from dataclasses import replace
from itertools import count

import pytest

from replicator import planning
from replicator.catalog import FACETS, RANK
from replicator.errors import DependencyCycle
from replicator.model import (
    Address,
    Catalog,
    Column,
    CopyTable,
    Execute,
    ForeignKey,
    Format,
    Index,
    LargeObjects,
    Lock,
    Object,
    Part,
    Phase,
    Sequence,
    SetSequences,
    Statistics,
    Table,
)
from replicator.planning import make_plan
from replicator.planning.build import EXPRESSION_WEIGHT, VALIDATED_BYTES, WEIGHTS
from replicator.planning.graph import order
from replicator.planning.stages import CHAINS, WAITS_FOR, Stage, Staged, drawn
from replicator.work.copying import condition_of

RELATIONS = {"table", "foreign_table", "view", "matview", "index", "sequence"}
COLUMN = Column("id", "pg_catalog.int4", binary=True)


def _detail(kind, needs):
    """A B-tree on, or a foreign key of, the first column of the first object that is needed."""
    if kind in ("index", "constraint"):
        return Index(needs[0], "btree", False, False, (1,), plain=True, numeric=False, collated=False)
    return ForeignKey(needs[0], (1,), ("id",), needs[1], ("id",), valid=True) if kind == "foreign_key" else None


class Database:
    """A catalog in the making. Each method adds an object and returns its address."""

    def __init__(self):
        self.objects, self.tables, self.large_objects, self.populated = [], [], [], set()
        self.sequences, self.carried = [], set()
        self._oids = count(20_000)

    def add(self, kind, identity, *needs, stub_needs=None, address=None):
        """An object; one with `stub_needs`, even if they are none, can be made in two steps."""
        address = address or Address(1259 if kind in RELATIONS else RANK[kind], next(self._oids))
        stub, finish = ((f"stub {identity}",), (f"finish {identity}",)) if stub_needs is not None else ((), ())
        self.objects.append(
            Object(kind, address, identity, "public", None, (f"create {identity}",), stub=stub, finish=finish,
                   needs=frozenset(needs), stub_needs=frozenset(stub_needs or ()), detail=_detail(kind, needs))
        )  # fmt: skip
        return address

    def change(self, **detail):
        """Change what the last object is."""
        self.objects[-1] = replace(self.objects[-1], detail=replace(self.objects[-1].detail, **detail))

    def table(self, identity, *needs, bytes=1000, columns=(COLUMN,), **kwargs):
        address = self.add("table", identity, *needs, **kwargs)
        self.tables.append(Table(address, identity, "public", columns, bytes, 10, None))
        return address

    def partition(self, identity, parent, *, leaf=True):
        address = self.table(identity) if leaf else self.add("table", identity)
        self.add("table_attach", identity, address, parent, address=Address(2611, address.objid))
        return address

    def matview(self, identity, *needs, populated=True):
        address = self.add("matview", identity, *needs)
        if populated:
            self.populated.add(address)
        return address

    def view(self, identity, *needs, stub_needs=()):
        return self.add("view", identity, *needs, stub_needs=stub_needs)

    def steps(self, **options):
        catalog = Catalog(180000, tuple(self.objects), tuple(self.tables), tuple(self.sequences),
                          tuple(self.large_objects), frozenset(self.populated),
                          carried=frozenset(self.carried))  # fmt: skip
        return make_plan(catalog, **options).steps

    def plan(self, **options):
        return Waits(self.steps(**options))


class Waits:
    """A plan, with for each step all that is done before it can begin. No plan gets through that is out of order."""

    def __init__(self, steps):
        self.steps = {step.name: step for step in steps}
        assert len(self.steps) == len(steps)
        self.before = {}
        for step in steps:
            assert step.needs <= self.before.keys(), f"{step.name} stands before {step.needs - self.before.keys()}"
            self.before[step.name] = step.needs.union(*(self.before[need] for need in step.needs))

    def __getitem__(self, name):
        return self.steps[name]

    def waits(self, name, *others):
        return set(others) <= self.before[name]

    def free(self, name, *others):
        return not set(others) & self.before[name]

    def names(self, phase):
        return [step.name for step in self.steps.values() if step.phase is phase]

    def statements(self, name):
        return self[name].work.statements


@pytest.fixture
def db():
    return Database()


@pytest.fixture
def grouped(db):
    """A database with a view grouped by a primary key: it needs what is built after the data."""
    db.t = db.table("t")
    db.key = db.add("constraint", "t_pkey", db.t)
    db.v = db.view("v", db.t, db.key)
    return db


def test_an_empty_database_has_an_empty_plan(db):
    assert db.plan().steps == {}


def test_schema_steps_form_a_chain_in_creation_order(db):
    db.table("b", db.add("enum_type", "e"))
    db.table("a", db.add("schema", "s"))
    plan = db.plan()
    assert plan.names(Phase.SCHEMA) == ["schema s", "enum_type e", "table a", "table b"]
    assert plan["table b"].needs == {"table a"}


def test_rows_are_copied_when_all_of_the_schema_is_there(db):
    db.table("a")
    db.add("function", "f")
    db.table("b")
    plan = db.plan()
    for step in ("data a", "data b"):
        assert plan.waits(step, "table a", "table b", "function f")
    assert plan.free("data b", "data a")
    assert plan.free("data a", "data b")


def test_a_step_of_data_says_how_much_there_is_and_keeps_others_from_its_table(db):
    a = db.table("a", bytes=77)
    step = db.plan()["data a"]
    assert (step.cost, step.locks, step.phase) == (77, {a: Lock.EXCLUSIVE}, Phase.DATA)


@pytest.mark.parametrize(("forms", "binary"), [((True, True), True), ((True, False), False), ((), True)])
def test_a_table_travels_in_binary_if_all_of_its_columns_can(db, forms, binary):
    db.table("a", columns=tuple(Column("c", "pg_catalog.int4", form) for form in forms))
    work = db.plan()["data a"].work
    assert isinstance(work, CopyTable)
    assert work.binary is binary


def test_rows_that_a_check_may_look_up_come_first(db):
    db.table("a_looks_up")
    db.tables[-1] = replace(db.tables[-1], calls=frozenset({Address(1255, 4711)}))
    db.table("looked_up")
    plan = db.plan()
    assert plan.waits("data a_looks_up", "data looked_up")
    assert plan.free("data looked_up", "data a_looks_up")


EXTENSION = Address(3079, 1)
OIDS = Column("c", "pg_catalog.regclass", binary=False)
OTHER = Column("c", "", binary=False)


@pytest.mark.parametrize(
    ("column", "changes", "format", "binary", "reason"),
    [
        (COLUMN, {}, Format.AUTO, True, "binary: both servers store all types alike; frozen"),
        (COLUMN, {}, Format.TEXT, False, "text: requested; frozen"),
        (COLUMN, {"root": "t"}, Format.AUTO, True, "through t, since its rows"),
        (COLUMN, {"extension": EXTENSION}, Format.AUTO, True, "without rows that CREATE EXTENSION creates"),
        (OTHER, {"unlike": "column c is of type e"}, Format.AUTO, False, "text: column c is of type e, whose binary"),
        (OTHER, {}, Format.BINARY, True, "binary: requested"),
        (OIDS, {}, Format.BINARY, False, "text: column c holds OIDs of the source"),
        (COLUMN, {"as_text": True}, Format.BINARY, False, "text: infinite intervals"),
    ],
)
def test_a_step_says_why_rows_travel_as_they_do(db, column, changes, format, binary, reason):
    db.table("a", columns=(column,))
    db.add("extension", "e", address=EXTENSION)
    db.tables = [replace(table, **changes) for table in db.tables]
    step = next(step for step in db.steps(format=format) if step.phase is Phase.DATA)
    assert step.work.binary is binary
    assert reason in step.reason


def test_large_objects_and_sequences_wait_for_the_schema_alone(db):
    db.table("a")
    sequence = Sequence(db.add("sequence", "s"), "s", "public")
    db.sequences.append(sequence)
    db.large_objects.append(LargeObjects(1, 9, 5))
    plan = db.plan()
    assert plan["sequence values"].work == SetSequences((sequence,))
    for step in ("sequence values", "large objects 1-9"):
        assert plan.waits(step, "table a", "sequence s")
        assert plan.free(step, "data a")


def test_an_index_waits_for_the_rows_of_its_own_table_alone(db):
    db.add("index", "i", db.table("a"))
    db.table("b")
    plan = db.plan()
    assert plan.waits("index i", "data a")
    assert plan.free("index i", "data b")


def test_indexes_of_a_table_are_built_side_by_side_and_constraints_alone(db):
    a = db.table("a")
    db.add("index", "i", a)
    db.add("constraint", "c", a)
    plan = db.plan()
    assert plan["index i"].locks == {a: Lock.SHARED}
    assert plan["constraint c"].locks == {a: Lock.EXCLUSIVE}


def test_an_index_that_calls_the_users_code_waits_for_all_rows(db):
    a = db.table("a")
    for kind in ("function", "aggregate", "operator", "operator_class", "domain", "base_type", "cast"):
        db.add("index", f"i_{kind}", a, db.add(kind, f"its_{kind}"))
    db.table("b")
    db.partition("p_1", db.add("table", "p"))
    plan = db.plan()
    for name in plan.names(Phase.BUILD):
        assert plan.waits(name, "data a", "data b", "data p_1")


def test_a_foreign_key_waits_for_the_rows_of_both_tables_and_for_the_key(db):
    a, b = db.table("a"), db.table("b")
    db.table("c")
    db.add("foreign_key", "b_a", b, a, db.add("constraint", "a_pkey", a))
    plan = db.plan()
    assert plan.waits("foreign_key b_a", "data a", "data b", "constraint a_pkey")
    assert plan.free("foreign_key b_a", "data c")
    assert plan["foreign_key b_a"].locks == {a: Lock.EXCLUSIVE, b: Lock.EXCLUSIVE}


def test_a_foreign_key_of_a_large_table_is_validated_in_a_step_of_its_own(db):
    key = db.add("constraint", "a_pkey", a := db.table("a"))
    b = db.table("b", bytes=VALIDATED_BYTES)
    db.add("foreign_key", "k on b", b, a, key, stub_needs=(b, a, key))
    plan = db.plan()
    assert plan.statements("foreign_key k on b") == ("stub k on b",)
    assert plan.statements("validate foreign_key k on b") == ("finish k on b",)
    assert plan.waits("validate foreign_key k on b", "foreign_key k on b", "data a", "data b")
    assert plan["foreign_key k on b"].locks == {a: Lock.EXCLUSIVE, b: Lock.EXCLUSIVE}
    assert plan["validate foreign_key k on b"].locks == {a: Lock.SHARED, b: Lock.EXCLUSIVE}
    assert plan.free("analyze a", "foreign_key k on b", "validate foreign_key k on b")


@pytest.mark.parametrize(
    ("changes", "serves"),
    [
        ({"columns": (1, 2, 3)}, True),
        ({"columns": (1, 2)}, True),
        ({"columns": (1,)}, False),
        ({"columns": (1, 0)}, False),
        ({"columns": (2, 1)}, False),
        ({"partial": True}, False),
        ({"plain": False}, False),
        ({"method": "hash"}, False),
    ],
)
def test_a_foreign_key_is_validated_by_merging_where_an_index_has_its_columns(db, changes, serves):
    key = db.add("constraint", "a_pkey", a := db.table("a"))
    b = db.table("b", bytes=VALIDATED_BYTES)
    db.add("foreign_key", "k on b", b, a, key, stub_needs=(b, a, key))
    db.change(numbers=(1, 2))
    db.add("index", "i", b)
    db.change(**{"columns": (1, 2), **changes})
    plan = db.plan()
    merged = ("SET enable_hashjoin = off", "finish k on b", "RESET enable_hashjoin")
    assert plan.statements("validate foreign_key k on b") == (merged if serves else ("finish k on b",))
    assert plan.waits("validate foreign_key k on b", "index i") == serves
    assert plan.free("foreign_key k on b", "index i")


def test_a_foreign_key_is_made_at_once_where_that_takes_no_time_or_cannot_be_helped(db):
    key = db.add("constraint", "a_pkey", a := db.table("a", bytes=VALIDATED_BYTES))
    small = db.table("small", bytes=VALIDATED_BYTES - 1)
    db.add("foreign_key", "k on small", small, a, key, stub_needs=(small, a, key))
    db.add("foreign_key", "k on a", a, key)  # one without a stub: NOT VALID itself, or about partitioned tables
    plan = db.plan()
    assert not [name for name in plan.steps if name.startswith("validate ")]
    assert plan.statements("foreign_key k on small") == ("create k on small",)


def test_a_foreign_key_between_partitioned_tables_waits_for_all_leaves(db):
    p, q = db.add("table", "p"), db.add("table", "q")
    middle = db.partition("p_1", p, leaf=False)
    leaves = [db.partition("p_1_1", middle), db.partition("p_1_2", middle), db.partition("q_1", q)]
    db.add("foreign_key", "p_q", p, q)
    plan = db.plan()
    assert plan.waits("foreign_key p_q", "data p_1_1", "data p_1_2", "data q_1")
    assert plan["foreign_key p_q"].locks.keys() == {p, q, middle, *leaves}


def test_an_index_is_attached_when_both_are_there(db):
    p = db.add("table", "p")
    leaf = db.partition("p_1", p)
    whole, part = db.add("index", "p_i", p), db.add("index", "p_1_i", leaf)
    db.add("index_attach", "p_1_i", part, whole, address=Address(2611, part.objid))
    assert db.plan().waits("index_attach p_1_i", "index p_i", "index p_1_i")


def test_big_tables_with_indexes_have_longer_chains_than_those_without(db):
    # The executor begins with the longest chain: an index reads its table once more.
    db.add("index", "i", db.table("a", bytes=1000))
    assert db.plan()["index i"].cost >= 1000


@pytest.mark.parametrize(
    ("method", "columns", "weight"),
    [
        ("btree", (1, 0), 1),
        ("gin", (1,), WEIGHTS["gin"]),
        ("btree", (0,), EXPRESSION_WEIGHT),
        ("gist", (0,), WEIGHTS["gist"] * EXPRESSION_WEIGHT),
        ("rum", (1,), 1),
    ],
)
@pytest.mark.parametrize("kind", ["index", "constraint"])
def test_an_index_costs_what_its_method_takes(db, kind, method, columns, weight):
    db.add(kind, "i", db.table("a", bytes=1000))
    db.change(method=method, columns=columns)
    assert db.plan()[f"{kind} i"].cost == 1000 * weight


@pytest.mark.parametrize(
    ("changes", "megabytes", "collated"),
    [
        ({}, 8, 8),
        ({"collated": True}, 8, 64),
        ({"numeric": True}, 0, 0),
        ({"method": "gin"}, 0, 0),
    ],
)
def test_a_b_tree_is_sorted_in_little_memory_unless_it_takes_long_to_compare_its_keys(db, changes, megabytes, collated):
    db.add("index", "i", db.table("a", bytes=1000))
    db.change(**changes)
    assert db.plan()["index i"].sorts == megabytes * 1024**2
    assert db.plan(collates=True)["index i"].sorts == collated * 1024**2


def test_statistics_are_gathered_when_a_table_has_its_indexes(db):
    a, b = db.table("a"), db.table("b")
    key = db.add("constraint", "a_pkey", a)
    db.add("index", "i", a)
    db.add("statistics", "s", a)
    db.add("index", "j", b)
    db.add("foreign_key", "b_a", b, a, key)
    plan = db.plan()
    assert plan.waits("analyze a", "data a", "constraint a_pkey", "index i", "statistics s")
    assert plan.free("analyze a", "index j", "foreign_key b_a")
    assert plan.free("analyze b", "foreign_key b_a")
    assert plan["analyze a"].work == Execute(("ANALYZE a",))


def test_a_partitioned_table_is_analyzed_with_its_partitions_once(db):
    p = db.add("table", "p")
    middle = db.partition("p_m", p, leaf=False)
    first, second = db.partition("p_1", middle), db.partition("p_2", p)
    db.add("index", "i", second)
    plan = db.plan()
    assert plan["analyze p"].locks == dict.fromkeys((p, middle, first, second), Lock.EXCLUSIVE)
    assert plan.names(Phase.STATISTICS) == ["analyze p"]
    assert plan.waits("analyze p", "data p_1", "data p_2", "index i")


def test_triggers_policies_and_comments_come_after_all_data_and_all_that_is_built(db):
    a = db.table("a")
    db.table("b")
    db.add("index", "i", a)
    db.large_objects.append(LargeObjects(1, 9, 5))
    db.add("trigger", "x", a)
    db.add("comment", "a (table)", a, address=a)
    plan = db.plan()
    assert plan.names(Phase.FINISH) == ["trigger x", "comment a (table)"]
    assert plan.waits("trigger x", "data a", "data b", "index i", "analyze a", "large objects 1-9")
    assert plan.waits("comment a (table)", "trigger x")


def test_a_matview_is_filled_when_the_finishing_chain_is_done(db):
    a = db.table("a")
    db.add("acl", "a (table)", a, address=a)
    db.add("trigger", "x", a)
    db.matview("m", a)
    plan = db.plan()
    assert plan.waits("refresh m", "matview m", "data a", "acl a (table)", "trigger x", "analyze a")
    assert plan.statements("refresh m")[1] == "REFRESH MATERIALIZED VIEW m"


def test_without_anything_to_finish_a_matview_waits_for_all_data(db):
    db.matview("m", db.table("a"))
    db.table("b")
    assert db.plan().waits("refresh m", "matview m", "data a", "data b", "analyze b")


def test_a_matview_that_was_empty_stays_empty(db):
    db.matview("m", db.table("a"), populated=False)
    assert db.plan().names(Phase.REFRESH) == []


def test_a_matview_is_filled_after_those_that_it_reads_directly_or_through_views(db):
    first = db.matview("z_first", db.table("a"))
    db.matview("second", first)
    db.matview("third", db.view("v2", db.view("v1", first)))
    db.matview("other", db.tables[0].address)
    plan = db.plan()
    assert plan.waits("refresh second", "refresh z_first")
    assert plan.waits("refresh third", "refresh z_first")
    assert plan.free("refresh third", "refresh second", "refresh other")


def test_a_matview_that_reads_another_through_a_view_made_in_two_steps_is_filled_after_it(grouped):
    first = grouped.matview("m1", grouped.t)
    grouped.matview("m2", grouped.view("w", first, grouped.key))
    assert grouped.plan().waits("refresh m2", "refresh m1", "view w")


def test_a_matview_that_reads_an_empty_one_has_it_filled_for_the_time_being(db):
    # The other was emptied later. pg_dump leaves both empty (buildMatViewRefreshDependencies).
    db.matview("reader", db.matview("bare", populated=False))
    plan = db.plan()
    assert plan.waits("refresh reader", "refresh bare")
    assert plan.waits("empty bare", "refresh reader")


def test_a_matview_does_not_read_another_whose_rows_a_table_holds(db):
    db.matview("reader", db.table("t", db.matview("bare", populated=False)))
    assert db.plan().names(Phase.REFRESH) == ["refresh reader"]


def test_what_is_built_on_a_matview_comes_after_its_refresh(db):
    m = db.matview("m", db.table("a"))
    db.add("index", "m_i", m)
    db.add("statistics", "m_s", m)
    db.add("comment", "m_i (index)", db.objects[-2].address)
    plan = db.plan()
    assert plan.waits("index m_i", "refresh m")
    assert plan.waits("statistics m_s", "refresh m")
    assert plan.waits("comment m_i (index)", "index m_i")


def test_a_unique_index_comes_before_the_refresh_that_its_rows_may_forbid(grouped):
    for name, needed in (("early", grouped.t), ("late", grouped.key)):
        m = grouped.matview(name, needed)
        grouped.add("index", f"{name}_i", m)
        grouped.change(unique=True)
    plan = grouped.plan()
    assert plan.waits("refresh early", "index early_i")
    assert plan.waits("refresh late", "index late_i")


def test_an_index_on_an_empty_matview_waits_for_no_refresh(db):
    db.add("index", "i", db.matview("m", db.table("a"), populated=False))
    assert db.plan().waits("index i", "matview m")


def test_event_triggers_come_last_of_all(db):
    m = db.matview("m", db.table("a"))
    db.add("index", "m_i", m)
    db.add("comment", "m_i (index)", db.objects[-1].address)
    db.add("event_trigger", "e", db.add("function", "f"))
    plan = db.plan()
    assert plan.before["event_trigger e"] == plan.steps.keys() - {"event_trigger e"}


def test_a_comment_on_an_event_trigger_comes_after_it(db):
    trigger = db.add("event_trigger", "e", db.add("function", "f"))
    db.add("comment", "e (event trigger)", trigger, address=trigger)
    assert db.plan().waits("comment e (event trigger)", "event_trigger e")


def test_a_view_that_needs_a_constraint_is_made_as_a_stub_and_finished_at_the_end(grouped):
    plan = grouped.plan()
    assert plan["view v (stub)"].phase is Phase.SCHEMA
    assert plan["view v"].phase is Phase.FINISH
    assert plan.waits("view v", "constraint t_pkey", "view v (stub)")
    assert plan.statements("view v (stub)") == ("stub v",)
    assert plan.statements("view v") == ("finish v",)


def test_what_needs_such_a_view_needs_the_stub(grouped):
    grouped.add("function", "f", grouped.v)
    grouped.table("holder", grouped.v)
    plan = grouped.plan()
    for name in ("function f", "table holder"):
        assert plan[name].phase is Phase.SCHEMA
        assert plan.waits(name, "view v (stub)")


def test_a_trigger_on_such_a_view_comes_when_it_is_whole(grouped):
    grouped.add("trigger", "a", grouped.v)
    assert grouped.plan().waits("trigger a", "view v")


def test_a_function_that_needs_a_constraint_is_made_at_the_end(grouped):
    grouped.add("function", "f", grouped.key)
    plan = grouped.plan()
    assert plan["function f"].phase is Phase.FINISH
    assert plan.waits("function f", "constraint t_pkey")


def test_a_view_of_a_cycle_that_needs_a_constraint_lends_its_stub_to_others(grouped):
    function = Address(RANK["function"], 5)
    view = grouped.view("w", grouped.key, function)
    grouped.add("function", "f", view, address=function)
    grouped.add("function", "user", view)
    plan = grouped.plan()
    assert plan["view w"].phase is Phase.FINISH
    assert plan["function user"].phase is Phase.SCHEMA


def test_an_index_on_a_matview_that_is_made_at_the_end_comes_after_it(grouped):
    for populated in (True, False):
        m = grouped.matview(f"m_{populated}", grouped.key, populated=populated)
        grouped.add("index", f"i_{populated}", m)
    plan = grouped.plan()
    assert plan["matview m_True"].phase is Phase.FINISH
    assert plan.waits("index i_True", "matview m_True", "refresh m_True")
    assert plan.waits("index i_False", "matview m_False")


def test_an_index_that_calls_a_function_made_at_the_end_comes_after_it(grouped):
    function = grouped.add("function", "f", grouped.key)
    grouped.add("index", "i", grouped.table("u"), function)
    assert grouped.plan().waits("index i", "function f", "data u")


def test_a_stub_is_made_no_earlier_than_what_it_needs_itself(grouped):
    # `SELECT m FROM m`: a column of the view has the row type of a materialized view that is made at the end.
    m = grouped.matview("m", grouped.key)
    grouped.view("w", m, stub_needs=(m,))
    plan = grouped.plan()
    assert plan.waits("view w (stub)" if "view w (stub)" in plan.steps else "view w", "matview m")


def test_rows_are_never_copied_before_their_table_is_there(grouped):
    # A column has the row type of a materialized view that is made at the end: there may be no order at all.
    m = grouped.matview("m", grouped.key)
    grouped.table("u", m, stub_needs=(m,))
    try:
        plan = grouped.plan()
    except DependencyCycle:
        return
    first = "table u (stub)" if "table u (stub)" in plan.steps else "table u"
    assert plan.waits(first, "matview m")
    assert plan.waits("data u", first)


def test_a_cycle_in_the_schema_is_broken_in_the_plan(db):
    function = Address(RANK["function"], 5)
    table = db.table("a", function, stub_needs=())
    db.add("function", "f", table, address=function)
    plan = db.plan()
    assert plan.names(Phase.SCHEMA) == ["table a (stub)", "function f", "table a"]
    assert plan.waits("data a", "table a")


def test_locks_are_taken_on_tables_that_exist(db):
    p = db.add("table", "p")
    db.add("index", "i", db.partition("p_1", p))
    db.add("index", "j", p)
    addresses = {o.address for o in db.objects}
    assert all(step.locks.keys() <= addresses for step in db.plan().steps.values())


def test_everything_waits_for_what_it_needs_whatever_the_database():
    for seed in range(60):
        db = random_database(random.Random(seed))
        plan = db.plan()
        names = {o.address: o.name for o in db.objects if o.kind not in FACETS}
        for o in db.objects:
            done = plan.before[o.name] | {o.name}
            missing = {names[n] for n in o.needs if not {names[n], f"{names[n]} (stub)"} & done}
            assert not missing, f"seed {seed}: {o.name} does not wait for {missing}"


@pytest.mark.parametrize("statistics", Statistics)
def test_every_step_of_a_stage_waits_for_the_stages_before_it(monkeypatch, statistics):
    class Spy(Staged):
        def __init__(self):
            super().__init__()
            made.append(self)

    monkeypatch.setattr(planning, "Staged", Spy)
    compared = set()
    for seed in range(60):
        made = []
        plan = random_database(random.Random(seed)).plan(statistics=statistics)
        (staged,) = made
        assert [step.name for step in staged.steps] == list(plan.steps)
        for stage, earlier in WAITS_FOR.items():
            for step in staged[stage]:
                wanted = staged.names(*earlier)
                assert wanted <= plan.before[step.name], f"seed {seed}: {step.name} does not wait for {earlier}"
                compared |= {(stage, one) for one in earlier if staged[one]}
        for stage in CHAINS:
            names = [step.name for step in staged[stage]]
            assert all(plan.waits(later, before) for before, later in itertools.pairwise(names))
    of_views = {Stage.VIEW_STATISTICS} if statistics is not Statistics.TRANSFER else set()
    assert compared >= {(s, one) for s, earlier in WAITS_FOR.items() for one in earlier if s not in of_views} - {
        (stage, Stage.STATISTICS) for stage in WAITS_FOR if statistics is Statistics.NONE
    }


def test_the_stages_are_drawn_as_they_are():
    assert f"\n\n{drawn()}\n\n" in planning.__doc__


def test_statistics_of_a_table_without_rows_wait_for_the_table(db):
    db.carried.add(db.add("foreign_table", "f"))
    assert db.plan(statistics=Statistics.TRANSFER).waits("statistics f", "foreign_table f")


def random_database(rng):
    """Tables, keys, views grouped by them, materialized views, indexes and facets, as they are found in the wild."""
    db = Database()
    functions = [db.add("function", f"f{n}") for n in range(2)]
    tables = [db.table(f"t{n}", *rng.sample(functions, rng.randint(0, 1))) for n in range(4)]
    parent = db.add("table", "p")
    tables += [parent, *(db.partition(f"p{n}", parent) for n in range(2))]
    keys = [db.add("constraint", f"k{n}", table) for n, table in enumerate(tables[:4])]
    readable = list(tables)
    for n in range(6):
        needs = rng.sample(readable, rng.randint(1, 3)) + rng.sample(keys, rng.random() < 0.4)
        new = db.view(f"v{n}", *needs) if rng.random() < 0.5 else db.matview(f"m{n}", *needs)
        readable.append(new)
        if new in db.populated:
            readable += [new]  # the more often read
    matviews = [o.address for o in db.objects if o.kind == "matview"]
    for n in range(4):
        db.add("index", f"i{n}", rng.choice(tables + matviews), *rng.sample(functions, rng.random() < 0.3))
        db.change(unique=rng.random() < 0.5)
    db.carried = set(rng.sample(tables[:4] + matviews, 2))
    db.add("foreign_key", "fk", tables[0], tables[1], keys[1])
    db.add("event_trigger", "e", functions[0])
    for n, o in enumerate(rng.sample(db.objects, 8)):
        db.add("comment", f"{o.identity} ({n})", o.address, address=o.address)
    return db


def test_the_needs_of_steps_do_not_grow_with_the_square_of_the_tables(db):
    # A database with a thousand tenants has an index on the same function a thousand times.
    function = db.add("function", "f")
    for n in range(300):
        db.add("index", f"i{n}", db.table(f"t{n}"), function)
    steps = db.steps()
    assert sum(len(step.needs) for step in steps) < 10 * len(steps)


def test_ten_thousand_tables_with_indexes_are_planned(db):
    for n in range(10_000):
        db.add("index", f"i{n}", db.table(f"t{n}"))
    steps = db.steps()
    assert len(steps) == 40_000
    done = set()
    for step in steps:
        assert step.needs <= done
        done.add(step.name)


def test_every_piece_of_the_schema_is_in_the_plan(grouped):
    plan = grouped.plan()
    assert {piece.name for piece in order(grouped.objects)} <= plan.steps.keys()


GB = 1024**3


def parts_of_step(step):
    return step.work.part and (step.work.part.number, step.work.part.of)


@pytest.fixture
def big(db):
    """A table of four GB with two indexes, beside a small one."""
    db.big = db.table("big", bytes=4 * GB)
    db.add("index", "i", db.big)
    db.add("index", "j", db.big)
    db.table("small")
    db.tables = [replace(table, blocks=table.bytes // 8192) for table in db.tables]
    return db


def test_a_table_that_would_keep_one_worker_busy_at_last_is_split(big):
    plan = Waits(big.steps(jobs=4))
    parts = [step for step in plan.steps.values() if step.phase is Phase.DATA and step.work.table.identity == "big"]
    assert [parts_of_step(step) for step in parts] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {step.cost for step in parts} == {GB}
    assert all(step.locks == {big.big: Lock.SHARED} for step in parts)
    names = [step.name for step in parts]
    assert names[1] == "data big, part 2 of 4"
    for later in ("index i", "index j", "analyze big"):
        assert plan.waits(later, *names)
    assert parts_of_step(plan["data small"]) is None


def test_parts_meet_and_leave_nothing_out(big):
    steps = big.steps(jobs=3)
    conditions = [condition_of(s.work.table, s.work.part) for s in steps if s.phase is Phase.DATA and s.work.part]
    edges = [0, 524288 // 3, 524288 * 2 // 3]  # the first part has no lower one
    assert conditions == [
        f"ctid < '({edges[1]},0)'::pg_catalog.tid",
        f"ctid >= '({edges[1]},0)'::pg_catalog.tid AND ctid < '({edges[2]},0)'::pg_catalog.tid",
        f"ctid >= '({edges[2]},0)'::pg_catalog.tid",
    ]


@pytest.mark.parametrize(
    ("jobs", "changes", "larger_than", "parts"),
    [
        (1, {}, None, 0),
        (2, {}, None, 0),
        (4, {}, 0, 0),
        (4, {"bytes": GB // 4}, None, 0),
        (4, {"bytes": GB // 2}, None, 2),
        (4, {"blocks": None}, None, 0),
        (4, {"root": "t"}, None, 0),
        (4, {"extension": EXTENSION}, None, 0),
        (4, {"condition": "WHERE id > 0"}, None, 0),
        (4, {"blocks": 1}, GB, 0),
        (1, {}, GB, 4),
        (4, {}, 3 * GB, 2),
        (4, {}, 4 * GB, 0),
    ],
)
def test_a_table_is_split_where_that_may_help_and_can_be(big, jobs, changes, larger_than, parts):
    big.add("extension", "e", address=EXTENSION)
    big.tables[0] = replace(big.tables[0], **changes)
    steps = big.steps(jobs=jobs, split_larger_than=larger_than)
    assert len([s for s in steps if s.phase is Phase.DATA and s.work.part]) == parts


def test_among_many_tables_none_need_be_split(big):
    for n in range(4):
        big.add("index", f"i{n}", big.table(f"t{n}", bytes=4 * GB))
    assert not [s for s in big.steps(jobs=4) if s.phase is Phase.DATA and s.work.part]


def test_the_parts_of_an_earlier_run_are_taken_over(big):
    part = Part(1, 1, None, "0", None)
    steps = big.steps(jobs=4, parts={big.big: (part,)})
    assert [s.work.part for s in steps if s.phase is Phase.DATA] == [part, None]
