"""The source's tables and columns, as masks need to know them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from psycopg.rows import class_row

from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement
from replicator.settings.definition import Name
from replicator.shaping.masks.value import Value


class Place(NamedTuple):
    """A column: the OID of its table, and its name without quotes."""

    relation: int
    column: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its type: `base` is the type's name below domains and arrays, `type` has length or precision."""

    relation: int
    number: int
    name: str
    quoted: str
    base: str
    type: str
    domain: str
    """Its type, if that is a domain whose checks call no user's function."""
    array: bool
    limit: int | None
    precision: list[int] | None
    nullable: bool
    generated: bool
    routes: bool
    """It is in the key of a partitioned table above: it decides in which partition a row is."""

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.relation, self.name)

    def value(self, encoding: str, others: tuple[tuple[str, str], ...], sql: str = "") -> Value:
        """Return its value, or another expression of its type, to mask."""
        digits = (self.precision[0], self.precision[1]) if self.precision else None
        return Value(sql or self.quoted, self.base, self.type, encoding, self.limit, digits, others)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, perhaps a partitioned one."""

    oid: int
    schema: str
    name: str
    identity: str
    partition: bool
    parents: list[int]

    @property
    def called(self) -> Name:
        """Its name as a definition has it."""
        return Name(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Places:
    """All tables of a database, by OID, and their columns."""

    relations: Mapping[int, Relation]
    columns: Mapping[int, Mapping[str, Column]]
    heirs: Mapping[int, list[int]]
    """By table those that inherit from it directly, or are partitions of it."""

    def column(self, place: Place) -> Column:
        """Return a column that exists."""
        return self.columns[place.relation][place.column]

    def shown(self, place: Place) -> str:
        """Return a column's name for people."""
        return f"{self.relations[place.relation].called}.{place.column}"


def read(conn: Connection) -> Places:
    """Read all tables and columns."""
    with conn.cursor(row_factory=class_row(Relation)) as cursor:
        relations = cursor.execute(statement(__package__, "tables")).fetchall()
    with conn.cursor(row_factory=class_row(Column)) as cursor_:
        found = cursor_.execute(statement(__package__, "columns", conn)).fetchall()
    columns: defaultdict[int, dict[str, Column]] = defaultdict(dict)
    for column in found:
        columns[column.relation][column.name] = column
    heirs: defaultdict[int, list[int]] = defaultdict(list)
    for relation in relations:
        for parent in relation.parents:
            heirs[parent].append(relation.oid)
    return Places({relation.oid: relation for relation in relations}, columns, heirs)
