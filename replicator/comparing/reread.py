"""Compares definitions as one server prints them: a server may print its own text differently after parsing it.

`NULL` in an arm of a UNION becomes `NULL::integer`, `a IN ('x', 'y')` of a varchar gets other casts; versions choose
other aliases, qualify names or not, and name ICU locales differently. So a copy may differ in text and mean the same.
If texts differ, the destination creates a temporary object from each, in a transaction that is rolled back, and the
texts that it prints for these are compared. Nothing is planned or executed, and tables are only locked as by a read.

An object is created in pg_temp under its own name, or on a temporary relation with the name and columns of its own,
since expressions may use both. Of a table only the differing expressions are parsed again.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import psycopg
from psycopg import sql

from replicator.catalog import BY_NAME
from replicator.catalog.read import kind_rows
from replicator.checks.dry_run import NOT_THE_STATEMENTS
from replicator.comparing.names import NAME, QUALIFIED, WORDS, parts
from replicator.comparing.schema import Reread
from replicator.model import Object
from replicator.sessions import failures
from replicator.sessions.workers import Sessions

Cursor = psycopg.Cursor[tuple[object, ...]]
OWN, ON = rf"(?P<own>{QUALIFIED})", rf"(?P<on>{QUALIFIED})"
READ_WHOLE = {
    "view": rf"CREATE (?:OR REPLACE )?VIEW {OWN}",
    "function": rf"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) {OWN}",
    "domain": rf"CREATE DOMAIN {OWN}",
    "collation": rf"CREATE COLLATION {OWN}",
    "statistics": rf"CREATE STATISTICS {OWN} .* FROM {ON}\Z",
    "index": rf"CREATE (?:UNIQUE )?INDEX {NAME} ON (?:ONLY )?{ON}",
    "constraint": rf"ALTER TABLE ONLY {ON} ADD ",
    "not_valid_check": rf"ALTER (?P<type>TABLE|DOMAIN) {ON} ADD ",
    "rule": rf"CREATE RULE {NAME} AS\s+ON \w+ TO {ON}",
    "trigger": rf"CREATE (?:CONSTRAINT )?TRIGGER {WORDS} ON {ON}",
    "policy": rf"CREATE POLICY {NAME} ON {ON}",
}
"""By kind: the beginning of its statement, with the names that move into pg_temp."""
MATVIEW = re.compile(
    rf"(CREATE MATERIALIZED VIEW {QUALIFIED}(?: USING {NAME})?(?: WITH \((?:[^')]|'[^']*')*\))? AS)(.*)( WITH NO DATA)",
    re.DOTALL,
)
ITS_FILTER = re.compile(
    rf"(ALTER PUBLICATION {NAME} ADD TABLE ONLY {ON}(?: \((?:{NAME}|, )+\))? WHERE )(\(.*\))", re.DOTALL
)
MADE = """
SELECT DISTINCT objid::bigint
  FROM pg_depend
 WHERE refobjid IN (pg_my_temp_schema(), to_regclass('{0}')::oid, to_regtype('{0}')::oid)
   AND refclassid IN ('pg_namespace'::regclass, 'pg_class'::regclass, 'pg_type'::regclass)"""
NOT_HERE = ("25006", "42501")
"""SQLSTATEs of a read-only server or transaction, and of a role without the privilege TEMPORARY."""
# pg_temp last: what is created there must not hide catalogs or types.
PLACE = "SET LOCAL search_path = pg_catalog, pg_temp"
NEVER_QUEUED = "SET LOCAL lock_timeout = '10s'"


def reading_again(
    destination: Sessions, tell: Callable[[str], None] = lambda text: None, first: Sequence[str] = ()
) -> Reread:
    """Return a function that has the destination parse and print two objects again; None if it cannot parse them.

    `tell` is called once if this role, or a standby, cannot create temporary objects. `first`: statements that give the
    destination the names which the objects use.
    """
    reasons: list[str] = []

    def reread(one: Object, other: Object) -> tuple[Object, Object] | None:
        if one.kind not in KINDS:
            return None
        with destination.use() as conn:
            try:
                return _read_again(conn, one, other, first), _read_again(conn, other, one, first)
            except psycopg.Error as error:
                if conn.closed or error.sqlstate is None or error.sqlstate.startswith(NOT_THE_STATEMENTS):
                    raise
                if error.sqlstate in NOT_HERE and not reasons:
                    reasons.append(failures.one_line(error))
                    tell(f"Definitions are compared by their text alone: {reasons[0]}")
                return None  # a name does not exist there, or this role may not create it: the difference stands

    return reread


def _read_again(conn: psycopg.Connection[tuple[object, ...]], o: Object, other: Object, first: Sequence[str]) -> Object:
    """A binary cursor sends at most one statement, whatever a source may have put into its text."""
    with conn.transaction(force_rollback=True), conn.cursor(binary=True) as cursor:
        cursor.execute(PLACE)
        cursor.execute(NEVER_QUEUED)
        for statement in first:
            _execute(cursor, statement)
        expressions = _Expressions(cursor, o.identity, other)
        return replace(o, create=tuple(_statement(cursor, o, s, other, expressions) for s in o.create))


def _statement(cursor: Cursor, o: Object, statement: str, other: Object, expressions: "_Expressions") -> str:
    if statement in other.create:
        return statement
    if o.kind in TABLES:
        return "".join(expressions.of(statement))
    if o.kind == "matview" and (found := MATVIEW.fullmatch(statement)):
        head = f"CREATE VIEW {o.identity} AS"
        return found[1] + _whole(cursor, "view", head + found[2]).removeprefix(head) + found[3]
    if o.kind == "publication_table" and (found := ITS_FILTER.fullmatch(statement)):
        return found[1] + _Expressions(cursor, found["on"]).check(f"CHECK {found[3]}").removeprefix("CHECK ")
    return _whole(cursor, o.kind, statement)


def _whole(cursor: Cursor, kind: str, statement: str) -> str:
    """Create an object in pg_temp and read it with the query of its kind."""
    pattern = re.compile(READ_WHOLE.get(kind, "(?!)"), re.DOTALL)
    found = pattern.match(statement)
    if not found:
        return statement
    names = {name: value for name, value in found.groupdict().items() if value and name != "type"}
    if on := names.get("on"):
        _make_like(cursor, on, found.groupdict().get("type") or "TABLE")
    _execute(cursor, _named(found, {name: _in_temp(value) for name, value in names.items()}))
    made = MADE.format(_in_temp(on or names["own"]).replace("'", "''"))
    numbers = ",".join(str(number) for (number,) in _execute(cursor, made).fetchall())
    query = f'SELECT "create" FROM ({_query(kind, cursor)}\n) AS kind WHERE objid IN ({numbers})'
    for (statements,) in _execute(cursor, query).fetchall():
        assert isinstance(statements, list)
        for text in filter(None, statements):
            if printed := pattern.match(text):
                first = min(names, key=found.start)
                rest = _named(printed, names)[printed.start(first) + len(names[first]) :]
                return statement[: found.end(first)] + rest
    return statement


@cache
def _query_of(kind: str, major: int) -> str:
    return kind_rows(BY_NAME[kind], major).decode()


def _query(kind: str, cursor: Cursor) -> str:
    return _query_of(kind, cursor.connection.info.server_version // 10000)


def _make_like(cursor: Cursor, relation: str, type: str = "TABLE") -> None:
    columns = f"(LIKE {relation})" if type == "TABLE" else f"AS {relation}"
    _execute(cursor, f"CREATE {type} {_in_temp(relation)} {columns}")


def _in_temp(name: str) -> str:
    """Return the same name in pg_temp.

    >>> _in_temp('public."Odd.name"')
    'pg_temp."Odd.name"'
    """
    return f"pg_temp.{re.findall(NAME, name)[-1]}"


def _named(found: re.Match[str], names: dict[str, str]) -> str:
    """Return the text with other names in the found places."""
    text = found.string
    for group in sorted(names, key=found.start, reverse=True):
        text = text[: found.start(group)] + names[group] + text[found.end(group) :]
    return text


def _execute(cursor: Cursor, statement: str) -> Cursor:
    return cursor.execute(sql.SQL(statement))


TABLES = ("table", "foreign_table")
KINDS = {*READ_WHOLE, *TABLES, "matview", "publication_table"}
CHECK = re.compile(rf"(CONSTRAINT {NAME} )(CHECK .*)", re.DOTALL)
GENERATED = re.compile(rf"({NAME} )(.*? GENERATED ALWAYS AS \()(.*)(\) (?:STORED|VIRTUAL))(.*)", re.DOTALL)
DEFAULT = re.compile(
    rf"(({NAME}) .*?(?<! BY) DEFAULT )(.*?)((?: CONSTRAINT {NAME})? NOT NULL(?: NO INHERIT)?)?", re.DOTALL
)
SET_DEFAULT = re.compile(rf"(ALTER TABLE ONLY {QUALIFIED} ALTER COLUMN ({NAME}) SET DEFAULT )(.*)()", re.DOTALL)


class _Expressions:
    """Parses expressions of a table in a temporary one with its columns, except those that `other` has, too."""

    def __init__(self, cursor: Cursor, table: str, other: Object | None = None) -> None:
        self._cursor = cursor
        self._table = table
        self._temp = ""
        self._others = {part for s in (other.create if other else ()) for part in parts(s)}

    def of(self, statement: str) -> Iterator[str]:
        """Yield the parts of a table's statement."""
        for part in parts(statement):
            yield part if part in self._others else self._part(part)

    def _part(self, part: str) -> str:
        if found := CHECK.fullmatch(part):
            return found[1] + self.check(found[2])
        if found := GENERATED.fullmatch(part):
            column = "ADD COLUMN replicator_reread " + "".join(found.group(2, 3, 4))
            text = self._value(column, "DROP COLUMN replicator_reread")
            return f"{found[1]}{found[2]}{text}{found[4]}{found[5]}"
        if found := SET_DEFAULT.fullmatch(part) or DEFAULT.fullmatch(part):
            alter = f"ALTER COLUMN {found[2]}"
            return found[1] + self._value(f"{alter} SET DEFAULT {found[3]}", f"{alter} DROP DEFAULT") + (found[4] or "")
        if part.startswith("PARTITION BY "):
            self._make()
            _execute(self._cursor, f"CREATE TABLE pg_temp.replicator_reread (LIKE {self._table}) {part}")
            return "PARTITION BY " + self._asked("SELECT pg_get_partkeydef('pg_temp.replicator_reread'::regclass)")
        return part

    def check(self, definition: str) -> str:
        """Return a check as the server prints it."""
        self._make()
        self._alter(f"ADD CONSTRAINT replicator_reread {definition}")
        text = self._asked("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid = {}")
        self._alter("DROP CONSTRAINT replicator_reread")
        return text

    def _value(self, set: str, drop: str) -> str:
        self._make()
        self._alter(set)
        text = self._asked("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = {}")
        self._alter(drop)
        return text

    def _make(self) -> None:
        if not self._temp:
            self._temp = _in_temp(self._table)
            _make_like(self._cursor, self._table)

    def _alter(self, how: str) -> None:
        _execute(self._cursor, f"ALTER TABLE {self._temp} {how}")

    def _asked(self, query: str) -> str:
        literal = "'" + self._temp.replace("'", "''") + "'::regclass"
        ((text,),) = _execute(self._cursor, query.format(literal)).fetchall()
        return str(text)
