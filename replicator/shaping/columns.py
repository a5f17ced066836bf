"""Columns that are not copied, and columns that only the copy has. A rule holds for partitions and heirs, too.

The source's server prints its tables as the copy has them: see catalog/attributes.py. What needs a column that is not
copied is left out, with all that needs it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from replicator.catalog import FACETS, select
from replicator.catalog.attributes import AS_THEY_ARE, Attributes, Extra
from replicator.catalog.closure import LINKS
from replicator.model import Address, Catalog, Loss, Table
from replicator.sessions.postgres import Connection, unquoted
from replicator.sessions.statements import statement
from replicator.settings.definition import MOST_NAME_BYTES, Definition, DefinitionError, Name, Path, TableRule
from replicator.shaping import expressions, relations

SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
OWNER_CLASS = 2608
"""The OID of pg_depend, which owners of sequences are addressed by."""
ANY_MOMENT = datetime(2000, 1, 1)
"""The type of an expression does not depend on the time."""


Places = Mapping[tuple[int, str], Path]
"""By the OID of a table and the name of a column, unquoted: where the definition says so."""
Tables = Mapping[Name, TableRule]
Found = Mapping[Name, relations.Relation]


class Row(NamedTuple):
    """A row of attributes.sql: a relation and its columns."""

    oid: int
    identity: str
    kind: str
    partition: bool
    typed: bool
    parents: list[int]
    names: list[str]
    numbers: list[int]
    types: list[int]
    modifiers: list[int]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules about columns, for each table that they hold for."""

    excluded: Places
    added: Places
    rows: Mapping[int, Row]
    """The tables and their parents."""

    def number(self, relid: int, column: str) -> int:
        """Return a column's number."""
        row = self.rows[relid]
        return row.numbers[row.names.index(column)]


def of_source(conn: Connection, definition: Definition) -> Attributes:
    """Return how the source's columns are read. Raises DefinitionError."""
    rules = _rules(conn, definition)
    if not rules:
        return AS_THEY_ARE
    without = tuple((relid, rules.number(relid, column)) for relid, column in rules.excluded)
    types = {path: _type(conn, definition, path) for path in rules.added.values()}
    added = defaultdict(list)
    for (relid, column), path in rules.added.items():
        added[relid].append((column, *types[path]))
    return Attributes(
        tuple(sorted(without)),
        tuple(Extra(relid, place, *each) for relid in sorted(added) for place, each in enumerate(added[relid])),
    )


def of_copy(conn: Connection, definition: Definition, *, renamed: bool = False) -> Attributes:
    """Return how the columns of a copy are read: its extra ones by themselves. `renamed`: it has its new names."""
    rules = {name: rule.extra for name, rule in definition.tables.items() if rule.extra}
    extra = {_renamed(name, definition) if renamed else name: rule for name, rule in rules.items()}
    if not extra:
        return AS_THEY_ARE
    given = [[name.schema for name in extra], [name.table for name in extra]]
    found = conn.execute(statement(relations.__package__, "relations"), given).fetchall()
    rows = _read(conn, (oid for *_, family in found for oid in family))
    without, added = [], []
    for schema, table, *_, family in found:
        for relid in family:
            row = rows[relid]
            for place, column in enumerate(name for name in extra[Name(schema, table)] if name in row.names):
                at = row.names.index(column)
                without.append((relid, row.numbers[at]))
                added.append(Extra(relid, place, column, row.types[at], row.modifiers[at]))
    return Attributes(tuple(without), tuple(added))


def _renamed(name: Name, definition: Definition) -> Name:
    rename = definition.rename
    return Name(rename.schemas.get(name.schema, name.schema), rename.tables.get(name, name.table))


class Reshaped(NamedTuple):
    """A catalog whose tables have other columns. `alike`: the tables that only have more, with all rows and values."""

    catalog: Catalog
    losses: list[Loss]
    alike: Mapping[Address, Table]


def apply(conn: Connection, catalog: Catalog, definition: Definition, moment: datetime) -> Reshaped:
    """Leave out what needs an excluded column, and read the extra ones. Raises DefinitionError."""
    rules = _rules(conn, definition)
    if not rules:
        return Reshaped(catalog, [], {})
    _refuse_members(catalog, rules)
    catalog, losses = _without_needing(conn, catalog, rules)
    _refuse_row_types(conn, rules)
    tables = tuple(_with_extra(table, rules, definition, moment) for table in catalog.tables)
    pairs = zip(catalog.tables, tables, strict=True)
    alike = {after.address: after for before, after in pairs if after is not before and not before.changed}
    # Statistics hold values of columns that are not copied.
    return Reshaped(replace(catalog, tables=tables, carried=frozenset()), losses, alike)


def _rules(conn: Connection, definition: Definition) -> Rules | None:
    """Check the rules against the source's tables. Raises DefinitionError."""
    named = {name: rule for name, rule in definition.tables.items() if rule.exclude_columns or rule.extra}
    if not named:
        return None
    found = relations.find(conn, [(name, ("tables", str(name))) for name in named])
    rows = _read(conn, (oid for relation in found.values() for oid in relation.family))
    excluded = _excluded(named, found, rows)
    added = _added(named, found, rows, excluded)
    for (relid, _), path in excluded.items():
        row = rows[relid]
        if all((relid, column) in excluded for column in row.names) and relid not in {other for other, _ in added}:
            raise DefinitionError(path, f"{row.identity} would have no column.", "Leave the table out with --exclude.")
    return Rules(excluded, added, rows)


def _excluded(named: Tables, found: Found, rows: Mapping[int, Row]) -> Places:
    excluded: dict[tuple[int, str], Path] = {}
    for name, rule in named.items():
        path: Path = ("tables", str(name), "exclude_columns")
        for column in rule.exclude_columns:
            found[name].check_column(column, path)
            excluded |= {(relid, column): path for relid in sorted(found[name].family)}
    _check_excluded(excluded, rows)
    return excluded


def _added(named: Tables, found: Found, rows: Mapping[int, Row], excluded: Places) -> Places:
    added: dict[tuple[int, str], Path] = {}
    for name, rule in named.items():
        for column in rule.extra:
            path: Path = ("tables", str(name), "extra", column)
            _check_name(path, column)
            if rows[found[name].oid].partition:
                raise DefinitionError(
                    path, f"{name} is a partition.", "Name its partitioned table: partitions have the same columns."
                )
            for relid in sorted(found[name].family):
                _check_added(path, rows[relid], column, taken=(relid, column) in added, excluded=excluded)
                added[relid, column] = path
    return added


def _read(conn: Connection, oids: Iterable[int]) -> dict[int, Row]:
    rows = conn.execute(statement(__package__, "attributes"), [sorted(set(oids))]).fetchall()
    return {row.oid: row for row in map(Row._make, rows)}


def _check_excluded(excluded: Places, rows: Mapping[int, Row]) -> None:
    for (relid, column), path in excluded.items():
        row = rows[relid]
        if row.typed:
            raise DefinitionError(path, f"{row.identity} has the columns of its type.", "It cannot lack one.")
        for parent in row.parents:
            if column in rows[parent].names and (parent, column) not in excluded:
                other = rows[parent].identity
                raise DefinitionError(
                    path, f"{row.identity} has {column} from {other}.", f"Exclude it from {other}, too."
                )


def _check_name(path: Path, column: str) -> None:
    if column in SYSTEM_COLUMNS:
        raise DefinitionError(path, f"every table has a system column {column}.", "Choose another name.")
    if len(column.encode()) > MOST_NAME_BYTES:
        raise DefinitionError(path, f"the name is longer than {MOST_NAME_BYTES} bytes.", "Choose a shorter one.")


def _check_added(path: Path, row: Row, column: str, *, taken: bool, excluded: Places) -> None:
    if taken:
        raise DefinitionError(path, f"{row.identity} gets {column} twice: a rule holds for heirs, too.", "Remove one.")
    if column in row.names and (row.oid, column) not in excluded:
        raise DefinitionError(path, f"{row.identity} has a column {column} already.", "Choose another name.")
    if row.typed:
        raise DefinitionError(path, f"{row.identity} has the columns of its type.", "It cannot have another one.")
    if row.kind == "f":
        raise DefinitionError(path, f"{row.identity} is a foreign table.", "It cannot have another column.")


def _type(conn: Connection, definition: Definition, path: Path) -> tuple[int, int]:
    """Return the type of an extra column and its modifier. Raises DefinitionError if the expression fails."""
    name, rule = _rule(definition, path)
    text = rule.extra[path[-1]]
    if not text:
        raise DefinitionError(path, "an SQL expression is needed.", "Write now() or 'a text'.")
    done = expressions.as_of(path, text, ANY_MOMENT)
    expressions.check_repeatable(conn, path, text)
    found = expressions.type_of(conn, path, done, name)
    expressions.try_on(conn, path, f"SELECT ({done}\n) FROM {name.quoted} LIMIT {expressions.TRIED_ROWS}")
    return found


def _rule(definition: Definition, path: Path) -> tuple[Name, TableRule]:
    return next((name, rule) for name, rule in definition.tables.items() if str(name) == path[1])


def _refuse_members(catalog: Catalog, rules: Rules) -> None:
    for table in catalog.tables:
        for (relid, _), path in (*rules.excluded.items(), *rules.added.items()):
            if relid == table.address.objid and table.extension:
                raise DefinitionError(path, f"{table.identity} belongs to an extension, which says which columns.")


def _refuse_row_types(conn: Connection, rules: Rules) -> None:
    """Refuse tables whose rows are values elsewhere, where they would lack the column, or the extra one."""
    paths = {relid: path for (relid, _), path in (*rules.excluded.items(), *rules.added.items())}
    by_name = {rules.rows[relid].identity: path for relid, path in paths.items()}
    for table, what in conn.execute(statement(__package__, "row_types"), [sorted(paths)]).fetchall():
        raise DefinitionError(by_name[table], f"{what} is of the type of {table}, whose columns cannot differ then.")


def _without_needing(conn: Connection, catalog: Catalog, rules: Rules) -> tuple[Catalog, list[Loss]]:
    """Leave out what needs an excluded column, and a sequence that only such a column uses."""
    if not rules.excluded:
        return catalog, []
    objects = {o.address: o for o in catalog.objects if o.kind not in FACETS}
    tables = {o.address.objid for o in objects.values() if o.kind == "table"}
    reasons: dict[select.Key, str] = {}
    checks: dict[str, str] = {}
    implied = {o.name for o in objects.values() if o.kind in LINKS}
    sequences: set[Address] = set()
    for column, name, relid, objid, classid, what, refused, of_partition in _needing(conn, rules):
        address, why = Address(classid, objid), f"it needs {column}, which is excluded"
        if refused:
            raise DefinitionError(rules.excluded[relid, name], *_refusal(column, what))
        if what == "sequence":
            sequences.add(address)
            reasons[Address(OWNER_CLASS, objid)] = why
        elif address in objects:
            reasons.setdefault(address, why)
            implied |= {objects[address].name} if of_partition else set()
        elif what and relid in tables:
            checks[what] = why
    wanted = {need for o in objects.values() if o.address not in reasons for need in o.needs}
    reasons |= {address: "its column is excluded" for address in sequences - wanted if address in objects}
    reduced, losses = select.without(catalog, reasons)
    gone = sequences - objects.keys()  # of identity columns
    left = tuple(sequence for sequence in reduced.sequences if sequence.address not in gone)
    named = [Loss(what, why, whole=True) for what, why in checks.items()]
    return replace(reduced, sequences=left), [*(loss for loss in losses if loss.what not in implied), *named]


def _needing(conn: Connection, rules: Rules) -> list[Any]:
    numbers = [(relid, rules.number(relid, column)) for relid, column in rules.excluded]
    given = {"relations": [relid for relid, _ in numbers], "numbers": [number for _, number in numbers]}
    return conn.execute(statement(__package__, "needing"), given).fetchall()


def _refusal(column: str, what: str | None) -> tuple[str, str]:
    if what is None:
        return f"{column} is in the partition key.", "Without it no row has a partition. Mask it instead."
    return f"{what} is generated from {column}.", f"Exclude {what}, too."


def _with_extra(table: Table, rules: Rules, definition: Definition, moment: datetime) -> Table:
    """Read the extra columns, which the catalog has already, by their expressions."""
    paths = {column: path for (relid, column), path in rules.added.items() if relid == table.address.objid}
    if not paths:
        return table

    def read(column: str, as_it_is: str) -> str:
        path = paths.get(unquoted(column))
        return (
            f"({expressions.as_of(path, _rule(definition, path)[1].extra[path[-1]], moment)}\n)" if path else as_it_is
        )

    names = tuple(column.name for column in table.columns)
    return replace(table, expressions=tuple(map(read, names, table.expressions or names)))
