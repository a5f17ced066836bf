"""Which data steps copy the rows of a relation: for a partitioned table, those of its leaves."""

from collections import defaultdict
from collections.abc import Iterable

from replicator.catalog import CALLS_CODE, FACETS
from replicator.model import Address, Catalog, Object, Part, Table
from replicator.planning.parts import Parts

HOLDERS = {"table", "matview", "foreign_table"}
"""Kinds that hold rows, or have partitions that do."""

TABLE_CLASS = 1259


class Relations:
    """The relations of a catalog, and how they are connected."""

    def __init__(self, catalog: Catalog, parts: Parts) -> None:
        self.tables = {table.address: table for table in catalog.tables}
        self.data = {t.address: data_names(t, parts.get(t.address, ())) for t in catalog.tables if not t.empty}
        self.settings = {name for t in catalog.tables if t.extension for name in self.data[t.address]}
        """The steps that copy rows of extensions' configuration tables, which their functions read."""
        self._pool_routed()
        self.kinds = {o.address: o.kind for o in catalog.objects if o.kind not in FACETS}
        self.identities = {o.address: o.identity for o in catalog.objects if o.kind not in FACETS}
        self._tables_of = {o.address: o.needs for o in catalog.objects if o.kind in ("index", "constraint")}
        self.code = {address for address, kind in self.kinds.items() if kind in CALLS_CODE}
        self.extensions = {address for address, kind in self.kinds.items() if kind == "extension"}
        self._holders = {address for address, kind in self.kinds.items() if kind in HOLDERS}
        self._attached: dict[Address, str] = {}
        self._parent: dict[Address, Address] = {}
        self._children: defaultdict[Address, list[Address]] = defaultdict(list)
        for o in catalog.objects:
            if o.kind == "table_attach":
                child = Address(TABLE_CLASS, o.address.objid)
                self._attached[child] = o.name
                for parent in o.needs - {child}:
                    self._parent[child] = parent
                    self._children[parent].append(child)

    def _pool_routed(self) -> None:
        """Count all rows loaded through a root as rows of each of its partitions, even of an empty one."""
        of_root: defaultdict[str, list[str]] = defaultdict(list)
        routed = {address: table.root for address, table in self.tables.items() if table.root}
        for address, root in routed.items():
            of_root[root] += self.data.get(address, ())
        self.data |= {address: tuple(of_root[root]) for address, root in routed.items() if of_root[root]}

    def rows_of(self, o: Object) -> set[str]:
        """Return the data steps of the tables that an object needs, without those of partitions."""
        return {name for a in o.needs if a in self.data for name in self.data[a]}

    def below(self, relation: Address) -> Iterable[Address]:
        """Yield a relation and all its partitions."""
        yield relation
        for child in self._children.get(relation, ()):
            yield from self.below(child)

    def holders_of(self, table: Table) -> frozenset[str]:
        """Return the steps that create a table, or the partitions that its rows are routed through."""
        if table.extension:
            return frozenset({f"extension {self.identities[table.extension]}"})
        if table.root is None or table.address not in self._parent:
            return frozenset({table.name})
        below = list(self.below(self.root(table.address)))
        made = (f"{self.kinds[a]} {self.identities[a]}" for a in below if a in self.kinds)
        return frozenset({*made, *(self._attached[a] for a in below if a in self._attached)})

    def root(self, relation: Address) -> Address:
        """Return the topmost partitioned table that a relation belongs to, or itself."""
        while relation in self._parent:
            relation = self._parent[relation]
        return relation

    def target(self, relation: Address) -> str:
        """Return the name of a relation on the destination: of a partition its own, even if its rows go to the root."""
        table = self.tables.get(relation)
        return table.target.relation if table and not table.root else self.identities[relation]

    def attached(self, o: Object) -> list[Address]:
        """Return all relations of the partitioned table whose indexes an attachment connects.

        It locks tables and indexes of the whole tree: concurrently with another one, or a foreign key, it deadlocks.
        """
        tables = {table for index in o.needs for table in self._tables_of.get(index, ())}
        roots = {self.root(table) for table in tables} if o.kind == "index_attach" else set()
        return [relation for root in sorted(roots) for relation in self.below(root)]

    def among(self, addresses: Iterable[Address]) -> list[Address]:
        """Return the objects among these that hold rows, with all their partitions."""
        found = self._holders.intersection(addresses)
        return [r for a in found for r in self.below(a)] if self._children else list(found)


def data_names(table: Table, parts: Iterable[Part]) -> tuple[str, ...]:
    """Return the names of the steps that copy a table's rows."""
    return tuple(f"data {table.identity}, part {p.number} of {p.of}" for p in parts) or (f"data {table.identity}",)
