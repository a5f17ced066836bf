"""Which tables and sequences a choice copies, as far as their names tell: known before the catalog is read.

So tables that are not copied are neither locked nor opened, and this role need not be allowed to read them.
"""

from collections.abc import Iterable
from typing import NamedTuple

from replicator.catalog.closure import RELATION_CLASS
from replicator.catalog.rules import Rules
from replicator.model import Address, Object
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement
from replicator.settings import Content


class Relations(NamedTuple):
    """The tables and sequences that patterns choose, without those that others need."""

    to_lock: frozenset[int]
    """The OIDs of the tables."""
    to_read: frozenset[str]
    """The names of those that are read."""

    def read(self, names: Iterable[str]) -> list[str]:
        """Return those of these that are read."""
        return [name for name in names if name in self.to_read]


def relations(conn: Connection, content: Content) -> Relations | None:
    """Return which tables and sequences are copied; None: all of them."""
    if not content.chooses and content.has("data"):
        return None
    rules = Rules.of(content)
    rows = {row[0]: Relation(*row) for row in conn.execute(statement(__package__, "relations")).fetchall()}

    def is_chosen(relation: Relation) -> bool:
        o, whole = relation.object, rows.get(relation.part_of or 0)
        if any(rules.excluded([o])):
            return False
        return (is_chosen(whole) if whole else False) or any(rules.roots([o]))

    def is_emptied(relation: Relation) -> bool:
        whole = rows.get(relation.part_of or 0)
        named = any(rule.matches(relation.object) for rule in rules.exclude_data)
        return named or (whole is not None and relation.kind == "table" and is_emptied(whole))

    found = [relation for relation in rows.values() if is_chosen(relation)]
    read = [relation.identity for relation in found if content.has("data") and not is_emptied(relation)]
    return Relations(frozenset(r.oid for r in found if r.kind == "table"), frozenset(read))


class Relation(NamedTuple):
    """A row of relations.sql."""

    oid: int
    identity: str
    schema: str
    name: str
    kind: str
    part_of: int | None

    @property
    def object(self) -> Object:
        """The relation as far as rules look at it."""
        address = Address(RELATION_CLASS, self.oid)
        return Object(self.kind, address, f"{self.schema}.{self.name}", self.schema, None, ())
