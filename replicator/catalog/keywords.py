"""Quotes names that are key words on the destination only: the source, which prints the statements, does not.

In that case the statements are read again with quote_all_identifiers. Single names (identities, columns) are quoted
here as the destination would, so that they are the same on both sides.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from replicator.catalog.attributes import AS_THEY_ARE, Attributes
from replicator.catalog.read import read_catalog
from replicator.model import Catalog, Column, ForeignKey, Index, Object
from replicator.sessions.postgres import Connection
from replicator.settings.definition import NO_NAMES, Rename

OPAQUE = re.compile(r"""\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.DOTALL)
ROUTINES = ("function", "aggregate")
KEYWORDS = "SELECT word, catcode::text FROM pg_get_keywords() WHERE catcode <> 'U'"


def read_for(
    source: Connection,
    destination: Connection,
    beside: Connection | None = None,
    only: Collection[int] | None = None,
    attributes: Attributes = AS_THEY_ARE,
    rename: Rename = NO_NAMES,
) -> Catalog:
    """Read the source's catalog, with each name quoted that the destination would not accept unquoted."""
    catalog = read_catalog(source, beside, only, attributes, rename)
    words = new_keywords(source, destination)
    if not words:
        return catalog
    if _occur(words, catalog):
        source.execute("SET quote_all_identifiers = on")
        again = read_catalog(source, only=only, attributes=attributes, rename=rename)
        quoted = {(o.kind, o.address): o for o in again.objects}
        source.execute("SET quote_all_identifiers = off")
        objects = (_with_statements(o, quoted[o.kind, o.address]) for o in catalog.objects)
        catalog = replace(catalog, objects=tuple(objects))
    return _with_quoted_names(words, catalog)


def new_keywords(source: Connection, destination: Connection) -> dict[str, str]:
    """Return the destination's key words that the source does not have, with their category (pg_get_keywords)."""
    if source.info.server_version // 10000 == destination.info.server_version // 10000:
        return {}
    known: dict[str, str] = dict(source.execute(KEYWORDS).fetchall())
    return {word: code for word, code in destination.execute(KEYWORDS).fetchall() if word not in known}


def _occur(words: Mapping[str, str], catalog: Catalog) -> bool:
    """Return whether a statement contains one of these words unquoted.

    Words of category C may name columns, but not schemas, nor a routine's parameters, which precede a type.
    """
    patterns = [rf"{word}\b" if code != "C" else rf"{word}(?=\.)" for word, code in words.items()]
    found = re.compile(rf"\b(?:{'|'.join(patterns)})")
    parameter = re.compile(rf"(?:[(,] ?|\b(?:IN|OUT|INOUT|VARIADIC) )(?:{'|'.join(words)}) (?!DEFAULT\b|=)")
    return any(
        pattern.search(OPAQUE.sub("", statement))
        for kinds, pattern in ((None, found), (ROUTINES, parameter))
        for statement in _statements(catalog, kinds)
    )


def _statements(catalog: Catalog, kinds: Collection[str] | None) -> Iterable[str]:
    for o in catalog.objects:
        if kinds is None or o.kind in kinds:
            yield from o.create
            yield o.alter_owner or ""


def _with_statements(o: Object, quoted: Object) -> Object:
    return replace(o, create=quoted.create, stub=quoted.stub, finish=quoted.finish, alter_owner=quoted.alter_owner)


def _with_quoted_names(words: Iterable[str], catalog: Catalog) -> Catalog:
    """Quote single names that are one of these words."""
    # Quoted text comes first, so that nothing inside it matches; built-in types are never quoted.
    pattern = re.compile(rf"""("(?:[^"]|"")*"|\bpg_catalog\.\w+)|(?<![\w$])({"|".join(words)})(?![\w$])""")

    def quote(text: str) -> str:
        return pattern.sub(lambda found: found[1] or f'"{found[2]}"', text)

    def column(c: Column) -> Column:
        return replace(c, name=quote(c.name), type=quote(c.type), send=quote(c.send))

    def detail(o: Object) -> Index | ForeignKey | None:
        if not isinstance(o.detail, ForeignKey):
            return o.detail
        columns, referenced = (tuple(map(quote, names)) for names in (o.detail.columns, o.detail.referenced_columns))
        return replace(o.detail, columns=columns, referenced_columns=referenced)

    return replace(
        catalog,
        objects=tuple(replace(o, identity=quote(o.identity), detail=detail(o)) for o in catalog.objects),
        tables=tuple(
            replace(
                t,
                identity=quote(t.identity),
                columns=tuple(map(column, t.columns)),
                stored=tuple(map(column, t.stored)),
                root=t.root and quote(t.root),
                top=t.top and quote(t.top),
            )
            for t in catalog.tables
        ),
        sequences=tuple(replace(sequence, identity=quote(sequence.identity)) for sequence in catalog.sequences),
    )
