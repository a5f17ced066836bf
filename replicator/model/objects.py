"""The contents of a catalog as frozen data: objects, tables, sequences, large objects."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Address(int):
    """The address of an object in pg_depend: the OID of its system catalog and its OID there.

    It is a single number, which depend.sql computes: looking it up takes a third of the time of a tuple.
    """

    __slots__ = ()

    def __new__(cls, classid: int, objid: int) -> "Address":
        return super().__new__(cls, (classid << 32) + objid)

    @classmethod
    def packed(cls, number: int) -> "Address":
        """Return the address for such a number."""
        return super().__new__(cls, number)

    @property
    def classid(self) -> int:
        """The OID of its system catalog."""
        return self >> 32

    @property
    def objid(self) -> int:
        """Its OID there."""
        return self & 0xFFFFFFFF

    def __iter__(self) -> Iterator[int]:
        return iter((self.classid, self.objid))

    def __repr__(self) -> str:
        return f"Address(classid={self.classid}, objid={self.objid})"

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]
        return self.classid, self.objid


class Phase(StrEnum):
    """The phase of the run that a step belongs to, in the order in which the phases begin."""

    ROLES = "roles"
    TABLESPACES = "tablespaces"
    DROP = "what was there"
    SCHEMA = "schema"
    DATA = "data"
    LARGE_OBJECTS = "large objects"
    SEQUENCES = "sequences"
    BUILD = "indexes and constraints"
    STATISTICS = "statistics"
    FINISH = "triggers, policies, comments, privileges"
    REFRESH = "materialized views"
    VERIFY = "verification"
    DATABASE = "database settings"
    DEFERRED = "deferred"


READING = (Phase.DATA, Phase.LARGE_OBJECTS, Phase.SEQUENCES)
"""The phases whose steps read from the source."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: one file `kinds/<name>.sql`, one fixture `tests/kinds/<name>.sql`."""

    name: str
    phase: Phase = Phase.SCHEMA
    facet: bool = False
    """A facet (comment, privileges, row security …) has no address of its own, but that of its subject."""
    turns: bool = False
    """Its `needs` are a pair: the first does not depend on the second, this object depends on both (table_attach)."""
    of_members: bool = False
    """It may be about a member of an extension, which is not created by itself."""
    shell: bool = False
    """Its stub needs only its schema (`CREATE TYPE name;`), and only the needs of the type can use it."""
    superuser: bool = False
    """Only a superuser may read it."""


@dataclass(frozen=True, slots=True)
class Index:
    """What an index is, or the index of a constraint."""

    relation: Address
    method: str
    unique: bool
    partial: bool
    columns: tuple[int, ...]
    """The numbers of its key columns in the relation; 0 for an expression."""
    plain: bool
    """Its keys ascend in the default order of their types, texts in the database's collation."""
    numeric: bool
    """One of its keys is numeric."""
    collated: bool
    """One of its keys is ordered by a collation, not by its bytes."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Which columns refer to which; names are quoted as needed."""

    relation: Address
    numbers: tuple[int, ...]
    """The numbers of `columns` in the relation."""
    columns: tuple[str, ...]
    referenced: Address
    referenced_columns: tuple[str, ...]
    valid: bool
    """The rows were checked. Neither NOT VALID nor NOT ENFORCED."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object to create. `needs` are addresses of other objects; `stub_needs` are those that the stub needs."""

    kind: str
    address: Address
    identity: str
    schema: str | None
    owner: str | None
    """Its owner; None if it has no owner of its own."""
    create: tuple[str, ...]
    alter_owner: str | None = None
    stub: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    needs: frozenset[Address] = frozenset()
    stub_needs: frozenset[Address] = frozenset()
    detail: Index | ForeignKey | None = None
    """The data of an index, a constraint or a foreign key, beside its statements."""

    @property
    def name(self) -> str:
        """Its name in the plan, the journal and messages.

        >>> Object("index", Address(1259, 1), "public.i", "public", None, ()).name
        'index public.i'
        """
        return f"{self.kind} {self.identity}"

    def complete(self, needs: frozenset[Address], stub_needs: frozenset[Address]) -> None:
        """Set the needs before anybody else uses the object: creating another one takes eight times as long."""
        object.__setattr__(self, "needs", needs)
        object.__setattr__(self, "stub_needs", stub_needs)

    def with_needs(self, needs: frozenset[Address], stub_needs: frozenset[Address]) -> "Object":
        """Return the object with other needs. Eight times as fast as `replace`, which matters for many objects."""
        return Object(
            self.kind,
            self.address,
            self.identity,
            self.schema,
            self.owner,
            self.create,
            self.alter_owner,
            self.stub,
            self.finish,
            needs,
            stub_needs,
            self.detail,
        )


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


@dataclass(frozen=True, slots=True)
class Target:
    """Where a table's rows are loaded on the destination: a table, or the partitioned table that routes them."""

    relation: str
    columns: tuple[str, ...]


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
    """WHERE …: which of its rows are copied. Empty: all."""
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
        return Reading(self.identity, tuple(column.name for column in self.columns), self.condition)

    @property
    def target(self) -> Target:
        """Where its rows are loaded on the destination."""
        return Target(self.loaded_into, tuple(column.name for column in self.columns))

    @property
    def loaded_into(self) -> str:
        """The relation of its target."""
        return self.root or self.identity

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


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything read from one database. `objects` are in creation order by kind, not yet by dependency."""

    version: int
    """The server's version number, e.g. 180004."""
    objects: tuple[Object, ...]
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...]
    large_objects: tuple[LargeObjects, ...]
    populated: frozenset[Address]
    """The populated materialized views."""
    invalid: frozenset[Address] = frozenset()
    """The invalid indexes. In a copy they are valid, or missing if the rows do not allow them."""
    carried: frozenset[Address] = frozenset()
    """The relations whose planner statistics can be transferred in full."""
    bodies: Mapping[Address, str] = field(default_factory=dict)
    """The texts of functions, if any are called by new rows or by what is built on them."""
    opaque: frozenset[Address] = frozenset()
    """Those whose text does not show what they read."""
    member_owners: Mapping[Address, str] = field(default_factory=dict)
    """The owners of extensions' members."""
    role: str = ""
    """The role that read it. On the destination it owns objects that were created without an owner of their own."""
    reads: Mapping[Address, Collection[Address]] | None = field(default=None, compare=False)
    """The relations that each view's query reads; of other relations that it needs, only the row types are used."""
    path: str = field(default="", compare=False)
    """The search_path of its role in the database, which functions may rely on."""
