"""Dangling rows: those that are copied, and refer to rows that the definition leaves out.

They are found before anything is written, with the foreign keys as data. What happens to them, the table's rule says:
`refuse`; `drop` leaves them out, then also what refers to them, and so on; `null` copies them without the reference;
`keep-not-valid` copies them as they are, and the foreign key is not validated.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from replicator.catalog import select
from replicator.events import counted
from replicator.model import Catalog, Finding, Keys, Loss, Portion, Table
from replicator.sessions.postgres import Connection
from replicator.settings import Settings
from replicator.settings.definition import Dangling, Definition
from replicator.shaping import references, relations
from replicator.shaping.places import Found, Places
from replicator.shaping.references import Reference
from replicator.shaping.subset import Frontier, merge, referring, shaped

NOT_VALID_PARTITIONED = 180000
"""The version since which a partitioned table can have a foreign key NOT VALID."""


def apply(
    conn: Connection, catalog: Catalog, settings: Settings, moment: datetime, version: int
) -> tuple[Catalog, list[Loss], list[Finding]]:
    """Find the rows that refer to rows that are not copied, and do what the definition says.

    `moment`: now(); `version`: the destination's. Nothing is read if no table has a condition: a subset has all that
    its rows refer to.
    """
    if not any(table.where for table in catalog.tables):
        return catalog, [], []
    definition = settings.definition
    places = Places(conn, catalog)
    virtual = definition.subset.virtual if definition.subset else ()
    keys = [*references.read(conn, places), *references.read_declared(conn, places, virtual, moment)]
    copied = {o.address for o in catalog.objects if o.kind == "foreign_key"}
    keys = [key if key.address in copied else replace(key, valid=False) for key in keys]
    rules = _rules(conn, definition)
    if settings.data_only:  # the destination's keys stay as they are
        rules = {oid: "refuse" if rule == "keep-not-valid" else rule for oid, rule in rules.items()}
    search = Search(places, keys, rules)
    search.run()
    search.lasting = {key.name: references.lasting(conn, key) for key, *_ in search.found("null")}
    catalog, losses = _not_valid(catalog, search, version)
    catalog = replace(catalog, tables=tuple(_without(table, places, search) for table in catalog.tables))
    return catalog, [*losses, *search.losses()], list(search.refused(kept=not settings.data_only))


def _rules(conn: Connection, definition: Definition) -> dict[int, Dangling]:
    """Return the rules by table: that of the table itself, or of the nearest that it is a part of."""
    known = relations.find(conn, [(name, ("tables", str(name))) for name in definition.tables])
    return {
        oid: definition.tables[relation.name].dangling
        for relation in sorted(known.values(), key=lambda relation: -len(relation.family))
        for oid in relation.family
    }


def _missing(table: Table) -> str:
    """Return the condition for rows of a table that the definition leaves out."""
    return f"({table.where}) IS NOT TRUE" if table.where else "false"


@dataclass
class Search:
    """Finds dangling rows. `rows`: by reference and table; `dropped`: by table."""

    places: Places
    keys: list[Reference]
    rules: Mapping[int, Dangling]
    rows: dict[tuple[int, int], Keys] = field(default_factory=dict)
    """By the place of the reference in `keys`, and the OID of the table."""
    dropped: dict[int, Keys] = field(default_factory=dict)
    lasting: dict[str, str] = field(default_factory=dict)
    """Why the columns of a reference cannot be NULL, by its name."""

    def run(self) -> None:
        """Find the rows that refer to what the conditions leave out, then those that refer to dropped rows."""
        pending: Frontier = {}
        for number, key in enumerate(self.keys):
            if any(self.places.tables[leaf].where for leaf in self.places.leaves(key.parent.place)):
                for found in self._first(key):
                    merge(pending, self._take(number, found))
        while pending:
            leaf = next(iter(pending))
            rows = pending.pop(leaf)
            for number, key in enumerate(self.keys):
                if leaf in key.parent.place.leaves:
                    for found in referring(self.places, key, leaf, rows):
                        merge(pending, self._take(number, found))

    def _first(self, key: Reference) -> Iterator[Found]:
        places, (place, columns, condition) = self.places, key.child
        parent = places.rows_of(key.parent.place, key.parent.columns, _missing, key.parent.condition)
        for leaf in places.leaves(place):
            for child in places.some(leaf, _chosen(places.tables[leaf]), columns, condition):
                yield places.find(
                    f"SELECT c.tableoid, c.ctid FROM {child} AS c"
                    f" WHERE EXISTS (SELECT FROM {parent} AS p WHERE {key.match})",
                    key.path,
                )

    def _take(self, number: int, found: Found) -> Found:
        """Record dangling rows. Returns those that are dropped now."""
        fresh: dict[int, Keys] = {}
        for leaf, rows in found.items():
            chosen = _chosen(self.places.tables[leaf])
            keys = rows if chosen is None else rows.common(chosen)
            rule = self.rule(leaf)
            if not len(keys) or (rule in ("refuse", "keep-not-valid") and not self.keys[number].valid):
                continue
            if rule == "drop":
                keys = keys.minus(self.dropped.setdefault(leaf, self.places.none(leaf)))
                self.dropped[leaf].update(keys)
                fresh |= {leaf: keys} if len(keys) else {}
            self.rows.setdefault((number, leaf), self.places.none(leaf)).update(keys)
        return fresh

    def rule(self, leaf: int) -> Dangling:
        """Return the rule of a table."""
        return self.rules.get(leaf, "refuse")

    def found(self, *rules: Dangling) -> Iterator[tuple[Reference, int, Keys]]:
        """Yield the dangling rows of the tables that have one of these rules: by reference and table."""
        for (number, leaf), keys in self.rows.items():
            if len(keys) and self.rule(leaf) in rules:
                yield self.keys[number], leaf, keys

    def counts(self, *rules: Dangling) -> Iterator[tuple[Reference, int]]:
        """Yield how many rows of tables that have one of these rules dangle, by reference."""
        for key in self.keys:
            if number := sum(len(keys) for of, _, keys in self.found(*rules) if of is key):
                yield key, number

    def refused(self, *, kept: bool) -> Iterator[Finding]:
        """Yield what the user has to decide. `kept`: a key may be kept NOT VALID."""
        for rule in ("refuse", "null"):
            for key, number in self.counts(rule):
                lasting = self.lasting[key.name] if rule == "null" else ""
                if rule == "null" and not (lasting and key.valid):
                    continue
                cannot = f", and cannot have NULL instead: {lasting}" if lasting else ""
                rules = ['"drop"', *['"null"'] * (not lasting), *['"keep-not-valid"'] * kept]
                instead = " or ".join(filter(None, (", ".join(rules[:-1]), rules[-1])))
                table = key.child.place.identity
                yield Finding(
                    f"{counted(number, 'row')} of {table} would refer to rows of {key.parent.place.identity} that are"
                    f" not copied ({key.name}){cannot}.",
                    f"In [tables], give {table} a `where` that leaves them out, or dangling = {instead}.",
                    object=f"table {table}",
                    server="source",
                )

    def losses(self) -> Iterator[Loss]:
        """Yield what is left out with the user's consent."""
        for rule in ("drop", "null"):
            for key, number in self.counts(rule):
                if rule == "drop" or not self.lasting[key.name]:
                    values = f"the values of {', '.join(key.child.columns)} in " if rule == "null" else ""
                    yield Loss(
                        f"table {key.child.place.identity}", f"{values}{_refer(number, key, 'that ')}", fatal=False
                    )


def _chosen(table: Table) -> Keys | None:
    return table.portions[0].keys if table.portions else None


def _without(table: Table, places: Places, search: Search) -> Table:
    """Return a table without its dropped rows, and without the references of others."""
    leaf = table.address.objid
    nulled = [(key, keys) for key, of, keys in search.found("null") if of == leaf and not search.lasting[key.name]]
    dropped = search.dropped.get(leaf)
    if not nulled and not dropped:
        return table
    keys = _chosen(table)
    keys = places.every(leaf) if keys is None else keys
    table = shaped(table, keys.minus(dropped) if dropped else keys)
    portions = table.portions
    for key, rows in nulled:
        portions = tuple(_split(portions, rows, frozenset(key.child.columns)))
    return replace(table, portions=portions)


def _split(portions: Iterable[Portion], rows: Keys, columns: frozenset[str]) -> Iterator[Portion]:
    for portion in portions:
        with_null, others = portion.keys.common(rows), portion.keys.minus(rows)
        if len(others):
            yield Portion(others, portion.nulls)
        if len(with_null):
            yield Portion(with_null, portion.nulls | columns)


def _not_valid(catalog: Catalog, search: Search, version: int) -> tuple[Catalog, list[Loss]]:
    """Return the catalog with foreign keys that are not validated, or without them where that is not possible."""
    of = {key.address: (key, number) for key, number in search.counts("keep-not-valid") if key.address}
    impossible: dict[select.Key, str] = {
        address: f"{_refer(number, key)}, and before PostgreSQL 18 it cannot be NOT VALID"
        for address, (key, number) in of.items()
        if not key.child.place.only and version < NOT_VALID_PARTITIONED
    }
    kept = of.keys() - impossible.keys()
    objects = [select.as_not_valid(o) if o.address in kept else o for o in catalog.objects]
    losses = [
        Loss(o.name, f"validation, since {_refer(of[o.address][1], of[o.address][0])}", fatal=False)
        for o in objects
        if o.address in kept
    ]
    catalog, lost = select.without(replace(catalog, objects=tuple(objects)), impossible)
    return catalog, [*losses, *lost]


def _refer(number: int, key: Reference, that: str = "") -> str:
    refer = "refers" if number == 1 else "refer"
    return f"{counted(number, 'row')} {that}{refer} to rows of {key.parent.place.identity} that are not copied"
