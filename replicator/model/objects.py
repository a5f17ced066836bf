"""The contents of a catalog as frozen data: its objects, and all that was read beside them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from replicator.model.address import Address
from replicator.model.tables import LargeObjects, Sequence, Table


class Phase(StrEnum):
    """The phase of the run that a step belongs to, in the order in which the phases begin."""

    ROLES = "roles"
    TABLESPACES = "tablespaces"
    DROP = "previous contents"
    SCHEMA = "schema"
    DATA = "data"
    LARGE_OBJECTS = "large objects"
    SEQUENCES = "sequences"
    BUILD = "indexes and constraints"
    STATISTICS = "statistics"
    FINISH = "triggers, policies, comments, privileges"
    REFRESH = "materialized views"
    VERIFY = "verification"
    RENAME = "new names"
    DATABASE = "database settings"
    DEFERRED = "deferred"


READING_PHASES = (Phase.DATA, Phase.LARGE_OBJECTS, Phase.SEQUENCES)
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
    incomplete: frozenset[Address] = frozenset()
    """Materialized views that read tables whose rows are not all copied: they are filled, but not compared."""
    along: Mapping[Address, str] = field(default_factory=dict, compare=False)
    """Why objects are copied that were not chosen themselves: `needed by …`."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """The new names of roles by their own. Statements and owners have the new ones."""
    role: str = ""
    """The role that read it. On the destination it owns objects that were created without an owner of their own."""
    reads: Mapping[Address, Collection[Address]] | None = field(default=None, compare=False)
    """The relations that each view's query reads; of other relations that it needs, only the row types are used."""
    path: str = field(default="", compare=False)
    """The search_path of its role in the database, which functions may rely on."""
