from replicator.catalog.depend import Edge, fold
from replicator.model import Address, Object

CLASS = {"schema": 2615, "extension": 3079, "function": 1255, "base_type": 1247, "constraint": 2606,
         "rule": 2618, "trigger": 2620, "table_attach": 2611, "index_attach": 2611, "sequence_owner": 2608,
         "large_object": 2613}  # fmt: skip
RELATION, DEFAULT, TYPE = 1259, 2604, 1247


def at(oid, classid=RELATION):
    return Address(classid, oid + 20_000)


def row(kind, oid, *declared, schema="public", address=None):
    address = address or at(oid, CLASS.get(kind, RELATION))
    return Object(kind, address, f"{kind}{oid}", schema, None, ()), declared


def folded(rows, *edges):
    """What is created, by name without blanks, e.g. `table1`."""
    return {o.identity: o for o in fold(rows, [Edge(*edge) for edge in edges])}


# Rule 1: parts of something else are not created.


def test_objects_come_in_the_order_in_which_they_were_read():
    assert list(folded([row("view", 2), row("table", 1)], (at(1), at(2), "n"))) == ["view2", "table1"]


def test_a_normal_dependency_is_a_need_of_the_whole_and_of_the_stub():
    view = folded([row("table", 1), row("view", 2)], (at(2), at(1), "n"))["view2"]
    assert (view.needs, view.stub_needs) == ({at(1)}, {at(1)})


def test_what_is_internal_to_something_else_is_not_created():
    assert list(folded([row("table", 1), row("sequence", 2)], (at(2), at(1), "i"))) == ["table1"]


def test_members_of_extensions_are_not_created_and_stand_for_the_extension():
    extension = at(9, CLASS["extension"])
    objects = folded(
        [row("extension", 9), row("function", 1), row("index", 2)],
        (at(1, CLASS["function"]), extension, "e"),
        (at(2), at(1, CLASS["function"]), "n"),
    )
    assert list(objects) == ["extension9", "index2"]
    assert objects["index2"].needs == {extension}


def test_what_is_in_the_schemas_of_the_system_is_not_created():
    rows = [row("function", 1, schema="pg_catalog"), row("function", 2, schema="information_schema")]
    assert not folded([*rows, row("schema", 3, schema=None)]).keys() - {"schema3"}


def test_an_edge_from_an_object_to_itself_means_nothing():
    # A row of pg_depend for a column that needs another one of its table, or a type's own array: internal or not.
    (table,) = folded([row("table", 1)], (at(1), at(1), "i"), (at(1), at(1), "n"), (at(1), at(1), "a")).values()
    assert (table.needs, table.stub_needs) == (frozenset(), frozenset())


def test_an_edge_of_a_part_to_itself_hides_no_parent():
    part = at(5, DEFAULT)
    objects = folded([row("table", 1), row("view", 3)], (part, part, "i"), (part, at(1), "a"), (at(3), part, "n"))
    assert objects["view3"].needs == {at(1)}


# Rule 2: a row without an object of its own stands for its parent.


def test_the_needs_of_a_default_are_those_of_its_table_but_not_of_the_stub():
    default, function = at(5, DEFAULT), at(2, CLASS["function"])
    table = folded([row("table", 1), row("function", 2)], (default, at(1), "a"), (default, function, "n"))["table1"]
    assert table.needs == {function}
    assert table.stub_needs == frozenset()


def test_who_needs_an_array_of_a_row_type_needs_the_table():
    row_type, array_type = at(5, TYPE), at(6, TYPE)
    function = folded(
        [row("table", 1), row("function", 2)],
        (row_type, at(1), "i"),
        (array_type, row_type, "i"),
        (at(2, CLASS["function"]), array_type, "n"),
    )["function2"]
    assert function.needs == {at(1)}


def test_a_part_that_needs_its_own_whole_adds_nothing():
    default = at(5, DEFAULT)
    (table,) = folded([row("table", 1)], (default, at(1), "a"), (default, at(1), "n")).values()
    assert table.needs == frozenset()


def test_parts_of_nothing_that_is_created_are_ignored():
    (view,) = folded([row("view", 1)], (at(1), at(7), "n"), (at(8, DEFAULT), at(7), "a")).values()
    assert view.needs == frozenset()


def test_parents_that_go_round_in_a_circle_stand_for_nothing():
    part, other = at(5, TYPE), at(6, TYPE)
    (view,) = folded([row("view", 1)], (part, other, "a"), (other, part, "a"), (at(1), part, "n")).values()
    assert view.needs == frozenset()


def parent_of_two(first_type, second_type):
    """Which of two tables a part stands for. The lesser address is not to win, nor the row read first."""
    part = at(5, DEFAULT)
    edges = [(part, at(1), second_type), (part, at(2), first_type), (at(3), part, "n")]
    rows = [row("table", 1), row("table", 2), row("view", 3)]
    found = {folded(rows, *edges)["view3"].needs, folded(rows, *reversed(edges))["view3"].needs}
    assert len(found) == 1
    return found.pop()


def test_internal_goes_before_extension_before_partition_before_automatic():
    winner = {at(2)}
    assert parent_of_two("i", "e") == winner
    assert parent_of_two("e", "P") == winner
    assert parent_of_two("P", "a") == winner
    assert parent_of_two("i", "a") == winner


def test_normal_and_secondary_partition_dependencies_make_no_parent():
    part = at(5, DEFAULT)
    for kind in "nSx":
        assert not folded([row("table", 1), row("view", 3)], (part, at(1), kind), (at(3), part, "n"))["view3"].needs


def test_a_cloned_trigger_of_a_partition_stands_for_the_trigger_of_its_parent():
    trigger, clone = at(7, CLASS["trigger"]), at(8, CLASS["trigger"])
    objects = folded(
        [row("table", 1), row("table", 2), row("trigger", 7), row("view", 3)],
        (trigger, at(1), "a"),
        (clone, trigger, "P"),
        (clone, at(2), "S"),
        (clone, at(2), "a"),
        (at(3), clone, "n"),
    )
    assert objects["view3"].needs == {trigger}


def test_declared_needs_count_for_the_whole_and_the_stub():
    view = folded([row("table", 1), row("view", 2, at(1))])["view2"]
    assert (view.needs, view.stub_needs) == ({at(1)}, {at(1)})


def test_declared_needs_of_parts_and_of_strangers_are_folded_too():
    row_type = at(5, TYPE)
    view = folded([row("table", 1), row("view", 2, row_type, at(99), at(2))], (row_type, at(1), "i"))["view2"]
    assert (view.needs, view.stub_needs) == ({at(1)}, {at(1)})


def test_the_stub_of_a_shell_type_needs_its_schema_alone():
    shell, function, schema = at(1, TYPE), at(2, CLASS["function"]), at(3, CLASS["schema"])
    rows = [row("base_type", 1), row("function", 2), row("schema", 3)]
    base_type = folded(rows, (shell, function, "n"), (shell, schema, "n"))["base_type1"]
    assert (base_type.needs, base_type.stub_needs) == ({function, schema}, {schema})


# Rule 3: an object of a kind that turns takes over an edge.


def test_an_attachment_takes_over_the_edge_from_the_partition_to_its_parent():
    objects = folded(
        [row("table", 1), row("table", 2), row("table_attach", 2, at(2), at(1))],
        (at(2), at(1), "a"),
    )
    assert objects["table2"].needs == objects["table2"].stub_needs == frozenset()
    assert objects["table_attach2"].needs == {at(1), at(2)}


def test_an_owned_sequence_is_made_before_its_table_and_owned_after():
    default = at(5, DEFAULT)
    objects = folded(
        [row("sequence", 1), row("table", 2), row("sequence_owner", 1, at(1), at(2))],
        (at(1), at(2), "a"),
        (default, at(2), "a"),
        (default, at(1), "n"),
    )
    assert objects["sequence1"].needs == frozenset()
    assert objects["table2"].needs == {at(1)}
    assert objects["sequence_owner1"].needs == {at(1), at(2)}


def test_turning_leaves_all_other_edges_alone():
    objects = folded(
        [row("table", 1), row("table", 2), row("schema", 3), row("table_attach", 2, at(2), at(1))],
        (at(2), at(1), "a"),
        (at(2), at(3, CLASS["schema"]), "n"),
        (at(1), at(3, CLASS["schema"]), "n"),
    )
    assert objects["table2"].needs == objects["table1"].needs == {at(3, CLASS["schema"])}


def test_an_attachment_may_need_more_than_the_two_whose_edge_it_takes_over():
    objects = folded(
        [
            row("index", 1),
            row("index", 2),
            row("index_attach", 2, at(2), at(1), at(3, CLASS["index_attach"])),
            row("index", 3),
            row("index_attach", 3, at(3), at(2)),
        ],
        (at(2), at(1), "P"),
        (at(3), at(2), "P"),
    )
    assert objects["index_attach2"].needs == {at(1), at(2), at(3, CLASS["index_attach"])}
    assert objects["index_attach3"].needs == {at(2), at(3)}


# Orphans: what belongs to something that is not created.


def test_a_constraint_on_a_temporary_table_is_not_created():
    assert not folded([row("constraint", 1)], (at(1, CLASS["constraint"]), at(7), "a"))


def test_what_belongs_to_an_orphan_is_an_orphan_too():
    constraint, rule = at(1, CLASS["constraint"]), at(2, CLASS["rule"])
    assert not folded([row("rule", 2), row("constraint", 1)], (constraint, at(7), "a"), (rule, constraint, "a"))


def test_an_index_of_the_table_of_an_extension_is_not_created():
    extension = at(9, CLASS["extension"])
    objects = folded(
        [row("extension", 9), row("table", 1), row("index", 2)], (at(1), extension, "e"), (at(2), at(1), "a")
    )
    assert list(objects) == ["extension9"]


def test_what_is_about_the_members_of_an_extension_by_its_normal_needs_is_created():
    extension = at(9, CLASS["extension"])
    objects = folded(
        [row("extension", 9), row("table", 1), row("view", 2)], (at(1), extension, "e"), (at(2), at(1), "n")
    )
    assert objects["view2"].needs == {extension}


def test_what_belongs_to_something_built_in_is_created():
    built_in = Address(RELATION, 1262)
    assert list(folded([row("trigger", 1)], (at(1, CLASS["trigger"]), built_in, "a"))) == ["trigger1"]


def test_an_attachment_of_an_orphan_is_not_needed_by_anybody():
    # A partition of an extension's table: its parent is not there to be attached to.
    objects = folded(
        [row("extension", 9), row("table", 1), row("table", 2), row("table_attach", 2, at(2), at(1))],
        (at(1), at(9, CLASS["extension"]), "e"),
        (at(2), at(1), "a"),
    )
    assert "table2" not in objects


# Facets: they are about the object at their address.


def facet(kind, address):
    return row(kind, 1, address=address)


def test_a_facet_needs_its_object_and_shares_nothing_else_with_it():
    comment = folded([row("table", 1), row("schema", 3), facet("comment", at(1))], (at(1), at(3, CLASS["schema"]), "n"))
    assert comment["comment1"].needs == {at(1)}
    assert comment["comment1"].stub_needs == frozenset()


def test_a_facet_makes_nothing_out_of_what_is_not_created():
    assert not folded([facet("comment", at(1))])


def test_facets_of_built_in_objects_are_kept():
    assert folded([facet("acl", Address(RELATION, 1259)), facet("comment", Address(CLASS["schema"], 2200))])


def test_a_facet_of_something_in_pg_catalog_is_kept_though_such_objects_are_not():
    (acl,) = fold([row("acl", 1, schema="pg_catalog", address=Address(CLASS["function"], 2000))], [])
    assert acl.needs == frozenset()


def test_facets_of_large_objects_are_kept():
    assert folded([facet("comment", at(1, CLASS["large_object"]))])


def test_a_facet_of_the_index_of_a_constraint_needs_the_constraint():
    constraint = at(2, CLASS["constraint"])
    objects = folded([row("table", 3), row("constraint", 2), facet("comment", at(1))],
                     (at(1), constraint, "i"), (constraint, at(3), "a"))  # fmt: skip
    assert objects["comment1"].needs == {constraint}


def test_comments_of_extension_members_are_the_own_of_the_extension():
    extension = at(9, CLASS["extension"])
    assert list(folded([row("extension", 9), facet("comment", at(1))], (at(1), extension, "e"))) == ["extension9"]


def test_privileges_of_extension_members_are_kept_and_need_the_extension():
    extension = at(9, CLASS["extension"])
    for kind in ("acl", "security_label"):
        objects = folded([row("extension", 9), facet(kind, at(1))], (at(1), extension, "e"))
        assert objects[f"{kind}1"].needs == {extension}


def test_comments_of_what_is_internal_to_extension_members_are_dropped():
    extension, constraint = at(9, CLASS["extension"]), at(2, CLASS["constraint"])
    edges = [(at(1), constraint, "i"), (constraint, at(3), "a"), (at(3), extension, "e")]
    assert "comment1" not in folded([row("extension", 9), facet("comment", at(1))], *edges)


def test_comments_of_extensions_themselves_are_kept():
    extension = at(9, CLASS["extension"])
    assert folded([row("extension", 9), facet("comment", extension)])["comment1"].needs == {extension}


def test_a_facet_of_an_orphan_is_dropped():
    constraint = at(2, CLASS["constraint"])
    assert not folded([row("constraint", 2), facet("comment", constraint)], (constraint, at(7), "a"))


def test_a_facet_has_its_declared_needs_beside_its_object():
    identity = folded([row("table", 1), row("index", 2), row("replica_identity", 1, at(2), address=at(1))])
    assert identity["replica_identity1"].needs == {at(1), at(2)}
