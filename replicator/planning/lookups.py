"""Orders tables whose checks or generated columns call functions that read other tables.

If the server has parsed a function's body, its reads are recorded. Otherwise the names in its text are only a hint,
since it may build names dynamically. So tables whose rows call nothing are copied first; then the others, each after
those that it seems to read; and a step that fails is retried after another one has been done.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from replicator.catalog import FACETS
from replicator.model import Address, Catalog, Table
from replicator.planning import graph
from replicator.planning.graph import Piece
from replicator.planning.relations import Relations

WORD = re.compile(r'"((?:[^"]|"")+)"|(\w+)')
READ = re.compile(rf"(?:\b(?:from|join|only|into|update|table)\s+|[.,]\s*)(?:{WORD.pattern})", re.IGNORECASE)
CALLED = re.compile(rf"(?:{WORD.pattern})\s*\(")
"""Places where a name refers to something that is read or called; elsewhere it may be a parameter."""
IDENTITY = re.compile(r'(?:(?:"(?:[^"]|"")+"|[^".(]+)\.)?("(?:[^"]|"")+"|[^".(]+)')
"""A schema, if there is one, and a name; a function's arguments follow."""
LITERAL = re.compile("'((?:[^']|'')*)'")
IN_LITERALS = ("table", "domain", "view", "matview")
"""Kinds whose definitions may name a table as an argument of a function."""
NAMED = ("table", "foreign_table", "view", "matview", "function")
"""Kinds that can be read or called by name."""


def creation_order(catalog: Catalog, hints: "Hints") -> list[Piece]:
    """Return all pieces in creation order. Raises DependencyCycle.

    To create a generated column or a partition key, the server inlines SQL functions: what they read is created before,
    if possible.
    """
    if not catalog.bodies:
        return graph.order(catalog.objects)
    needs = {o.address: set(o.needs) for o in catalog.objects if o.kind not in FACETS}
    objects = []
    for o in catalog.objects:
        called = o.needs & catalog.bodies.keys() if o.kind == "table" else ()
        for read in sorted(hints.walked(called)) if called else ():
            if not _reaches(needs, read, o.address):
                needs[o.address].add(read)
        objects.append(o.with_needs(frozenset(needs[o.address]), o.stub_needs) if called else o)
    return graph.order(objects)


def _reaches(needs: Mapping[Address, set[Address]], start: Address, end: Address) -> bool:
    seen: set[Address] = set()
    todo = {start}
    while todo and end not in todo:
        address = todo.pop()
        seen.add(address)
        todo |= needs.get(address, set()) - seen
    return bool(todo)


def rounds(hints: "Hints", relations: Relations, tables: Collection[Table]) -> Iterator[dict[str, set[str]]]:
    """Yield these tables in two groups, by identity and in order, with those of its group that each comes after.

    The last group are those with generated columns, and tables that seem to read them: if a lookup finds no rows there,
    nothing fails, but the value is wrong. For tables that read one another the order is a guess.
    """
    of_address = {table.address: table.identity for table in tables}
    reads: dict[str, set[str]] = {}
    read_by: defaultdict[str, set[str]] = defaultdict(set)
    for table in tables:
        found = {leaf for a in hints.reached(hints.called(table)) for leaf in relations.below(a)}
        reads[table.identity] = {of_address[a] for a in found & of_address.keys()} - {table.identity}
        for other in reads[table.identity]:
            read_by[other].add(table.identity)
    last: set[str] = set()
    todo = {table.identity for table in tables if table.generates}
    while todo:
        last |= todo
        todo = {reader for name in todo for reader in read_by[name]} - last
    for group in (reads.keys() - last, last):
        yield _ordered({name: reads[name] & group for name in reads if name in group})


def _ordered(reads: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return these in an order in which each comes after what it reads, if possible."""
    rank: dict[str, int] = {}
    begun: set[str] = set()
    for root in reads:
        path = [(root, iter(sorted(reads[root])))] if root not in begun else []
        begun.add(root)
        while path:
            name, others = path[-1]
            for other in others:
                if other not in begun:
                    begun.add(other)
                    path.append((other, iter(sorted(reads[other]))))
                    break
            else:
                rank[name] = len(rank)
                path.pop()
    return {name: {other for other in reads[name] if rank[other] < rank[name]} for name in rank}


class Hints:
    """The relations that functions seem to read."""

    def __init__(self, catalog: Catalog) -> None:
        self._objects = [o for o in catalog.objects if o.kind not in FACETS]
        self._bodies = catalog.bodies
        self._opaque = catalog.opaque
        self._walked: dict[tuple[frozenset[Address], bool], set[Address]] = {}

    @cached_property
    def _needs(self) -> dict[Address, frozenset[Address]]:
        return {o.address: o.needs for o in self._objects}

    @cached_property
    def _literals(self) -> dict[Address, str]:
        """The string literals of objects that call functions."""
        return {
            o.address: "\n".join(text for statement in o.create for text in LITERAL.findall(statement))
            for o in self._objects
            if o.kind in IN_LITERALS
        }

    @cached_property
    def _tables(self) -> set[Address]:
        return {o.address for o in self._objects if o.kind in ("table", "foreign_table")}

    @cached_property
    def _named(self) -> Mapping[str, set[Address]]:
        named: defaultdict[str, set[Address]] = defaultdict(set)
        for o in self._objects:
            if o.kind in NAMED and (name := IDENTITY.match(o.identity)):
                for word in _words(name[1]):  # one
                    named[word].add(o.address)
        return named

    def called(self, table: Table) -> set[Address]:
        """Return the functions that a table's rows call, and what its definition names as their arguments."""
        if not table.calls:
            return set()
        named = (self._named.get(word, ()) for word in _words(self._literals.get(table.address, "")))
        return set(table.calls).union(*named)

    def reached(self, functions: Collection[Address], *, likely: bool = False) -> set[Address]:
        """Return the tables that these functions may read, also indirectly; or only the `likely` ones."""
        return self.walked(functions, likely=likely) & self._tables

    def are_clear(self, functions: Collection[Address]) -> bool:
        """Return whether the texts of all called functions name everything they read."""
        return self._opaque.isdisjoint(self.walked(functions))

    def walked(self, functions: Collection[Address], *, likely: bool = False) -> set[Address]:
        """Return these functions and all they may call and read, recursively, up to tables; or the `likely` ones."""
        start = frozenset(functions), likely
        if start in self._walked:
            return self._walked[start]
        seen: set[Address] = set()
        todo = set(functions)
        words = _likely if likely else _words
        while todo:
            address = todo.pop()
            seen.add(address)
            if address in self._tables:
                continue
            next_ones = set(self._needs.get(address, ()))
            for word in {*words(self._bodies.get(address, "")), *_words(self._literals.get(address, ""))}:
                next_ones |= self._named.get(word, set())
            todo |= next_ones - seen
        self._walked[start] = seen
        return seen


def _words(text: str) -> Iterable[str]:
    """Yield the names in a text, as the server would parse them.

    >>> list(_words('SELECT A FROM "B""c".d'))
    ['select', 'a', 'from', 'B"c', 'd']
    """
    for quoted, plain in WORD.findall(text):
        yield quoted.replace('""', '"') if quoted else plain.lower()


def _likely(text: str) -> Iterable[str]:
    """Yield the names in places where something is read or called.

    >>> list(_likely('RETURN a + (SELECT b FROM s.c JOIN d ON e(f))'))
    ['s', 'c', 'd', 'e']
    """
    for quoted, plain in (*READ.findall(text), *CALLED.findall(text)):
        yield quoted.replace('""', '"') if quoted else plain.lower()
