"""Which rows refer to which: the source's foreign keys, and those that a definition declares.

A foreign key of an ordinary table is about its own rows, one of a partitioned table about those of its partitions. One
that the definition declares is about the rows of all tables that inherit from those that it names, too.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from replicator.model import Address
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement
from replicator.settings.definition import DefinitionError, Name, Path, split, unquoted
from replicator.shaping import expressions, relations
from replicator.shaping.places import Place, Places

VIRTUAL = ("subset", "virtual")
CONSTRAINT_CLASS = 2606
"""The OID of pg_constraint."""
CONNECTED = """
SELECT conrelid::bigint, confrelid::bigint FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND oid >= 16384
"""
NAME = r'(?:"(?:[^"]|"")+"|[^\s".(),]+)'
SIDE = rf"\s*({NAME}\s*\.\s*{NAME})\s*\.\s*({NAME}|\(\s*{NAME}(?:\s*,\s*{NAME})*\s*\))\s*"
DECLARED = re.compile(rf"{SIDE}->{SIDE}(?:\bwhere\b(.+))?", re.IGNORECASE | re.DOTALL)
EQUALITY = """
SELECT quote_ident(ca.attname)
     , quote_ident(pa.attname)
     , format('p.%%I OPERATOR(%%I.%%s) c.%%I%%s', pa.attname, n.nspname, o.oprname, ca.attname
             , CASE WHEN l.oid <> ca.attcollation THEN format(' COLLATE %%I.%%I', ln.nspname, l.collname) END)
  FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS k (child, parent, number)
  JOIN pg_attribute ca ON ca.attrelid = %s AND ca.attname = k.child AND ca.attnum > 0
  JOIN pg_attribute pa ON pa.attrelid = %s AND pa.attname = k.parent AND pa.attnum > 0
  JOIN pg_type t ON t.oid = pa.atttypid
  LEFT JOIN pg_opclass c ON c.opcdefault
                        AND c.opcmethod = 403
                        AND c.opcintype = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_amop a ON a.amopfamily = c.opcfamily
                     AND a.amoplefttype = c.opcintype
                     AND a.amoprighttype = c.opcintype
                     AND a.amopstrategy = 3
  JOIN pg_operator o ON o.oid = coalesce(a.amopopr, 'pg_catalog.=(text,text)'::regoperator)
  JOIN pg_namespace n ON n.oid = o.oprnamespace
  LEFT JOIN pg_collation l ON l.oid = pa.attcollation
  LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
 ORDER BY k.number
"""
"""The condition for equal values of each pair of columns, with the operator of the referenced one's indexes."""


class End(NamedTuple):
    """One end of a reference: columns of a place, and a condition for the rows that take part."""

    place: Place
    columns: tuple[str, ...]
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """How rows of one place, c, refer to rows of another, p."""

    name: str
    child: End
    parent: End
    match: str
    """The condition for a row c that refers to a row p."""
    address: Address | None = None
    """The foreign key's; None for one that the definition declares."""
    valid: bool = False
    """The destination checks all rows."""
    single: bool = False
    """A row refers to one row at most."""
    path: Path = ()


class Declared(NamedTuple):
    """A foreign key that a definition declares, as it is written."""

    child: Name
    columns: tuple[str, ...]
    parent: Name
    referenced: tuple[str, ...]
    condition: str = ""


def lasting(conn: Connection, key: Reference) -> str:
    """Return why the referencing columns cannot be NULL in the copy; "" if they can."""
    oid = key.address.objid if key.address else 0
    about = {"table": key.child.place.oid, "columns": list(key.child.columns), "key": oid}
    rows = conn.execute(statement(__package__, "lasting", conn), about).fetchall()
    return str(rows[0][0]) if rows else ""


def declared(text: str) -> Declared:
    """Read `schema.table.column -> schema.table.column [where …]`; several columns in parentheses.

    >>> declared("public.events.user_id -> public.users.id where kind = 'x'").condition
    "kind = 'x'"
    >>> declared('"A".b.(c, "D") -> e.f.(g, h)')[:2]
    (Name(schema='A', table='b'), ('c', 'D'))

    Raises DefinitionError.
    """
    found = DECLARED.fullmatch(text)
    if not found:
        raise DefinitionError(
            VIRTUAL,
            f'"{text}" is no reference.',
            'Write "public.events.user_id -> public.users.id", or "public.t.(a, b) -> public.p.(c, d)".',
        )
    child, columns, parent, referenced, condition = found.groups()
    sides = [tuple(unquoted(VIRTUAL, name) for name in re.findall(NAME, names)) for names in (columns, referenced)]
    if len(sides[0]) != len(sides[1]):
        numbers = len(sides[0]), len(sides[1])
        raise DefinitionError(VIRTUAL, f'"{text}" has {numbers[0]} columns on the left, {numbers[1]} on the right.')
    tables = [Name(*(unquoted(VIRTUAL, part.strip()) for part in split(name))) for name in (child, parent)]
    return Declared(tables[0], sides[0], tables[1], sides[1], (condition or "").strip())


def read(conn: Connection, places: Places) -> list[Reference]:
    """Return the foreign keys between tables that are copied."""
    found = []
    for oid, name, child, parent, columns, referenced, match, valid, single in conn.execute(
        statement(__package__, "references", conn)
    ).fetchall():
        ends = places.all.get(child), places.all.get(parent)
        if ends[0] and ends[1] and places.leaves(ends[0]) and places.leaves(ends[1]):
            found.append(
                Reference(
                    name,
                    End(ends[0], tuple(columns)),
                    End(ends[1], tuple(referenced)),
                    match,
                    Address(CONSTRAINT_CLASS, oid),
                    valid,
                    single,
                )
            )
    return found


def between(conn: Connection, places: Places) -> list[tuple[Place, Place]]:
    """Return which places all foreign keys of the source connect, also of tables that are not copied."""
    rows = conn.execute(CONNECTED).fetchall()
    return [(places.all[child], places.all[parent]) for child, parent in rows if {child, parent} <= places.all.keys()]


def read_declared(conn: Connection, places: Places, texts: Iterable[str], moment: datetime) -> list[Reference]:
    """Return the references that a definition declares. Raises DefinitionError."""
    wanted = [(text, declared(text)) for text in texts]
    named = [(name, VIRTUAL) for _, each in wanted for name in (each.child, each.parent)]
    known = relations.find(conn, named)
    found: list[Reference] = []
    for text, each in wanted:
        condition = ""
        if each.condition:
            condition = expressions.as_of(VIRTUAL, each.condition, moment)
            expressions.check_repeatable(conn, VIRTUAL, each.condition)
        for name, columns in ((each.child, each.columns), (each.parent, each.referenced)):
            for column in columns:
                known[name].check_column(column, VIRTUAL)
        for child in members(places, known[each.child]):
            for parent in members(places, known[each.parent]):
                reference = _virtual(conn, text, each, child, parent, condition)
                _try(conn, places, reference)
                found.append(reference)
    return found


def members(places: Places, relation: relations.Relation) -> Iterator[Place]:
    """Yield the places of a table that are copied: a partitioned table, or a table and those that inherit from it."""
    whole = places.all[relation.oid]
    for oid in sorted(relation.family) if whole.only else [relation.oid]:
        if oid in places.all and places.leaves(places.all[oid]):
            yield places.all[oid]


def _virtual(conn: Connection, text: str, each: Declared, child: Place, parent: Place, condition: str) -> Reference:
    pairs = conn.execute(EQUALITY, [list(each.columns), list(each.referenced), child.oid, parent.oid]).fetchall()
    columns, referenced, matches = zip(*pairs, strict=True)
    return Reference(
        f"the declared key {text}",
        End(child, columns, condition),
        End(parent, referenced),
        " AND ".join(matches),
        path=VIRTUAL,
    )


def _try(conn: Connection, places: Places, reference: Reference) -> None:
    """Raise DefinitionError if the source rejects a reference that a definition declares."""
    child, parent = reference.child, reference.parent
    expressions.try_on(
        conn,
        reference.path,
        f"SELECT FROM {places.rows_of(child.place, child.columns, also=child.condition)} AS c"
        f" JOIN {places.rows_of(parent.place, parent.columns)} AS p ON {reference.match} LIMIT 0",
    )
