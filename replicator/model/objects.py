"""What a catalog holds, as frozen data: objects, tables, sequences, large objects."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Address(int):
    """What pg_depend calls an object: the OID of its system catalog and its OID in there.

    It is one number, as the server packs it in depend.sql: to look one up takes a third of the time of a tuple's.
    """

    __slots__ = ()

    def __new__(cls, classid: int, objid: int) -> "Address":
        return super().__new__(cls, (classid << 32) + objid)

    @classmethod
    def packed(cls, number: int) -> "Address":
        """Return what such a number stands for."""
        return super().__new__(cls, number)

    @property
    def classid(self) -> int:
        """The OID of its system catalog."""
        return self >> 32

    @property
    def objid(self) -> int:
        """Its OID in there."""
        return self & 0xFFFFFFFF

    def __iter__(self) -> Iterator[int]:
        return iter((self.classid, self.objid))

    def __repr__(self) -> str:
        return f"Address(classid={self.classid}, objid={self.objid})"

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]
        return self.classid, self.objid


class Phase(StrEnum):
    """The part of the work that a step belongs to, in the order in which the parts begin."""

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
    """A sort of object: one file `kinds/<name>.sql`, one fixture `tests/kinds/<name>.sql`."""

    name: str
    phase: Phase = Phase.SCHEMA
    facet: bool = False
    """A facet (comment, ACL, row security …) has no address of its own: it is about the object at its address."""
    turns: bool = False
    """Its `needs` are a pair: the edge from the first to the second is not theirs but this object's (table_attach)."""
    of_members: bool = False
    """It may be about a member of an extension, which is not created itself."""
    shell: bool = False
    """Its stub needs nothing but its schema (`CREATE TYPE name;`), and serves only what the type itself needs."""
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
    """Which columns refer to which; the names are quoted where they must be."""

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
    """A thing to create. `needs` holds addresses of objects; `stub_needs` is the part of them that the stub needs."""

    kind: str
    address: Address
    identity: str
    schema: str | None
    owner: str | None
    """The role that must own it; None where ownership is not its own matter."""
    create: tuple[str, ...]
    alter_owner: str | None = None
    stub: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    needs: frozenset[Address] = frozenset()
    stub_needs: frozenset[Address] = frozenset()
    detail: Index | ForeignKey | None = None
    """What an index, a constraint or a foreign key is, beside its statements."""

    @property
    def name(self) -> str:
        """How it is called everywhere: in the plan, the journal and messages.

        >>> Object("index", Address(1259, 1), "public.i", "public", None, ()).name
        'index public.i'
        """
        return f"{self.kind} {self.identity}"

    def complete(self, needs: frozenset[Address], stub_needs: frozenset[Address]) -> None:
        """Fill in what it needs, before anybody has it: to make another one takes eight times as long."""
        object.__setattr__(self, "needs", needs)
        object.__setattr__(self, "stub_needs", stub_needs)

    def with_needs(self, needs: frozenset[Address], stub_needs: frozenset[Address]) -> "Object":
        """Return the same object with other needs; eight times as fast as `replace`, and there are many."""
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
    """A column whose values are read. `name` and `type`, a domain's base, are quoted."""

    name: str
    type: str
    binary: bool
    """Its type has the same binary form on every server."""
    send: str = ""
    """The function that gives all of a value's bytes, the same on every server; none for a type that sends OIDs."""
    read_as: str = ""
    """The destination's type, where that is another one: values are compared as they are once it has read them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table's rows are read on the source. All names are quoted where they must be."""

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
    """Load through this partitioned table, since rows may be routed otherwise on the destination; None: as it is."""
    top: str | None = None
    """The partitioned table that it is a part of."""
    matters: frozenset[str] = frozenset()
    """What decides, besides a row's values, which partition it goes into: see routing."""
    unlike: str | None = None
    """Which is its first column without a binary form in common, and of which type, in words."""
    as_text: bool = False
    """Its rows go as text, though all columns have a binary form: another version reads some values otherwise."""
    blocks: int | None = None
    """How many its heap has; None where its rows cannot be found by block (before 14, other access methods)."""
    key: str | None = None
    """Where they cannot: a column that has a value in every row and an index, by which they can be found instead."""
    key_type: str = ""
    edges: tuple[str, ...] = ()
    """Values of the key, in order, between which there are about as many rows each, as text."""
    condition: str = ""
    """WHERE …: which of its rows are copied. Empty: all."""
    refers: frozenset[str] = frozenset()
    """The tables that an extension's configuration table refers to: its foreign keys are there before its rows."""
    calls: frozenset[Address] = frozenset()
    """Functions, not built in, that its checks, its domains', its generated columns and partition keys call.

    They may read other tables, whatever they are declared to be: those tables' rows are copied first."""
    generates: bool = False
    """A generated column is among them: where it finds no row yet it has another value, and nothing fails."""
    empty: bool = False
    """No row of it can be seen in the snapshot, though later ones may: there is nothing to copy."""
    stored: tuple[Column, ...] = ()
    """Generated columns, which each server computes; what it has stored is compared."""
    unlogged: bool = False
    extension: Address | None = None
    """The extension whose configuration it holds: it is created with that, and holds rows of the extension's own."""
    matview: bool = False
    """A materialized view: its rows are compared, and copied by nobody."""

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
        """What holds its rows on the destination, named as an object."""
        return f"{'matview' if self.matview else 'table'} {self.loaded_into}"


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence whose value travels."""

    address: Address
    identity: str
    schema: str
    unlogged: bool = False
    alias: str = ""
    """What the destination calls it, where that is something else."""
    extension: Address | None = None
    """Whose configuration it is part of."""
    table: Address | None = None
    """Whose identity column makes it, so that it is no object of its own."""

    @property
    def target(self) -> str:
        """What the destination calls it."""
        return self.alias or self.identity


@dataclass(frozen=True, slots=True)
class LargeObjects:
    """A range of large objects' OIDs, both ends included, how many there are in it, and what of them travels."""

    first: int
    last: int
    count: int
    owners: bool = True
    privileges: bool = True
    comments: bool = True


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that was read of one database. `objects` are in creation order of their kinds, not yet of themselves."""

    version: int
    """The server's version number, e.g. 180004."""
    objects: tuple[Object, ...]
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...]
    large_objects: tuple[LargeObjects, ...]
    populated: frozenset[Address]
    """The materialized views that hold rows."""
    invalid: frozenset[Address] = frozenset()
    """The indexes that are invalid. A copy has them valid, or lacks them where its rows forbid them."""
    carried: frozenset[Address] = frozenset()
    """The relations whose planner statistics can be carried over whole."""
    bodies: Mapping[Address, str] = field(default_factory=dict)
    """The texts of functions, where any are called when rows come, or by what is built on them."""
    opaque: frozenset[Address] = frozenset()
    """Those of them whose text does not tell what they read."""
    member_owners: Mapping[Address, str] = field(default_factory=dict)
    """Who owns the members of extensions."""
    role: str = ""
    """Who read it; on the destination, the owner of what was left to whoever makes it."""
    reads: Mapping[Address, Collection[Address]] | None = field(default=None, compare=False)
    """Which relations the query of each view reads; what it needs besides are no more than their row types."""
    path: str = field(default="", compare=False)
    """The search_path that its role has in the database, which functions may rely on."""
