"""New names of schemas and tables. A copy is made under the source's names; its last statements rename it.

So the server prints whatever depends on them with the new names: views, keys, triggers, defaults, publications. They
are made in the transaction that completes the copy: a crash leaves all of them or none. To compare a renamed copy, they
are undone in a transaction that is rolled back, where the server prints the old names again.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Self

from replicator.model import Catalog, Column, Execute, Phase, Sequence, Step, Table
from replicator.sessions.postgres import REPLICA, Connection, quoted
from replicator.settings.definition import MOST_NAME_BYTES, Name, Rename, in_words, split, unquoted

RENAMING = "replicator is renaming this"
"""The name that one of a ring of names has meanwhile."""
ASIDE = "{} (not renamed)"
"""What the destination has under a name that the copy gave away, while the renames are undone."""
PATHS = r"""
SELECT p.oid::bigint
     , format('ALTER ROUTINE %s(%s) SET search_path TO ', p.oid::regproc, pg_get_function_identity_arguments(p.oid))
     , ARRAY(SELECT coalesce(replace(part[1], '""', '"'), part[2])
               FROM regexp_matches(substr(item, 13), '"((?:[^"]|"")*)"|([^\s,"]+)', 'g') WITH ORDINALITY AS m (part, at)
              ORDER BY at)
  FROM pg_proc p
 CROSS JOIN unnest(p.proconfig) AS item
 WHERE p.oid >= 16384
   AND item LIKE 'search\_path=%'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = p.tableoid AND d.objid = p.oid AND d.deptype = 'e')
 ORDER BY p.oid
"""
SCHEMAS = "SELECT nspname::text FROM pg_namespace"
RELATIONS = """
SELECT c.relname::text
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relkind IN ('r', 'p')"""
ACTUAL = """
SELECT c.oid::bigint, format('%I.%I', n.nspname, c.relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'S') AND c.oid >= 16384"""


def new_names(rename: Rename) -> Callable[[str], str]:
    """Return a function that gives a relation's name on the destination; both with schema, and quoted as needed."""

    def new(identity: str) -> str:
        schema, table = (unquoted((), part) for part in split(identity))
        moved = rename.schemas.get(schema, schema), rename.tables.get(Name(schema, table), table)
        return identity if moved == (schema, table) else ".".join(map(quoted, moved))

    return new


def renames(rename: Rename) -> bool:
    """Tell whether schemas or tables have new names."""
    return bool(rename.schemas or rename.tables)


def with_names_of(tables: Iterable[Table], copies: Iterable[Table]) -> tuple[Table, ...]:
    """Return the source's tables with the names that their copies have, of equal identity but for quotes."""
    names = {copy.identity.replace('"', ""): copy.renamed for copy in copies if copy.renamed}
    return tuple(replace(t, renamed=names.get(t.identity.replace('"', ""), t.renamed)) if names else t for t in tables)


def in_turn(pairs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield renames in an order in which no new name is still taken; one of a ring gets another name first.

    >>> list(in_turn({"a": "b", "b": "c"}))
    [('b', 'c'), ('a', 'b')]
    >>> [old for old, _ in in_turn({"a": "b", "b": "a"})]
    ['a', 'b', 'replicator is renaming this']
    """
    left = {old: new for old, new in pairs.items() if old != new}
    while left:
        free = next((old for old, new in left.items() if new not in left), None)
        if free is None:
            first = next(iter(left))
            yield first, RENAMING
            left[RENAMING] = left.pop(first)
        else:
            yield free, left.pop(free)


def steps(source: Connection, catalog: Catalog, rename: Rename) -> list[Step]:
    """Return the last steps of a copy, in order: one for each new name."""
    there = {o.identity for o in catalog.objects if o.kind in ("schema", "table")}
    routines = {o.address.objid: o.identity for o in catalog.objects if o.kind == "function"}
    made = [
        (f"set search_path of {routines[oid]}", statement)
        for oid, statement in _paths(source, rename.schemas)
        if oid in routines
    ]
    for schema, pairs in _by_schema(rename).items():
        copied = {old: new for old, new in pairs.items() if _is_one(there, schema, old)}
        made += [(_said("table", Name(schema, old), new), _table(schema, old, new)) for old, new in in_turn(copied)]
    copied = {old: new for old, new in rename.schemas.items() if _is_one(there, old)}
    made += [(_said("schema", (old,), new), _schema(old, new)) for old, new in in_turn(copied)]
    return [Step(name, Phase.RENAME, Execute((statement,))) for name, statement in made]


@dataclass(frozen=True, slots=True)
class Undone:
    """What was done to a renamed copy, in a transaction that is rolled back, to read it under the source's names."""

    statements: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    """The statements that would undo these."""
    displaced: frozenset[str] = frozenset()
    """Schemas that were moved out of the way."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A finished copy with new names. Its catalog has the source's, its rows are read by its own."""

    names: Mapping[str, str] = field(default_factory=dict)
    """The relations' names by the source's."""
    undone: Undone = Undone()
    rows_alone: bool = False
    """The names could not be undone, so its definitions were not read."""

    @classmethod
    def of(cls, tables: Iterable[Table]) -> Self:
        """Return the names that a copy's tables have."""
        return cls({table.root or table.identity: table.renamed for table in tables if table.renamed})

    def now(self, identity: str) -> str:
        """Return the name of a relation that the source names so."""
        return self.names.get(identity, identity)

    def before(self, identity: str) -> str:
        """Return the source's name of a relation."""
        return next((old for old, new in self.names.items() if new == identity), identity)

    def table(self, table: Table) -> Table:
        """Return a table that was read by its own name as the source names it."""
        return self.named(replace(table, identity=self.before(table.identity)))

    def named(self, table: Table) -> Table:
        """Return a table that the source names so with its own name. Types of the user are compared as texts."""
        there = table.root or table.identity
        columns, stored = (tuple(map(_typed, some)) for some in (table.columns, table.stored))
        return replace(table, renamed=self.names.get(there, ""), columns=columns, stored=stored)

    def sequence(self, sequence: Sequence) -> Sequence:
        """Return a sequence that is read by its own name, and known by the source's."""
        return replace(sequence, identity=self.now(sequence.identity), alias=sequence.identity)

    def fixing(self, statements: tuple[str, ...]) -> tuple[str, ...]:
        """Return statements about the source's names for a copy that has others."""
        return (*self.undone.statements, *statements, *self.undone.back) if statements else ()


def _typed(column: Column) -> Column:
    own = "." in column.type and not column.type.startswith("pg_catalog.")
    return replace(column, type="", send="") if own else column


NOT_RENAMED = Renamed()


def undo(conn: Connection, rename: Rename) -> Undone:
    """Give a copy's schemas and tables the source's names, in the connection's transaction.

    What has one of these names already, and is not in the copy, gets another one. Raises a psycopg.Error.
    """
    done: list[str] = []
    back: list[str] = []

    def run(statement: str, other: str) -> None:
        conn.execute(statement.encode(), prepare=True)
        done.append(statement)
        back.insert(0, other)

    quietly(conn)
    existing = {name for (name,) in conn.execute(SCHEMAS).fetchall()}
    schemas, aside = _backwards(rename.schemas, existing)
    for new, old in in_turn(aside | schemas):
        run(_schema(new, old), _schema(old, new))
    for schema, pairs in _by_schema(rename).items():
        existing = {name for (name,) in conn.execute(RELATIONS, [schema]).fetchall()}
        tables, others = _backwards(pairs, existing)
        for new, old in in_turn(others | tables):
            run(_table(schema, new, old), _table(schema, old, new))
    for _, statement, other in _paths_with_opposites(conn, schemas):
        run(statement, other)
    return Undone(tuple(done), tuple(back), frozenset(aside.values()))


def quietly(conn: Connection) -> None:
    """Keep event triggers, which only superusers create, from firing for this transaction's statements."""
    if conn.info.parameter_status("is_superuser") == "on":
        conn.execute(REPLICA)


def _backwards(names: Mapping[str, str], existing: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the old names by the new ones that exist, and other names for what has an old name now."""
    undone = {new: old for old, new in names.items() if new in existing and new != old}
    in_the_way = (old for old, new in names.items() if old in existing and old not in undone and new != old)
    return undone, {old: _short(ASIDE, old) for old in in_the_way}


def actual_names(conn: Connection) -> dict[int, str]:
    """Return the names of a database's relations by OID."""
    return dict(conn.execute(ACTUAL).fetchall())


def _by_schema(rename: Rename) -> dict[str, dict[str, str]]:
    """Return the new names of tables by the schema's old name and the table's."""
    found: dict[str, dict[str, str]] = {}
    for name, new in rename.tables.items():
        found.setdefault(name.schema, {})[name.table] = new
    return found


def _paths(conn: Connection, schemas: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    yield from ((oid, statement) for oid, statement, _ in _paths_with_opposites(conn, schemas))


def _paths_with_opposites(conn: Connection, schemas: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """Return the functions whose own search_path names one of these schemas, with statements to change it and back."""
    found = []
    for oid, alter, names in conn.execute(PATHS).fetchall() if schemas else ():
        if schemas.keys() & set(names):
            new = [schemas.get(name, name) for name in names]
            found.append((oid, alter + _literals(new), alter + _literals(names)))
    return found


def _literals(names: Iterable[str]) -> str:
    return ", ".join("'" + name.replace("'", "''") + "'" for name in names)


def _is_one(identities: Collection[str], *name: str) -> bool:
    """Tell whether an identity, quoted or not, is among these."""
    spellings = [(part, quoted(part)) for part in name]
    return any(".".join(each) in identities for each in product(*spellings))


def _said(kind: str, old: Iterable[str], new: str) -> str:
    return f"rename {kind} {'.'.join(map(in_words, old))} to {in_words(new)}"


def _schema(old: str, new: str) -> str:
    return f"ALTER SCHEMA {quoted(old)} RENAME TO {quoted(new)}"


def _table(schema: str, old: str, new: str) -> str:
    return f"ALTER TABLE {quoted(schema)}.{quoted(old)} RENAME TO {quoted(new)}"


def _short(pattern: str, name: str) -> str:
    """Put a name into a pattern, as much of it as a name may have.

    >>> len(_short(ASIDE, "x" * 63))
    63
    """
    room = MOST_NAME_BYTES - len(pattern.format(""))
    return pattern.format(name.encode()[:room].decode(errors="ignore"))
