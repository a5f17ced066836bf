"""The tables that a definition names, as the source has them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement
from replicator.settings.definition import DefinitionError, Name, Path

ALL = """SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384"""
NO_ROWS = {"m": "materialized view", "v": "view", "f": "foreign table"}


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, perhaps a partitioned one."""

    name: Name
    oid: int
    columns: tuple[str, ...]
    """Unquoted, in order."""
    family: frozenset[int]
    """The OIDs of the table, its partitions and all tables that inherit from it: a rule holds for all of them."""

    def check_column(self, column: str, path: Path) -> None:
        """Raise DefinitionError if the table has no such column."""
        if column not in self.columns:
            raise DefinitionError(path, f"{self.name} has no column {column}.", meant(column, self.columns))


def find(conn: Connection, named: Iterable[tuple[Name, Path]]) -> Mapping[Name, Relation]:
    """Return these tables. Raises DefinitionError for the first that the source lacks, or that has no rows."""
    paths = dict(named)
    if not paths:
        return {}
    rows = conn.execute(
        statement(__package__, "relations"), [[n.schema for n in paths], [n.table for n in paths]]
    ).fetchall()
    found = {}
    for schema, table, oid, kind, columns, family in rows:
        name = Name(schema, table)
        if kind in NO_ROWS:
            raise DefinitionError(paths[name], f"{name} is a {NO_ROWS[kind]}, not a table.")
        found[name] = Relation(name, oid, tuple(columns), frozenset(family))
    for name, path in paths.items():
        if name not in found:
            known = [str(Name(*row)) for row in conn.execute(ALL).fetchall()]
            raise DefinitionError(path, f"the source has no table {name}.", meant(str(name), known))
    return found


def meant(name: str, known: Collection[str]) -> str | None:
    """Return a question with the most similar name, or with a table of another schema."""
    alike = get_close_matches(name, known, 1) or [k for k in known if k.rpartition(".")[2] == name.rpartition(".")[2]]
    return f"Did you mean {alike[0]}?" if alike else None
