"""The objects that a choice copies: those that are named, what they consist of, and what they need.

Three rules:

1. Types, functions, schemas and the like come along if a chosen object needs them.
2. Rows come along only as partitions of a chosen table. A table that another table needs (a parent, a row type) is
   created without rows; what a query needs (views, policies, foreign keys …) is never created for it.
3. What needs something that is not copied is left out, and named.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

from replicator.catalog import FACETS, select
from replicator.model import Address, Catalog, ForeignKey, Loss, Object, Table, shown

RELATION_CLASS = 1259
ATTACHMENT_CLASS = 2611
RELATIONS = frozenset({"table", "foreign_table", "view", "matview"})
"""What a query may read."""
BY_DEFINITION = frozenset({"table", "foreign_table", "composite_type"})
"""What needs a table only for its columns or its row type."""
PARTS = frozenset({"table_attach", "sequence_owner", "index_attach", "publication_table", "publication_schema"})
"""What belongs to an object, whichever kinds are chosen."""
LINKS = PARTS - {"publication_table", "publication_schema"}
"""Parts that nobody misses by themselves."""
COMPANIONS = frozenset({"cast", "transform"})
"""Copied where all that they need is: statements that use them depend on their functions alone."""
ATTACHED = PARTS | {
    "constraint",
    "index",
    "statistics",
    "foreign_key",
    "not_valid_check",
    "rule",
    "trigger",
    "policy",
    "user_mapping",
    "default_acl",
}
"""What is copied with its subject: it is never chosen by name."""


@dataclass
class Family:
    """How the objects of a catalog belong together."""

    objects: dict[Address, Object]
    attached: dict[Address, list[Object]] = field(default_factory=lambda: defaultdict(list))
    """By subject."""
    subjects: dict[Address, Address] = field(default_factory=dict)
    partitions: dict[Address, list[Address]] = field(default_factory=lambda: defaultdict(list))
    parents: dict[Address, Address] = field(default_factory=dict)

    @classmethod
    def of(cls, catalog: Catalog) -> "Family":
        """Read it from the objects' needs."""
        family = cls({o.address: o for o in catalog.objects if o.kind not in FACETS})
        for o in family.objects.values():
            if o.kind == "table_attach":
                child = Address(RELATION_CLASS, o.address.objid)
                (parent,) = o.needs - {child} or {child}
                family.partitions[parent].append(child)
                family.parents[child] = parent
        for o in family.objects.values():
            if o.kind in ATTACHED and (subject := family._subject(o)):
                family.attached[subject].append(o)
                family.subjects[o.address] = subject
        return family

    def _subject(self, o: Object) -> Address | None:
        """Return what an object belongs to: it is named at the end of its identity, or it has the same OID."""
        if o.detail:
            return o.detail.relation
        if o.kind in ("table_attach", "sequence_owner"):
            return Address(RELATION_CLASS, o.address.objid)
        needed = [self.objects[address] for address in o.needs if address in self.objects]
        if o.kind == "index_attach":  # an index, or the constraint that made it
            of = {n.detail.relation: n.address for n in needed if n.detail}
            return next((address for relation, address in of.items() if self.parents.get(relation) in of), None)
        if o.kind in ("publication_table", "publication_schema", "user_mapping"):
            kinds = {"publication", "foreign_server"}
            return next((n.address for n in needed if n.kind in kinds), None)
        if o.kind == "default_acl":
            return next((n.address for n in needed if n.kind == "schema"), None)
        if o.kind == "statistics":
            return next((n.address for n in needed if n.kind in RELATIONS), None)
        about = [n for n in needed if o.identity.endswith(f" on {n.identity}")]
        return max(about, key=lambda n: len(n.identity)).address if about else None

    def leaves(self, relation: Address) -> Iterable[Address]:
        """Yield a table, or the partitions of a partitioned one that have rows."""
        if not self.partitions.get(relation):
            yield relation
        for partition in self.partitions.get(relation, ()):
            yield from self.leaves(partition)

    def within(self, relation: Address) -> set[Address]:
        """Return a table with all its partitions, theirs included."""
        found = {relation}
        for partition in self.partitions.get(relation, ()):
            found |= self.within(partition)
        return found


@dataclass
class Closure:
    """What is copied of a catalog."""

    kept: dict[Address, str]
    """With the reason, for what was not named: `needed by …`."""
    rows: set[Address]
    """The relations whose rows are copied."""
    broken: dict[Address, str]
    """What needs something that is not copied, and why it is left out."""


def close(
    family: Family, roots: Collection[Address], also: Collection[Address], wanted: Callable[[Object], bool]
) -> Closure:
    """Return what is copied if these objects are, and `also` these definitions.

    `wanted` tells which attached objects are copied with their subjects.
    """
    broken: dict[Address, str] = {}
    while True:
        found = _follow(family, roots, also, broken, wanted)
        for o in family.objects.values():
            if o.kind in COMPANIONS and o.needs and o.needs <= found.kept.keys():
                found.kept.setdefault(o.address, "of what it needs")
        failing = {
            address: f"it needs {shown(family.objects[lack].name)}, which is not included"
            for address in found.kept
            if (lack := next((n for n in sorted(family.objects[address].needs) if _lacks(family, found, n)), None))
        }
        if not failing:
            return Closure(found.kept, found.rows, broken)
        broken |= failing


def _lacks(family: Family, found: Closure, need: Address) -> bool:
    return need in family.objects and need not in found.kept


def _follow(
    family: Family,
    roots: Iterable[Address],
    also: Iterable[Address],
    broken: Collection[Address],
    wanted: Callable[[Object], bool],
) -> Closure:
    found = Closure({}, set(), {})
    queue = [*((root, "", True) for root in roots), *((address, "in the copy", False) for address in also)]
    queue += [(o.address, "", False) for o in family.objects.values() if o.name == "schema public"]  # nothing needs it
    while queue:
        address, why, rows = queue.pop()
        news = rows and address not in found.rows
        if (address in found.kept and not news) or address in broken:
            continue
        o = family.objects[address]
        first = address not in found.kept
        found.kept.setdefault(address, why)
        if not why:
            found.kept[address] = ""
        because = f"needed by {shown(o.name)}"
        if rows and o.kind in RELATIONS:
            found.rows.add(address)
            queue += [(partition, f"partition of {shown(o.name)}", True) for partition in family.partitions[address]]
        if not first:
            continue
        needs = set(o.needs)
        if parent := family.parents.get(address):
            needs.add(parent)
        queue += [(n, because, False) for n in sorted(needs) if n in family.objects and _brings(o, family.objects[n])]
        queue += [(a.address, f"of {shown(o.name)}", False) for a in family.attached[address] if wanted(a)]
    return found


def _brings(o: Object, needed: Object) -> bool:
    """Tell whether something is copied only because an object needs it."""
    if needed.kind in ATTACHED:
        return False  # with its subject, if at all
    return needed.kind not in RELATIONS or o.kind in BY_DEFINITION


def keys_without_rows(family: Family, objects: Iterable[Object], empty: Collection[Address]) -> dict[select.Key, str]:
    """Return the foreign keys that would refer to rows that are not copied, with the reason."""
    found: dict[select.Key, str] = {}
    for o in objects:
        if isinstance(o.detail, ForeignKey):
            lacking = [leaf for leaf in family.leaves(o.detail.referenced) if leaf in empty]
            if lacking and any(leaf not in empty for leaf in family.leaves(o.detail.relation)):
                name = shown(family.objects[lacking[0]].name)
                found[o.address] = f"it would refer to rows of {name}, which are not copied"
    return found


def incomplete_views(family: Family, tables: Iterable[Table], reduced: Catalog) -> frozenset[Address]:
    """Return the materialized views that read a table whose rows are not copied, directly or through views."""
    lacking = {table.address for table in tables} - {table.address for table in reduced.tables}
    inheriting: dict[Address, list[Address]] = defaultdict(list)
    for o in family.objects.values():
        if o.kind == "table":
            for need in o.needs:
                inheriting[need].append(o.address)

    def reads(view: Address) -> bool:
        seen, queue = {view}, [view]
        while queue:
            address = queue.pop()
            if address in lacking:
                return True
            if o := family.objects.get(address):
                others = o.needs if o.kind != "table" else {*family.partitions[address], *inheriting[address]}
                queue += others - seen
                seen |= others
        return False

    return frozenset(o.address for o in reduced.objects if o.kind == "matview" and reads(o.address))


def without_partitions(family: Family, catalog: Catalog, excluded: Collection[Address]) -> Catalog:
    """Let what belongs to a partitioned table no longer need its excluded partitions and their attachments."""

    gone = frozenset(excluded)
    parents = set()
    for address in gone:
        while above := family.parents.get(address):
            parents.add(above)
            address = above

    def freed(o: Object) -> Object:
        subject = family.subjects.get(o.address) if o.kind not in PARTS else None
        if subject is None or subject not in parents:
            return o
        free = gone & (family.within(subject) - {subject})
        free |= {Address(ATTACHMENT_CLASS, address.objid) for address in free}
        return o.with_needs(o.needs - free, o.stub_needs - free)

    return replace(catalog, objects=tuple(map(freed, catalog.objects)))


def restricted(catalog: Catalog, found: Closure) -> Catalog:
    """Return the catalog of what is kept."""
    kept = found.kept.keys()
    return replace(
        catalog,
        objects=tuple(
            o for o in catalog.objects if (o.needs and o.needs <= kept if o.kind in FACETS else o.address in kept)
        ),
        tables=tuple(t for t in catalog.tables if t.address in found.rows or t.extension in kept),
        sequences=tuple(s for s in catalog.sequences if not kept.isdisjoint((s.address, s.extension, s.table))),
        large_objects=(),
        along={address: why for address, why in found.kept.items() if why},
        populated=frozenset(catalog.populated & kept),
    )


def losses_of(family: Family, found: Closure, catalog: Catalog) -> list[Loss]:
    """Return what is left out because of what it needs, and the tables that are created without rows."""
    rows = {table.address: table.rows for table in catalog.tables}
    lost = [
        Loss(family.objects[a].name, why, whole=True, rows=rows.get(a) if family.objects[a].kind == "table" else None)
        for a, why in found.broken.items()
        if family.subjects.get(a) not in found.broken
    ]
    bare = [
        Loss(family.objects[a].name, f"rows: it is {why}", fatal=False)
        for a, why in found.kept.items()
        if family.objects[a].kind == "table" and a not in found.rows and a in rows
    ]
    return [*sorted(lost, key=lambda loss: loss.rows is None), *bare]
