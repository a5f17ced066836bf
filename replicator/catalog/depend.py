"""Reduces pg_depend to the objects that are created, and their dependencies. Three rules for all kinds:

1. A row that is internal to another, a member of an extension, or in a system schema is not created.
2. A row without an object of its own (a default, an array type, a view's rule) stands for its parent, recursively: what
   a default needs, its table needs.
3. An object of a kind that `turns` takes over an edge: a partition does not need its parent, its attachment needs both.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from replicator.catalog import FACETS, KINDS
from replicator.model import Address, Object

FIRST_USER_OID = 16384
OBJID = 0xFFFFFFFF
"""The part of an address that is Address.objid."""
TYPE_CLASS = 1247
FUNCTION_CLASS = 1255
RELATION_CLASS = 1259
LARGE_OBJECT_CLASS = 2613
SCHEMA_CLASS = 2615
RULE_CLASS = 2618
# Objects that users, or pg_import_system_collations, create there belong to the server: pg_dump skips them, too.
SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")


class Edge(NamedTuple):
    """One row of pg_depend without objsubid. `type` is pg_depend.deptype.

    There are hundreds of thousands: as read from a database they are plain tuples, and addresses plain numbers.
    """

    dependent: Address
    referenced: Address
    type: str


OF_MEMBERS = frozenset(kind.name for kind in KINDS if kind.of_members)
SHELLS = frozenset(kind.name for kind in KINDS if kind.shell)
TURNS = frozenset(kind.name for kind in KINDS if kind.turns)

Needs = defaultdict[Address, set[Address]]
NOTHING: frozenset[Address] = frozenset()

# 'P' before 'a': a partition's cloned trigger belongs to the parent's trigger, not to its table.
PARENTHOOD = {"i": 0, "e": 1, "P": 2, "a": 3}


class Family:
    """The parents in pg_depend: the row that each catalog row is a part of."""

    def __init__(self, edges: Iterable[Edge], created: Iterable[Address]) -> None:
        self._parent: dict[Address, tuple[int, Address]] = {}
        self._members: set[Address] = set()
        self.created = {int(address): address for address in created}
        for dependent, referenced, type in edges:
            if type == "n" or dependent == referenced or (rank := PARENTHOOD.get(type)) is None:
                continue
            known = self._parent.get(dependent)
            if known is None or (rank, referenced) < known:
                self._parent[dependent] = rank, referenced
            if type == "e":
                self._members.add(dependent)

    def parent(self, address: Address) -> Address | None:
        """Return the row that this one is a part of."""
        known = self._parent.get(address)
        return known[1] if known else None

    def stands_for(self, address: Address, *, in_extensions: bool = True) -> Address | None:
        """Return the created object that this row is, or is a part of; None if there is none."""
        found = self.created.get(address)  # most are: avoid the set
        seen: set[Address] = set()
        while found is None:
            if address in seen or address not in self._parent or (address in self._members and not in_extensions):
                return None
            seen.add(address)
            address = self._parent[address][1]
            found = self.created.get(address)
        return found

    def among(self, addresses: Iterable[Address]) -> frozenset[Address]:
        """Return the created objects that these rows are, or are parts of."""
        found = map(self.stands_for, addresses)
        return frozenset(address for address in found if address is not None)


def fold(rows: Iterable[tuple[Object, Sequence[Address]]], edges: Iterable[Edge]) -> list[Object]:
    """Return the objects to create, in the order given, with `needs` and `stub_needs`.

    A row is an object and the addresses in its kind's column `needs`: dependencies that pg_depend does not record.
    """
    edges = list(edges)
    parts = {dependent for dependent, referenced, type in edges if type in "ie" and dependent != referenced}
    rows = [
        (o, declared)
        for o, declared in rows
        if o.kind in FACETS or (o.address not in parts and o.schema not in SYSTEM_SCHEMAS)
    ]
    family = Family(edges, (o.address for o, _ in rows if o.kind not in FACETS))
    _drop_orphans(family, edges, {o.address for o, _ in rows if o.kind in OF_MEMBERS})
    own, through_parts = _needs(family, edges)
    for o, declared in rows:
        if o.kind in TURNS:
            first, second, *_ = declared
            own[first].discard(second)
            through_parts[first].discard(second)

    folded = []
    for o, declared in rows:
        wanted = family.among(declared) - {o.address} if declared else NOTHING
        if o.kind in FACETS:
            if not _has_subject(o, family):
                continue
            o.complete(wanted | family.among([o.address]), NOTHING)
        elif o.address in family.created:
            needs = stub = wanted.union(own.get(o.address, NOTHING))
            if o.address in through_parts:
                needs = needs.union(through_parts[o.address])
            if o.kind in SHELLS:
                stub = frozenset(address for address in stub if address.classid == SCHEMA_CLASS)
            o.complete(needs, stub)
        else:
            continue
        folded.append(o)
    return folded


def view_reads(edges: Sequence[Edge]) -> dict[Address, set[Address]]:
    """Return the relations that each view's query reads. For a row type alone pg_depend names no relation."""
    views = {rule: view for rule, view, type in edges if type == "i" and rule >> 32 == RULE_CLASS}
    reads: Needs = defaultdict(set)
    for rule, relation, type in edges:
        if type != "i" and rule in views and relation >> 32 == RELATION_CLASS:
            reads[Address.packed(views[rule])].add(Address.packed(relation))
    return reads


def _needs(family: Family, edges: Iterable[Edge]) -> tuple[Needs, Needs]:
    """Return what each created object, like its stub, needs by its own catalog row, and what it needs besides.

    There are hundreds of thousands of edges: most refer to created objects, which are looked up without the family.
    """
    own: Needs = defaultdict(set)
    through_parts: Needs = defaultdict(set)
    created = family.created.get
    for row, referenced_row, _ in edges:
        itself = dependent = created(row)
        if itself is None:
            if family.parent(row) == referenced_row:  # most rows that are not created have no other edge
                continue
            dependent = family.stands_for(row)
        if dependent is None:
            continue
        referenced = created(referenced_row) or family.stands_for(referenced_row)
        if referenced is None or dependent == referenced:
            continue
        # A type's row depends on its functions, a domain's also on those of its default; its stub does not.
        if itself and not (dependent >> 32 == TYPE_CLASS and referenced >> 32 == FUNCTION_CLASS):
            own[dependent].add(referenced)
        else:
            through_parts[dependent].add(referenced)
    return own, through_parts


def _drop_orphans(family: Family, edges: Iterable[Edge], of_members: set[Address]) -> None:
    """Remove objects that belong to something not created: a temporary table's rule, an index of an extension's table.

    Objects in `of_members` may belong to a member of an extension, such as a publication's table.
    """
    created = family.created
    while True:
        orphans = {
            dependent
            for dependent, referenced, type in edges
            if type != "n"
            and referenced not in created
            and dependent in created
            and type in "aiPS"
            and referenced & OBJID >= FIRST_USER_OID
            and dependent != referenced
            and family.stands_for(referenced, in_extensions=dependent in of_members) is None
        }
        if not orphans:
            return
        for orphan in orphans:
            del created[orphan]


def _has_subject(facet: Object, family: Family) -> bool:
    """Return whether the subject of a facet will exist: it is built in, a large object, or created."""
    if facet.address.objid < FIRST_USER_OID or facet.address.classid == LARGE_OBJECT_CLASS:
        return True
    in_extensions = facet.kind in OF_MEMBERS
    return family.stands_for(facet.address, in_extensions=in_extensions) is not None
