"""pg_depend, folded: which objects are created at all, and which need which. Three rules, nothing per kind.

1. A row that is internal to something else, a member of an extension, or in a schema of the system's is not created.
2. A row without an object of its own (a default, an array type, a view's rule) stands for its parent, followed upward:
   a default's needs become its table's.
3. An object of a kind that `turns` takes over an edge: a partition does not need its parent, its attachment needs both.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from replicator.catalog import BY_NAME
from replicator.model import Address, Object

FIRST_USER_OID = 16384
TYPE_CLASS = 1247
FUNCTION_CLASS = 1255
LARGE_OBJECT_CLASS = 2613
SCHEMA_CLASS = 2615
# What users put there, or pg_import_system_collations, is the server's: pg_dump leaves it, too.
SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")


class Edge(NamedTuple):
    """One row of pg_depend, columns (objsubid) left out. `type` is pg_depend.deptype."""

    dependent: Address
    referenced: Address
    type: str


# 'P' before 'a': a partition's cloned trigger belongs to the parent's trigger, not to its table.
PARENTHOOD = {"i": 0, "e": 1, "P": 2, "a": 3}


class Family:
    """The parents in pg_depend: whose part a catalog row is."""

    def __init__(self, edges: Iterable[Edge], created: set[Address]) -> None:
        self._parent: dict[Address, tuple[int, Address]] = {}
        self._members: set[Address] = set()
        self.created = created
        for edge in edges:
            if edge.type in PARENTHOOD and edge.dependent != edge.referenced:
                candidate = (PARENTHOOD[edge.type], edge.referenced)
                self._parent[edge.dependent] = min(candidate, self._parent.get(edge.dependent, candidate))
            if edge.type == "e":
                self._members.add(edge.dependent)

    def stands_for(self, address: Address, *, in_extensions: bool = True) -> Address | None:
        """Return the created object that this row is, or is part of; None where there is none."""
        if address in self.created:  # most are: no set is made for them
            return address
        seen: set[Address] = set()
        while address not in self.created:
            if address in seen or address not in self._parent or (address in self._members and not in_extensions):
                return None
            seen.add(address)
            address = self._parent[address][1]
        return address


def fold(rows: Iterable[tuple[Object, Sequence[Address]]], edges: Iterable[Edge]) -> list[Object]:
    """Return the objects to create, in the order given, with `needs` and `stub_needs` filled in.

    A row is an object and the addresses that its kind's file declares in `needs`: what pg_depend does not record.
    """
    edges = list(edges)
    parts = {e.dependent for e in edges if e.type in "ie" and e.dependent != e.referenced}
    rows = [
        (o, declared)
        for o, declared in rows
        if BY_NAME[o.kind].facet or (o.address not in parts and o.schema not in SYSTEM_SCHEMAS)
    ]
    family = Family(edges, {o.address for o, _ in rows if not BY_NAME[o.kind].facet})
    _drop_orphans(family, edges, {o.address for o, _ in rows if BY_NAME[o.kind].of_members})

    needs: defaultdict[Address, set[Address]] = defaultdict(set)
    stub_needs: defaultdict[Address, set[Address]] = defaultdict(set)
    for edge in edges:
        dependent, referenced = family.stands_for(edge.dependent), family.stands_for(edge.referenced)
        if dependent and referenced and dependent != referenced:
            needs[dependent].add(referenced)
            # A type's functions are in its row's edges, a domain's default among them; its stub does without.
            functions_of_a_type = (dependent.classid, referenced.classid) == (TYPE_CLASS, FUNCTION_CLASS)
            if dependent == edge.dependent and not functions_of_a_type:
                stub_needs[dependent].add(referenced)
    for o, declared in rows:
        if BY_NAME[o.kind].turns:
            first, second, *_ = declared
            needs[first].discard(second)
            stub_needs[first].discard(second)

    folded = []
    for o, declared in rows:
        wanted = {family.stands_for(address) for address in declared} - {None, o.address}
        if BY_NAME[o.kind].facet:
            if _has_subject(o, family):
                folded.append(replace(o, needs=_known({*wanted, family.stands_for(o.address)})))
        elif o.address in family.created:
            stub = _known(stub_needs[o.address] | wanted)
            if BY_NAME[o.kind].shell:
                stub = frozenset(address for address in stub if address.classid == SCHEMA_CLASS)
            folded.append(replace(o, needs=_known(needs[o.address] | wanted), stub_needs=stub))
    return folded


def _drop_orphans(family: Family, edges: list[Edge], of_members: set[Address]) -> None:
    """Take away what belongs to something that is not created: a temporary table's rule, an extension table's index.

    What is `of_members` may belong to a member of an extension: a publication's table.
    """
    owners = [e for e in edges if e.type in "aiPS" and e.dependent != e.referenced]
    while True:
        orphans = {
            e.dependent
            for e in owners
            if e.dependent in family.created
            and e.referenced.objid >= FIRST_USER_OID
            and family.stands_for(e.referenced, in_extensions=e.dependent in of_members) is None
        }
        if not orphans:
            return
        family.created -= orphans


def _has_subject(facet: Object, family: Family) -> bool:
    """Tell whether what a facet is about will be there: built in, a large object, or created."""
    if facet.address.objid < FIRST_USER_OID or facet.address.classid == LARGE_OBJECT_CLASS:
        return True
    in_extensions = BY_NAME[facet.kind].of_members
    return family.stands_for(facet.address, in_extensions=in_extensions) is not None


def _known(addresses: Iterable[Address | None]) -> frozenset[Address]:
    return frozenset([address for address in addresses if address is not None])
