"""Tries masks on the source before anything is written: on a sample of each table's rows.

All rows would take as long as the copy itself (2026-11: 0.5 to 5 µs a value). What the sample does not show is an error
when the rows are loaded, before the commit. A message of the source may have values in it, so only its kind is shown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from replicator.model import Catalog, Finding, Index, Table
from replicator.sessions.failures import silenced
from replicator.sessions.postgres import Connection, quoted
from replicator.sessions.statements import statement
from replicator.settings.definition import DefinitionError
from replicator.shaping.masks.hashing import literal
from replicator.shaping.masks.kinds import MASKS
from replicator.shaping.masks.places import Column, Place, Places
from replicator.shaping.masks.rules import Applied

SAMPLE_ROWS = 10_000
HAS_LITERAL = re.compile(r"'(?!\s*'?::regclass)")
Masked = Mapping[Place, Applied]


@dataclass(frozen=True, slots=True)
class Made:
    """A definition that is copied as it is: `own` if it calls none of the users' functions."""

    relation: int
    name: str
    text: str | None
    kind: str
    columns: list[str] | None
    own: bool


def read_made(conn: Connection, masked: Masked) -> list[Made]:
    """Return the definitions that are about masked columns."""
    with conn.cursor(row_factory=class_row(Made)) as cursor:
        relations = sorted({place.relation for place in masked})
        found = cursor.execute(statement(__package__, "made", conn), {"relations": relations}).fetchall()
    return [m for m in found if any(Place(m.relation, column) in masked for column in m.columns or ())]


def with_values(places: Places, made: Iterable[Made]) -> Iterator[Finding]:
    """Yield a warning about definitions that may have values of masked columns in them."""
    shown = []
    for m in made:
        if m.text and HAS_LITERAL.search(m.text):
            table = places.relations[m.relation].identity
            of = {"check": f"check {m.name} of {table}", "default": f"default of {table}.{m.name}"}
            shown.append(of.get(m.kind, f"{m.kind} {m.name}"))
    if shown:
        names = ", ".join(sorted(set(shown)))
        yield Finding(f"Copied as they are, with values of masked columns in them: {names}.", fatal=False)


def statically(catalog: Catalog, places: Places, masked: Masked) -> None:
    """Raise DefinitionError for a mask that cannot work, whatever the rows."""
    for place, applied in masked.items():
        if applied.rule.mask == "null" and not places.column(place).nullable:
            raise DefinitionError(applied.path, f"{places.shown(place)} is NOT NULL.", "Use another mask.")
    for o in catalog.objects:
        index = o.detail
        if isinstance(index, Index) and index.unique and 0 not in index.columns:
            by_number = {c.number: c for c in places.columns.get(index.relation.objid, {}).values()}
            columns = [by_number[number].place for number in index.columns if number in by_number]
            if columns and all(place in masked and MASKS[masked[place].rule.mask].few for place in columns):
                applied = masked[columns[0]]
                names = ", ".join(place.column for place in columns)
                raise DefinitionError(
                    applied.path,
                    f"{o.identity} is unique, but the mask {applied.rule.mask} gives few different values for {names}.",
                    "Use one that keeps values apart, as text, email, digits or uuid.",
                )


def on_rows(
    conn: Connection, table: Table, name: str, columns: Sequence[Column], masked: Masked, made: Iterable[Made]
) -> None:
    """Mask a sample of a table's rows; `name` is what its checks may call it. Raises DefinitionError."""
    mine = [column for column in columns if column.place in masked]
    rules = [m for m in made if m.kind == "check" and m.own and m.relation == table.address.objid and m.text]
    problems = list(_problems(mine, rules))
    told = (f"CASE WHEN pg_catalog.bool_or({when}) THEN {literal(text)} END" for when, text, _ in problems)
    # Counted, so that all are computed.
    answers = ", ".join([*told, *(f"pg_catalog.count({column.quoted})" for column in mine)])
    path = masked[mine[0].place].path
    try:
        with conn.transaction(force_rollback=True):
            (found,) = conn.execute(f"SELECT {answers} FROM {_sample(table, name, columns)}", prepare=True).fetchall()
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        names = ", ".join(column.name for column in mine)
        path = path if len(mine) == 1 else path[:2]
        raise DefinitionError(path, f"masking a sample of its rows ({names}) fails: {silenced(error)}.") from None
    for (_, text, column), answer in zip(problems, found, strict=False):
        if answer is not None:
            raise DefinitionError(masked[column].path if column else path[:2], text, "Use another mask.")


def _problems(columns: Iterable[Column], checks: Iterable[Made]) -> Iterator[tuple[str, str, Place | None]]:
    """Yield conditions for a masked row that is wrong, what is wrong then, and the column that this is about."""
    for column in columns:
        if not column.nullable:
            text = f"the mask gives NULL for {column.name}, which is NOT NULL."
            yield f"{column.quoted} IS NULL", text, column.place
        if column.limit and not column.array:
            text = f"the mask gives more than {column.limit} characters for {column.name}."
            yield f"pg_catalog.char_length({column.quoted}::pg_catalog.text) > {column.limit}", text, column.place
    for check in checks:
        yield f"NOT ({check.text})", f"masked values violate the check {check.name}.", None


def _sample(table: Table, name: str, columns: Sequence[Column]) -> str:
    """Return the FROM item for some rows of a table, masked."""
    read = dict(zip((c.name for c in table.columns), table.reading.expressions, strict=True))
    items = ", ".join(
        f"({read[c.quoted]}){f'::{c.domain}' if c.domain else ''} AS {c.quoted}" for c in columns if c.quoted in read
    )
    some = ""
    if table.rows > SAMPLE_ROWS:
        some = f" TABLESAMPLE SYSTEM ({min(100.0, 120 * SAMPLE_ROWS / table.rows):f}) REPEATABLE (1)"
    rows = f"ONLY {table.identity}{some} {table.reading.condition}"
    return f"(SELECT {items}, tableoid FROM {rows} LIMIT {SAMPLE_ROWS}) AS {quoted(name)}"
