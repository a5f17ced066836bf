"""What is copied besides definitions: rows, values of sequences, large objects; how each is read, and where it goes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from replicator.model.address import Address
from replicator.model.keys import Keys

READ_ROWS = 50_000
"""How many rows a query names, if not all of a table are read."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column whose values are read. `name` and `type` (for a domain, its base type) are quoted."""

    name: str
    type: str
    binary: bool
    """Its type has the same binary format on every server."""
    send: str = ""
    """The send function, if its bytes are the same on every server; "" for a type that sends OIDs."""
    read_as: str = ""
    """The destination's type, if different: values are compared after conversion to it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table's rows are read on the source. All names are quoted as needed."""

    relation: str
    expressions: tuple[str, ...]
    """One for each column of the target, in its order."""
    condition: str = ""
    """WHERE …: which rows. Empty: all."""
    only: bool = True
    """Without inheriting tables; False for a partitioned table, whose rows are those of its partitions."""
    keys: Keys | None = None
    """Only these rows, instead of a condition."""
    parts: tuple["Reading", ...] = ()
    """If there are any, the rows are read in these ways, one after the other."""

    @property
    def plain(self) -> bool:
        """Whether one query reads all rows."""
        return self.keys is None and not self.parts

    def each(self) -> Iterator["Reading"]:
        """Yield plain readings that together read the rows.

        >>> keys = Keys(); keys.add(0, bytes.fromhex("000001"))
        >>> print(*(each.condition for each in Reading("public.t", ("id",), keys=keys).each()))
        WHERE ctid = ANY ('{"(0,1)"}'::pg_catalog.tid[])
        """
        if self.plain:
            yield self
        for part in self.parts:
            yield from part.each()
        for tids in self.keys.batches(READ_ROWS) if self.keys else ():
            yield replace(self, keys=None, condition=f"WHERE ctid = ANY ('{tids}'::pg_catalog.tid[])")

    @property
    def item(self) -> str:
        """The FROM item for the whole relation."""
        return f"{'ONLY ' * self.only}{self.relation}"

    def rows(self, columns: tuple[str, ...]) -> str:
        """Return the FROM item for the rows that are read, as a table with these columns, tableoid and ctid.

        >>> Reading("public.t", ("id",)).rows(("id",))
        'ONLY public.t'
        >>> Reading("public.t", ("-id",), "WHERE id > 9").rows(("id",))
        '(SELECT -id AS id, tableoid, ctid FROM ONLY public.t WHERE id > 9) AS t'
        """
        if self.expressions == columns and not self.condition:
            return self.item
        named = (f"{expression} AS {column}" for expression, column in zip(self.expressions, columns, strict=True))
        where = f" {self.condition}" if self.condition else ""
        # The planner merges this into the query around it, so that ranges of ctid are scanned as in the relation.
        return f"(SELECT {', '.join((*named, 'tableoid', 'ctid'))} FROM {self.item}{where}) AS t"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a table's rows are loaded on the destination: a table, or the partitioned table that routes them."""

    relation: str
    columns: tuple[str, ...]
    condition: str = ""
    """WHERE …: which of its rows come from the source, if it has others, as an extension's table has. Empty: all."""
    only: bool = True
    """As in `Reading`."""

    @property
    def reading(self) -> Reading:
        """How its rows are read back, to compare them."""
        return Reading(self.relation, self.columns, self.condition, self.only)


class Portion(NamedTuple):
    """Some rows of a table, and the columns that are NULL in their copies."""

    keys: Keys
    nulls: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Table:
    """A table with rows of its own: ordinary or a leaf partition."""

    address: Address
    identity: str
    schema: str
    columns: tuple[Column, ...]
    bytes: int
    rows: int
    root: str | None
    """Load through this partitioned table, since rows may be routed differently on the destination; None: directly."""
    top: str | None = None
    """The partitioned table that it is a leaf of."""
    matters: frozenset[str] = frozenset()
    """What, besides a row's values, determines its partition: see catalog/routing.py."""
    unlike: str | None = None
    """A phrase on its first column without a common binary format, and its type."""
    as_text: bool = False
    """Copy as text, although all columns have a binary format: another version reads some values differently."""
    blocks: int | None = None
    """The number of blocks of its heap; None if it cannot be scanned by block (before 14, other access methods)."""
    key: str | None = None
    """If it cannot: a NOT NULL column with an index to scan by instead."""
    key_type: str = ""
    edges: tuple[str, ...] = ()
    """Values of the key as text, in order, with about the same number of rows between them."""
    condition: str = ""
    """WHERE …: which of an extension's rows are copied, on both sides. Empty: all."""
    where: str = ""
    """A condition in parentheses, from the definition: which rows are copied. The copy has no others."""
    expressions: tuple[str, ...] = ()
    """How each of `columns` is read. Empty: by its name."""
    renamed: str = ""
    """The relation that it is loaded into, if the definition renames it."""
    refers: frozenset[str] = frozenset()
    """The tables that an extension's configuration table refers to: its foreign keys exist before its rows."""
    calls: frozenset[Address] = frozenset()
    """User-defined functions called by its checks, its domains' checks, generated columns and partition keys.

    They may read other tables, however they are declared: the rows of those tables are copied first."""
    generates: bool = False
    """A generated column calls one: if it finds no row yet, its value is wrong, and nothing fails."""
    empty: bool = False
    """It has no rows in the snapshot, so there is nothing to copy."""
    stored: tuple[Column, ...] = ()
    """Generated columns: each server computes them, and the stored values are compared."""
    unlogged: bool = False
    extension: Address | None = None
    """The extension whose configuration it holds: it is created by that, and has rows of the extension's own."""
    matview: bool = False
    """It is a materialized view: its rows are compared, but not copied."""
    portions: tuple[Portion, ...] = ()
    """The rows that are copied, where they are named one by one. Empty: all that the conditions choose."""

    @property
    def reading(self) -> Reading:
        """How its rows are read on the source."""
        if self.portions:
            parts = tuple(replace(self._reading(nulls), keys=keys) for keys, nulls in self.portions)
            return replace(self._reading(frozenset().union(*(nulls for _, nulls in self.portions))), parts=parts)
        return replace(self._reading(), condition=f"WHERE {self.where}" if self.where else self.condition)

    def _reading(self, nulls: frozenset[str] = frozenset()) -> Reading:
        """Return how all its rows are read, with NULL in these columns."""
        names = tuple(column.name for column in self.columns)
        read = zip(names, self.expressions or names, strict=True)
        return Reading(
            self.identity,
            tuple(f"CASE WHEN false THEN {value} END" if name in nulls else value for name, value in read),
        )

    @property
    def target(self) -> Target:
        """Where its rows are loaded on the destination."""
        columns = tuple(column.name for column in self.columns)
        return Target(self.loaded_into, columns, self.condition, self.root is None)

    @property
    def changed(self) -> bool:
        """Whether rows are left out, or values replaced, on the way. Those that an extension brings do not count."""
        reading, target = self.reading, self.target
        return bool(self.portions) or reading.expressions != target.columns or reading.condition != target.condition

    @property
    def loaded_into(self) -> str:
        """The relation of its target."""
        return self.renamed or self.root or self.identity

    @property
    def name(self) -> str:
        """The name of the object that holds its rows on the destination."""
        return f"{'matview' if self.matview else 'table'} {self.loaded_into}"


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence whose value is copied."""

    address: Address
    identity: str
    schema: str
    unlogged: bool = False
    alias: str = ""
    """Its name on the destination, if different."""
    extension: Address | None = None
    """The extension whose configuration it belongs to."""
    table: Address | None = None
    """The table whose identity column created it, so that it is not an object of its own."""

    @property
    def target(self) -> str:
        """Its name on the destination."""
        return self.alias or self.identity


@dataclass(frozen=True, slots=True)
class LargeObjects:
    """A range of OIDs of large objects, both ends included, how many it has, and what is copied of them."""

    first: int
    last: int
    count: int
    owners: bool = True
    privileges: bool = True
    comments: bool = True
    roles: tuple[tuple[str, str], ...] = ()
    """The new names of roles by their own."""

    @property
    def there(self) -> "LargeObjects":
        """The same on the destination, where roles have no other names."""
        return replace(self, roles=())
