"""What is copied besides definitions: rows, values of sequences, large objects; how each is read, and where it goes."""

from dataclasses import dataclass

from replicator.model.address import Address


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

    @property
    def reading(self) -> Reading:
        """How its rows are read on the source."""
        expressions = self.expressions or tuple(column.name for column in self.columns)
        return Reading(self.identity, expressions, f"WHERE {self.where}" if self.where else self.condition)

    @property
    def target(self) -> Target:
        """Where its rows are loaded on the destination."""
        columns = tuple(column.name for column in self.columns)
        return Target(self.loaded_into, columns, self.condition, self.root is None)

    @property
    def changed(self) -> bool:
        """Whether rows are left out, or values replaced, on the way. Those that an extension brings do not count."""
        reading, target = self.reading, self.target
        return reading.expressions != target.columns or reading.condition != target.condition

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
