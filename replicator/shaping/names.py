"""Checks new names on the source, before anything is written, and finds names that cannot follow."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from replicator.events import listed
from replicator.journal.ownership import SCHEMA
from replicator.model import Catalog, Finding, Object, shown
from replicator.sessions.postgres import Connection
from replicator.settings.definition import MOST_NAME_BYTES, DefinitionError, Name, Path, Rename, in_words
from replicator.shaping import relations
from replicator.shaping.expressions import TOKEN

NAMES = {
    "schemas": "SELECT nspname::text FROM pg_namespace",
    "roles": "SELECT rolname::text FROM pg_roles",
    "tablespaces": "SELECT spcname::text FROM pg_tablespace",
}
USED_ROLES = """
SELECT DISTINCT r.rolname::text
  FROM pg_shdepend d
  JOIN pg_roles r ON r.oid = d.refobjid
 WHERE d.refclassid = 'pg_authid'::regclass
   AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
TABLES = """
SELECT c.relname::text
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
HAS_PATH = re.compile(r"^ SET search_path ", re.MULTILINE)
SYSTEM = re.compile(r"pg_.*|information_schema", re.DOTALL)
RESERVED = {"schemas": {SCHEMA}, "roles": {"public", "none"}, "tablespaces": set[str](), "tables": set[str]()}
"""New names that cannot be used, or have another meaning."""
# An array's type moves out of the way by itself. Reference: pg_type.c moveArrayTypeName.
TAKEN = """
SELECT 'relation'
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND c.relname = %(new)s
 UNION ALL
SELECT 'type'
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE n.nspname = %(schema)s AND t.typname = %(new)s
   AND NOT (t.typelem <> 0 AND t.typinput = 'array_in'::regproc)
 LIMIT 1
"""
MEMBER = "SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = %s AND deptype = 'e'"
FIXED_EXTENSIONS = """
SELECT e.extname::text
  FROM pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE n.nspname = ANY (%s) AND NOT e.extrelocatable
 ORDER BY 1
"""
FOLLOWED = re.compile(r"::(?:pg_catalog\.)?reg\w+")
ALMOST_A_NAME = re.compile(r"'[\w$.\"]+'")
OF_NAMES = re.compile(r"(?:pg_catalog\.)?(reg(?!role)\w+(?:\[\])?)")
"""Types whose values are names of objects."""
SAYING = ("comment", "security_label")


def check(conn: Connection, catalog: Catalog, rename: Rename, *, deferred: bool) -> Iterator[Finding]:
    """Yield notes about what does not follow a new name. Raises DefinitionError for a name that cannot be given.

    `deferred`: statements that name tables run after the copy is finished.
    """
    if deferred and (rename.schemas or rename.tables):
        raise DefinitionError(
            ("rename",),
            "schemas and tables cannot be renamed while work is deferred, which names them.",
            "Leave out --defer-validation and --defer-indexes, or rename by hand after `validate`.",
        )
    if rename.schemas or rename.tables:
        _refuse_names_as_values(catalog)
    for part, query in NAMES.items():
        pairs: Mapping[str, str] = getattr(rename, part)
        known = {name for (name,) in conn.execute(query).fetchall()} if pairs else set()
        for old in pairs:
            _check_old(("rename", part, old), part, old, known)
        _check_new(("rename", part), part, pairs, repeated=part == "tablespaces")
    used = {name for (name,) in conn.execute(USED_ROLES).fetchall()} - rename.roles.keys() if rename.roles else set()
    for old, new in rename.roles.items():
        if new in used:
            raise DefinitionError(
                ("rename", "roles", old),
                f"the source's database uses another role {new}, and both would be one in the copy.",
                f"Rename that, too, or call {old} otherwise.",
            )
    for path, old, new in _into_taken_schemas(catalog, rename):
        raise DefinitionError(
            path, f"the copy has another schema {new}.", f"Rename that, too, or call {old} otherwise."
        )
    _check_tables(conn, catalog, rename)
    yield from _what_does_not_follow(conn, catalog, rename)


def taken(destination: Connection, rename: Rename) -> Iterator[Finding]:
    """Yield the new names of schemas that the destination has already."""
    there = {name for (name,) in destination.execute(NAMES["schemas"]).fetchall()}
    for old, new in rename.schemas.items():
        if new in there and new not in rename.schemas and new != old:
            yield Finding(
                f"Schema {in_words(old)} cannot be renamed to {in_words(new)}: the destination has a schema of that"
                " name.",
                "Drop or rename it, or choose another name.",
                object=f"schema {in_words(new)}",
            )


def _check_old(path: Path, part: str, old: str, known: Collection[str]) -> None:
    if SYSTEM.fullmatch(old):
        raise DefinitionError(path, f"{old} belongs to PostgreSQL itself and cannot be renamed.")
    if old not in known:
        ours = [name for name in known if not SYSTEM.fullmatch(name)]
        raise DefinitionError(path, f"the source has no {part[:-1]} {in_words(old)}.", relations.meant(old, ours))


def _check_new(path: Path, part: str, pairs: Mapping[str, str], *, repeated: bool = False) -> None:
    """Raise DefinitionError for names that PostgreSQL refuses, or that two of a kind would have."""
    given = Counter(pairs.values())
    for old, new in pairs.items():
        at = (*path, old)
        if len(new.encode()) > MOST_NAME_BYTES:
            raise DefinitionError(at, f"{new} is too long: a name has at most {MOST_NAME_BYTES} bytes.")
        if (part == "schemas" and SYSTEM.fullmatch(new)) or new in RESERVED[part]:
            raise DefinitionError(at, f"{new} is a reserved name.")
        if given[new] > 1 and not repeated:
            raise DefinitionError(at, f"{in_words(new)} is the new name of {given[new]} {part}. Choose another.")


def _into_taken_schemas(catalog: Catalog, rename: Rename) -> Iterator[tuple[Path, str, str]]:
    copied = {o.identity for o in catalog.objects if o.kind == "schema"}
    for old, new in rename.schemas.items():
        if new != old and new not in rename.schemas and {new, in_words(new)} & copied:
            yield ("rename", "schemas", old), in_words(old), in_words(new)


def _check_tables(conn: Connection, catalog: Catalog, rename: Rename) -> None:
    paths = {name: ("rename", "tables", str(name)) for name in rename.tables}
    found = relations.find(conn, paths.items())
    copied = {o.address.objid for o in catalog.objects if o.kind == "table"}
    for schema in {name.schema for name in rename.tables}:
        pairs = {str(name): new for name, new in rename.tables.items() if name.schema == schema}
        _check_new(("rename", "tables"), "tables", pairs)
    for name, new in rename.tables.items():
        if found[name].oid not in copied and conn.execute(MEMBER, [found[name].oid]).fetchall():
            raise DefinitionError(paths[name], f"{name} belongs to an extension, which knows it by this name.")
        if new == name.table or Name(name.schema, new) in rename.tables:
            continue
        for (what,) in conn.execute(TAKEN, {"schema": name.schema, "new": new}).fetchall():
            taken = Name(name.schema, new)
            raise DefinitionError(paths[name], f"the source has another {what} {taken}. Choose another name.")


def _refuse_names_as_values(catalog: Catalog) -> None:
    """Refuse columns whose values the copy would show otherwise, so that nothing could verify or repair them."""
    for table in catalog.tables:
        for column in (*table.columns, *table.stored):
            if found := OF_NAMES.fullmatch(column.type):
                raise DefinitionError(
                    ("rename",),
                    f"{table.identity}.{column.name} has the type {found[1]}, whose values are names of objects.",
                    "Leave the column out with exclude_columns, or the table with --exclude-data.",
                )


def _what_does_not_follow(conn: Connection, catalog: Catalog, rename: Rename) -> Iterator[Finding]:
    words = sorted({*rename.schemas, *(name.table for name in rename.tables)})
    if not words:
        return
    if found := [f"{shown(o.name)} ({', '.join(names)})" for o in catalog.objects if (names := _named_in(o, words))]:
        yield Finding(
            f"Names within texts do not follow a new name: {listed(found)}.",
            "Read these, and change them in the copy where they mean a renamed schema or table.",
            fatal=False,
        )
    if found := _unqualified(conn, catalog, rename):
        new = listed([in_words(name) for name in rename.schemas.values()])
        yield Finding(
            f"Functions that name tables of renamed schemas without a schema find them only if search_path has {new}:"
            f" {listed(found)}.",
            "Set search_path for the functions, or for the copy: ALTER DATABASE … SET search_path.",
            fatal=False,
        )
    if fixed := [name for (name,) in conn.execute(FIXED_EXTENSIONS, [list(rename.schemas)]).fetchall()]:
        text = f"Extensions in renamed schemas that may name them in their functions: {listed(fixed)}."
        yield Finding(text, "Test them in the copy.", fatal=False)


def _unqualified(conn: Connection, catalog: Catalog, rename: Rename) -> list[str]:
    """Return the functions whose text has the name of a table of a renamed schema, without a schema before it."""
    tables = [re.escape(name) for (name,) in conn.execute(TABLES, [list(rename.schemas)]).fetchall()]
    if not tables:
        return []
    name = re.compile(rf"(?<![\w$.\"])\"?(?:{'|'.join(tables)})\"?(?![\w$.])", re.IGNORECASE)
    return [
        shown(o.name)
        for o in catalog.objects
        if o.kind == "function"
        and not HAS_PATH.search(o.create[0])
        and any(name.search(text) for text in _literals(o.create[0], body=True))
    ]


def _named_in(o: Object, words: Iterable[str]) -> list[str]:
    """Return which of these words an object has in a function's body, or in a text that looks like a name."""
    if o.kind in SAYING:
        return []
    texts = [text for text in (*o.create, *o.finish) if any(word in text for word in words)]
    literals = [literal for text in texts for literal in _literals(text, body=o.kind == "function")]
    return [word for word in words if any(_has(word, literal) for literal in literals)]


def _has(word: str, text: str) -> bool:
    return bool(re.search(rf"(?<![\w$]){re.escape(word)}(?![\w$])", text))


def _literals(statement: str, *, body: bool) -> Iterator[str]:
    """Yield a statement's texts that a rename leaves as they are."""
    for token in TOKEN.finditer(statement):
        text = token[0]
        if token["text"] is None or FOLLOWED.match(statement, token.end()):
            continue
        if (body and text.startswith("$")) or (not body and ALMOST_A_NAME.fullmatch(text)):
            yield text
