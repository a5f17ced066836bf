"""Subsets: rows of some tables, the roots, with what refers to them, and everything that all of these refer to.

    roots ── down: rows that refer to them, as far as asked ── up: rows that these refer to, to the end

Both are fixpoints over sets of rows. A row that only comes along because another refers to it is not followed down.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from replicator.events import listed
from replicator.model import Catalog, Finding, Keys, Portion, Table
from replicator.sessions.postgres import Connection
from replicator.settings.definition import Definition, DefinitionError, Subset
from replicator.shaping import expressions, references, relations
from replicator.shaping.places import Found, Place, Places
from replicator.shaping.references import Reference

ALMOST = 0.9
"""Of a table's estimated rows: if so many are selected, it is counted, whether they are all."""
Frontier = dict[int, Keys | None]
"""Rows by table; None: all that may be copied."""
Done = dict[str, Frontier]


def apply(
    conn: Connection, catalog: Catalog, definition: Definition, moment: datetime
) -> tuple[Catalog, list[Finding]]:
    """Choose the rows of a subset. `moment`: what now() means. Raises DefinitionError."""
    subset = definition.subset
    if subset is None:
        return catalog, []
    places = Places(conn, catalog)
    virtual = references.read_declared(conn, places, subset.virtual, moment)
    keys = [*references.read(conn, places), *virtual]
    roots = list(_roots(conn, places, subset, moment))
    at = [root.place for root in roots]
    connected = _connected(places, ((key.child.place, key.parent.place) for key in keys), at)
    selection = Selection(places)
    begin = _begin(places, roots, subset.limit)
    done = _follow(places, selection, begin, _followed(conn, keys, subset), subset.depth)
    _complete(places, selection, keys, done)
    chosen = selection.rows()
    aside = places.tables.keys() - connected
    if subset.others == "none":
        chosen |= {leaf: places.none(leaf) for leaf in aside}
    tables = tuple(
        shaped(table, chosen.get(oid, places.none(oid))) if oid in connected or oid in chosen else table
        for oid, table in places.tables.items()
    )
    notes = list(_notes(places, aside, subset, catalog))
    if subset.others == "all":
        between = [(key.child.place, key.parent.place) for key in virtual] + references.between(conn, places)
        notes += _cut_off(places, aside & _connected(places, between, at))
    return replace(catalog, tables=tables), notes


def shaped(table: Table, keys: Keys | None) -> Table:
    """Return a table of which only these rows are copied; None: all that may be."""
    if keys is None:
        return table
    share = min(1.0, len(keys) / max(table.rows, len(keys), 1))
    return replace(
        table, portions=(Portion(keys),), rows=len(keys), bytes=int(table.bytes * share), empty=not len(keys)
    )


class Root(NamedTuple):
    """Rows to begin with."""

    place: Place
    condition: str
    path: tuple[str, ...]


def _roots(conn: Connection, places: Places, subset: Subset, moment: datetime) -> Iterator[Root]:
    at = {name: ("subset", "roots", str(name)) for name in subset.roots}
    known = relations.find(conn, at.items())
    for name, text in subset.roots.items():
        path = at[name]
        condition = expressions.condition(conn, path, text, moment, name)
        found = list(references.members(places, known[name]))
        if not found:
            raise DefinitionError(path, f"no rows of {name} are copied.", "Include it, or begin with another table.")
        for place in found:
            yield Root(place, "" if condition.lower() == "true" else condition, path)


def _followed(conn: Connection, keys: Iterable[Reference], subset: Subset) -> list[Reference]:
    """Return the references that are followed down."""
    if subset.follow == "all":
        return list(keys)
    known = relations.find(conn, [(name, ("subset", "follow")) for name in subset.follow])
    oids = {oid for relation in known.values() for oid in relation.family}
    return [key for key in keys if key.child.place.oid in oids]


def _connected(places: Places, keys: Iterable[tuple[Place, Place]], roots: Iterable[Place]) -> set[int]:
    """Return the tables that keys connect with the roots, in whatever direction and over however many others."""
    groups = [set(child.leaves) | set(parent.leaves) for child, parent in keys]
    groups += [set(place.leaves) for place in places.all.values() if not place.only]
    of_table: dict[int, list[set[int]]] = {}
    for group in groups:
        for leaf in group:
            of_table.setdefault(leaf, []).append(group)
    found: set[int] = set()
    queue = [leaf for place in roots for leaf in place.leaves]
    while queue:
        leaf = queue.pop()
        if leaf not in found:
            found.add(leaf)
            queue += {other for group in of_table.pop(leaf, ()) for other in group} - found
    return found & places.tables.keys()


class Selection:
    """The rows that are selected so far: sets of keys, and tables of which all rows are."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._keys: dict[int, Keys] = {}
        self._whole: set[int] = set()
        self._counts: dict[int, int] = {}

    def add(self, found: Mapping[int, Keys | None]) -> Frontier:
        """Select rows. Returns those that were not selected yet."""
        fresh: Frontier = {}
        for leaf, keys in found.items():
            if leaf in self._whole:
                continue
            if keys is None:
                self._whole.add(leaf)
                fresh[leaf] = None
                continue
            had = self._keys.setdefault(leaf, self._places.none(leaf))
            new = keys.minus(had) if len(had) else keys
            if len(new):
                had.update(new)
                fresh[leaf] = new
                self._settle(leaf, len(had))
        return fresh

    def is_whole(self, place: Place) -> bool:
        """Tell whether all rows of a place that may be copied are selected."""
        return self._whole.issuperset(self._places.leaves(place))

    def rows(self) -> Frontier:
        """Return what is selected."""
        return {**{leaf: keys.copy() for leaf, keys in self._keys.items()}, **dict.fromkeys(self._whole)}

    def _settle(self, leaf: int, number: int) -> None:
        """If about all rows are selected, find out whether they are all."""
        if number >= ALMOST * self._places.tables[leaf].rows:
            if leaf not in self._counts:
                self._counts[leaf] = self._places.count(leaf)
            if number == self._counts[leaf]:
                self._whole.add(leaf)


def _begin(places: Places, roots: Iterable[Root], limit: int | None) -> Frontier:
    """Return the rows of the roots."""
    found: Frontier = {}
    left: dict[tuple[str, ...], int] = {}
    for root in roots:
        if not root.condition and limit is None:
            merge(found, dict.fromkeys(places.leaves(root.place)))
            continue
        query = f"SELECT tableoid, ctid FROM {places.rows_of(root.place, root.place.key, also=root.condition)} AS r"
        if limit is not None:
            order = ", ".join(root.place.key or ("tableoid", "ctid"))
            query += f" ORDER BY {order} LIMIT {left.setdefault(root.path, limit)}"
        rows = places.find(query, root.path)
        if limit is not None:
            left[root.path] -= sum(map(len, rows.values()))
        merge(found, rows)
    return found


def _follow(
    places: Places, selection: Selection, frontier: Frontier, keys: Collection[Reference], depth: int | None
) -> Done:
    """Select the roots and, `depth` times, the rows that refer to the last ones selected.

    Returns the rows of which all that they refer to by a key is selected, by the name of the key.
    """
    done: Done = {}
    level = 0
    while (frontier := selection.add(frontier)) and (depth is None or level < depth):
        following: Frontier = {}
        for key in keys:
            for leaf, rows in frontier.items():
                if leaf in key.parent.place.leaves and not selection.is_whole(key.child.place):
                    for found in referring(places, key, leaf, rows):
                        merge(following, found)
                        if key.single:
                            merge(done.setdefault(key.name, {}), {of: keys.copy() for of, keys in found.items()})
        frontier = following
        level += 1
    return done


def _complete(places: Places, selection: Selection, keys: Collection[Reference], done: Done) -> None:
    """Select what the selected rows refer to, until nothing is missing; `done`: see _follow."""
    pending = selection.rows()
    while pending:
        leaf = next(iter(pending))
        rows = pending.pop(leaf)
        for key in keys:
            if leaf in key.child.place.leaves and not selection.is_whole(key.parent.place):
                had = done.get(key.name, {}).get(leaf)
                for found in referred(places, key, leaf, rows.minus(had) if rows and had else rows):
                    merge(pending, selection.add(found))


def merge(rows: Frontier, more: Mapping[int, Keys | None]) -> None:
    """Add rows to others."""
    for leaf, keys in more.items():
        had = rows.setdefault(leaf, keys)
        if had is None or keys is None:
            rows[leaf] = None
        elif had is not keys:
            had.update(keys)


def referring(places: Places, key: Reference, leaf: int, rows: Keys | None) -> Iterator[Found]:
    """Yield the rows that refer to these rows of a table."""
    child = places.rows_of(key.child.place, key.child.columns, also=key.child.condition)
    for parent in places.some(leaf, rows, key.parent.columns, key.parent.condition):
        yield places.find(
            f"SELECT c.tableoid, c.ctid FROM {child} AS c WHERE EXISTS (SELECT FROM {parent} AS p WHERE {key.match})",
            key.path,
        )


def referred(places: Places, key: Reference, leaf: int, rows: Keys | None) -> Iterator[Found]:
    """Yield the rows that these rows of a table refer to, and that may be copied."""
    parent = places.rows_of(key.parent.place, key.parent.columns, also=key.parent.condition)
    for child in places.some(leaf, rows, key.child.columns, key.child.condition):
        yield places.find(
            f"SELECT p.tableoid, p.ctid FROM {parent} AS p WHERE EXISTS (SELECT FROM {child} AS c WHERE {key.match})",
            key.path,
        )


def _cut_off(places: Places, cut_off: Iterable[int]) -> Iterator[Finding]:
    """Refuse tables that would be copied whole because what connects them with the roots is not copied."""
    names = sorted(places.tables[leaf].identity for leaf in cut_off if not places.tables[leaf].empty)
    if names:
        yield Finding(
            "Only tables whose rows are not copied connect these with the roots of the subset, so all of their rows"
            f" would be copied: {listed(names)}.",
            "Leave their rows out, too (--exclude-data), or copy the tables between them and the roots.",
        )


def _notes(places: Places, aside: Iterable[int], subset: Subset, catalog: Catalog) -> Iterator[Finding]:
    names = sorted(places.tables[leaf].identity for leaf in aside if not places.tables[leaf].empty)
    if names:
        what = "copied whole" if subset.others == "all" else "none of their rows are copied"
        yield Finding(
            f"Tables that no key connects with the roots of the subset, {what}: {listed(names)}.", fatal=False
        )
    if number := sum(each.count for each in catalog.large_objects):
        yield Finding(
            f"All large objects are copied ({number:,}): no foreign key says which rows they belong to.",
            "Leave them out with --no-large-objects.",
            fatal=False,
        )
