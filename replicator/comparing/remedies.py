"""The statements that would make the destination's objects equal to the source's: shown or printed, never run.

A statement is reverted by its opposite; an object without one is dropped and recreated with its comments and other
facets. Of tables, sequences and types only the differing parts are altered. Rows are another matter: see repair.py.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from replicator.catalog import FACETS
from replicator.comparing.names import NAME, QUALIFIED, WORDS, parts
from replicator.comparing.sides import Mismatch
from replicator.errors import DependencyCycle
from replicator.model import Catalog, Object
from replicator.planning import graph

Statements = tuple[str, ...]
END = r"(?![\w$.\"])"
"""The end of a whole name."""
OPPOSITES = tuple(
    (re.compile(pattern, re.DOTALL), opposite)
    for pattern, opposite in (
        (rf"(ALTER (?:TABLE|DOMAIN) (?:ONLY )?{QUALIFIED}) ADD (CONSTRAINT {NAME}){END}.*", r"\1 DROP \2"),
        (rf"(ALTER DOMAIN {QUALIFIED}|ALTER TABLE ONLY {QUALIFIED} ALTER COLUMN {NAME}|"
         rf"ALTER VIEW {QUALIFIED} ALTER COLUMN {NAME}) SET DEFAULT .*", r"\1 DROP DEFAULT"),
        (r"(ALTER TABLE ONLY .* ALTER COLUMN .*) SET NOT NULL", r"\1 DROP NOT NULL"),
        (r"(ALTER TABLE ONLY .* ALTER COLUMN .*) SET STATISTICS -?\d+", r"\1 SET STATISTICS -1"),
        (r"(ALTER TABLE ONLY .* ALTER COLUMN .*) SET \((.*)\)", r"\1 RESET (\2)"),
        (r"(ALTER TABLE ONLY .* ALTER COLUMN .*) OPTIONS \((.*)\)", r"\1 OPTIONS (DROP \2)"),
        (rf"(ALTER (?:DATABASE|ROLE) .*?) SET ({QUALIFIED}) (?:TO|=) .*", r"\1 RESET \2"),
        (r"(ALTER TABLE ONLY .* ALTER COLUMN .*) SET (STORAGE|COMPRESSION) \w+", r"\1 SET \2 DEFAULT"),
        (r"(ALTER STATISTICS .*) SET STATISTICS \d+", r"\1 SET STATISTICS -1"),
        (r"(ALTER TABLE .*) INHERIT (.*)", r"\1 NO INHERIT \2"),
        (rf"ALTER TABLE ONLY ({QUALIFIED}) ATTACH PARTITION ({QUALIFIED}) .*", r"ALTER TABLE \1 DETACH PARTITION \2"),
        (r"(ALTER SEQUENCE .*) OWNED BY .*", r"\1 OWNED BY NONE"),
        (rf"CREATE (?:CONSTRAINT )?TRIGGER ({NAME}) {WORDS} ON ({QUALIFIED}) .*", r"DROP TRIGGER \1 ON \2"),
        (rf"CREATE POLICY ({NAME}) ON ({QUALIFIED}){END}.*", r"DROP POLICY \1 ON \2"),
        (rf"CREATE RULE ({NAME}) AS\s+ON \w+ TO ({QUALIFIED})\s.*", r"DROP RULE \1 ON \2"),
        (r"(ALTER TABLE .*) (?:DISABLE|ENABLE REPLICA|ENABLE ALWAYS) ((?:TRIGGER|RULE) .*)", r"\1 ENABLE \2"),
        (r"(ALTER .*) (DEPENDS ON EXTENSION .*)", r"\1 NO \2"),
        (r"(ALTER TABLE .*) ENABLE ROW LEVEL SECURITY", r"\1 DISABLE ROW LEVEL SECURITY"),
        (r"(ALTER TABLE .*) FORCE ROW LEVEL SECURITY", r"\1 NO FORCE ROW LEVEL SECURITY"),
        (r"(ALTER TABLE ONLY .*) REPLICA IDENTITY .*", r"\1 REPLICA IDENTITY DEFAULT"),
        (r"(ALTER TABLE .*) CLUSTER ON .*", r"\1 SET WITHOUT CLUSTER"),
        (rf"(ALTER PUBLICATION {NAME}) ADD TABLE ONLY ({QUALIFIED}){END}.*", r"\1 DROP TABLE \2"),
        (r"(ALTER PUBLICATION .*) ADD (TABLES IN SCHEMA .*)", r"\1 DROP \2"),
        (rf"CREATE (USER MAPPING FOR {NAME} SERVER {NAME}){END}.*", r"DROP \1"),
        (rf"CREATE (TRANSFORM FOR .* LANGUAGE {NAME}) .*", r"DROP \1"),
        (r"CREATE (CAST \(.* AS .*?\)) .*", r"DROP \1"),
        (rf"CREATE EXTENSION IF NOT EXISTS ({NAME}){END}.*", r"DROP EXTENSION \1"),
        (rf"CREATE (ACCESS METHOD {NAME}) .*", r"DROP \1"),
        (r"((?:COMMENT|SECURITY LABEL FOR \S+) ON .*?) IS (?:'(?:[^']|'')*'|NULL)", r"\1 IS NULL"),
        (r"(.*)\bGRANT (.*) ON (.*) TO (.*?)( WITH GRANT OPTION)?", r"\1REVOKE \2 ON \3 FROM \4 CASCADE"),
        (r"(.*)\bREVOKE (?:ALL|EXECUTE) ON ((?:FUNCTION|PROCEDURE).*) FROM PUBLIC", r"\1GRANT EXECUTE ON \2 TO PUBLIC"),
        (r"(.*)\bREVOKE (?:ALL|USAGE) ON ((?:TYPE|LANGUAGE|SCHEMA).*) FROM PUBLIC", r"\1GRANT USAGE ON \2 TO PUBLIC"),
        (r"(.*)\bREVOKE (.*) ON (.*) FROM (.*)", r"\1GRANT \2 ON \3 TO \4"),
        (r"((?:SET LOCAL|RESET) ROLE.*)", r"\1"),
    )
)  # fmt: skip
"""Statements and their opposites. Without a statement, the defaults of initdb or CREATE apply."""
WITHOUT_OWNER = {"index": "INDEX"} | {
    f"text_search_{what}": f"TEXT SEARCH {what.upper()}" for what in ("parser", "template")
}
OF_A_VIEW = ("index", "trigger", "rule", "policy")
OPTION = re.compile(rf"({NAME}) '(?:[^']|'')*'")
SETTING = re.compile(r"(\w+(?:\.\w+)?) ?= ?('(?:[^']|'')*')")
PARENTS = re.compile(r"INHERITS \((.*?)\)", re.DOTALL)
METHOD = re.compile(rf"(?<= USING )({NAME})")
COLUMN = re.compile(
    rf"({NAME}) (?P<type>.*?(?: COLLATE {QUALIFIED})?)"
    r"(?: GENERATED ALWAYS AS \((?P<generated>.*)\) (?P<how>STORED|VIRTUAL))?"
    rf"(?P<not_null> (?:CONSTRAINT {NAME} )?NOT NULL(?: NO INHERIT)?)?"
    r"(?: GENERATED (?P<identity>ALWAYS|BY DEFAULT) AS IDENTITY \(SEQUENCE NAME (?P<sequence>.*)\))?",
    re.DOTALL,
)


class Remedies:
    """Finds for each object the statements that fix it, and their place in a script, where drops come first."""

    def __init__(self, source: Catalog, destination: Catalog) -> None:
        self._source = source
        self._populated = source.populated
        self._destination = destination

    @cached_property
    def _source_ranks(self) -> Mapping[str, int]:
        return _ranks(self._source)

    @cached_property
    def _destination_ranks(self) -> Mapping[str, int]:
        return _ranks(self._destination)

    def add(self, mismatch: Mismatch, source: Object | None, destination: Object | None) -> Mismatch:
        """Return a difference with the statements that would fix it."""
        place = (
            self._source_ranks.get(source.name, 0)
            if source
            else -self._destination_ranks.get(destination.name, 0) - 1
            if destination
            else 0
        )
        return replace(mismatch, fix=self.of(source, destination), place=place)

    def of(self, source: Object | None, destination: Object | None) -> Statements:
        """Return the statements for one object, given as on source and destination; () if none are known."""
        if source is None:
            return _dropped(destination) if destination else ()
        if destination is None:
            return self._made(source)
        owner = (source.alter_owner,) if source.alter_owner and source.alter_owner != destination.alter_owner else ()
        if source.create == destination.create:
            return owner
        statements = ALTERED.get(source.kind, self.recreated)(source, destination, self)
        return (*statements, *(s for s in owner if s not in statements))

    def _made(self, o: Object) -> Statements:
        refresh = (f"REFRESH MATERIALIZED VIEW {o.identity}",) if o.address in self._populated else ()
        return (*o.create, *([o.alter_owner] if o.alter_owner else []), *(refresh if o.kind == "matview" else ()))

    def recreated(self, source: Object, destination: Object, _: "Remedies | None" = None) -> Statements:
        """Drop and recreate an object with everything that belongs to it."""
        dropped = _dropped(destination)
        if not dropped:
            return ()
        of_it = OF_A_VIEW if source.kind in ("view", "matview", "foreign_table") else ()
        parts = [o for o in self._source.objects if o.kind in of_it and source.address in o.needs]
        addresses = {source.address, *(o.address for o in parts)}
        said = [o for o in self._source.objects if o.kind in FACETS and o.address in addresses]
        return (*dropped, *self._made(source), *(s for o in (*parts, *said) for s in o.create))

    def replaced(self, source: Object, destination: Object) -> Statements:
        """CREATE OR REPLACE a view or a function, if its columns, or its arguments and result, allow that."""
        if source.kind == "view":
            old, new = (o.stub[0] for o in (source, destination)) if source.stub and destination.stub else ("", " ")
            possible = old == new or old.startswith(f"{new}, ")
        else:
            possible = _head(source) == _head(destination)
        if not possible:
            return self.recreated(source, destination)
        first = source.create[-1 if source.kind == "function" and len(source.create) > 1 else 0]
        making = next((s for s in source.create if s.startswith("CREATE OR REPLACE")), first)
        again = re.sub(r"\ACREATE (?!OR REPLACE)", "CREATE OR REPLACE ", making)
        return (again, *_difference(_rest(source), _rest(destination)))


def opposite(statement: str) -> str | None:
    """Return the statement that reverts another one; None if there is none.

    >>> opposite("GRANT SELECT ON TABLE t TO a WITH GRANT OPTION")
    'REVOKE SELECT ON TABLE t FROM a CASCADE'
    >>> opposite("CREATE TABLE t ()") is None
    True
    """
    for pattern, how in OPPOSITES:
        if found := pattern.fullmatch(statement):
            if how.endswith("RESET (\\2)"):
                return f"{found[1]} RESET ({', '.join(name for name, _ in SETTING.findall(found[2]))})"
            if how.endswith("(DROP \\2)"):
                return f"{found[1]} OPTIONS ({', '.join(f'DROP {name}' for name in OPTION.findall(found[2]))})"
            return found.expand(how)
    return None


def _ranks(catalog: Catalog) -> Mapping[str, int]:
    try:
        pieces = graph.order(catalog.objects)
    except DependencyCycle:
        return {}
    return {piece.object.name: number for number, piece in enumerate(pieces, 1)}


def _dropped(o: Object) -> Statements:
    words = WITHOUT_OWNER.get(o.kind)
    if o.owner is None and not words:
        return opposites(o.create)
    name = re.sub(r" OWNER TO .*\Z", "", o.alter_owner or "", flags=re.DOTALL).removeprefix("ALTER ")
    name = name or f"{words or o.kind.replace('_', ' ').upper()} {o.identity}"
    if o.kind == "subscription":  # the slot is on the publisher, which may be unreachable
        return (f"ALTER {name} DISABLE", f"ALTER {name} SET (slot_name = NONE)", f"DROP {name}")
    return (f"DROP {name}",)


def opposites(statements: Sequence[str]) -> Statements:
    """Return the statements that revert others, the last first; as the same role, if SET ROLE surrounds them."""
    back = [text for s in reversed(statements) if (text := opposite(s))]
    for place, text in enumerate(back):
        if text == "RESET ROLE":
            end = next((n for n in range(place, len(back)) if back[n].startswith("SET LOCAL ROLE")), place)
            back[place], back[end] = back[end], back[place]
    return tuple(back)


def _difference(source: Sequence[str], destination: Sequence[str]) -> Statements:
    """Revert statements that only the destination has, and run those that only the source has."""
    return (*opposites([s for s in destination if s not in source]), *(s for s in source if s not in destination))


def _stated(source: Object, destination: Object, _: Remedies) -> Statements:
    return _difference(source.create, destination.create)


def _stated_anew(source: Object, destination: Object, _: Remedies) -> Statements:
    """Privileges are the result of a whole list, so revert the whole list first."""
    return (*opposites(destination.create), *source.create)


def _head(o: Object) -> tuple[str, bool]:
    """Return a function's arguments and result, and whether it is a window function: these cannot be replaced."""
    head, _, more = next((s for s in reversed(o.create) if "\n LANGUAGE " in s), "").partition("\n LANGUAGE ")
    return re.sub(r"\ACREATE OR REPLACE ", "CREATE ", head), " WINDOW" in re.split(r"\n(?:AS|BEGIN|RETURN) ", more)[0]


def _rest(o: Object) -> list[str]:
    return [s for s in o.create if not s.startswith("CREATE ")]


def _replaced(source: Object, destination: Object, remedies: Remedies) -> Statements:
    return remedies.replaced(source, destination)


def _sequence(source: Object, destination: Object, _: Remedies) -> Statements:
    how = re.sub(r"\ACREATE (?:\w+ )?SEQUENCE ", "ALTER SEQUENCE ", source.create[0])
    return (
        how if how.endswith(" CYCLE") else f"{how} NO CYCLE",
        *_difference(source.create[1:], destination.create[1:]),
    )


def _extension(source: Object, destination: Object, _: Remedies) -> Statements:
    return (f"ALTER EXTENSION {source.identity} SET SCHEMA {source.create[0].rpartition(' ')[2]}",)


def _enum(source: Object, destination: Object, remedies: Remedies) -> Statements:
    """Add labels; existing ones cannot be removed."""
    ours, theirs = (re.findall(r"'(?:[^']|'')*'", o.create[0]) for o in (source, destination))
    if [label for label in ours if label in theirs] != theirs:
        return ()
    added = []
    for place, label in enumerate(ours):
        if label not in theirs:
            where = f" AFTER {ours[place - 1]}" if place else f" BEFORE {theirs[0]}" if theirs else ""
            added.append(f"ALTER TYPE {source.identity} ADD VALUE {label}{where}")
    return tuple(added)


def _domain(source: Object, destination: Object, _: Remedies) -> Statements:
    ours, theirs = source.stub[0], destination.stub[0]
    not_null = re.compile(rf"(?: CONSTRAINT {NAME})? NOT NULL\Z")
    if not_null.sub("", ours) != not_null.sub("", theirs):
        return ()
    change = {(True, False): "SET", (False, True): "DROP"}.get(
        (bool(not_null.search(ours)), bool(not_null.search(theirs)))
    )
    null = (f"ALTER DOMAIN {source.identity} {change} NOT NULL",) if change else ()
    return (*null, *_difference(source.finish, destination.finish))


def _table(source: Object, destination: Object, remedies: Remedies) -> Statements:
    """Alter columns, their settings, constraints and storage parameters that differ. The order of columns stays."""
    (ours, tail), (theirs, other_tail) = (_bare(o) for o in (source, destination))
    if any(" OF " in (o.stub or o.create)[0].partition("(")[0] for o in (source, destination)):
        return ()  # a typed table has its type's columns
    if source.kind == "foreign_table" and tail != other_tail:
        return remedies.recreated(source, destination)
    alter = f"ALTER {'FOREIGN ' if source.kind == 'foreign_table' else ''}TABLE ONLY {source.identity}"
    changes: list[str] = []
    changes += [f"DROP COLUMN {name}" for name in theirs if name not in ours]
    changes += [f"ADD COLUMN {item}" for name, item in ours.items() if name not in theirs]
    for name, item in ours.items():
        if name in theirs and theirs[name] != item:
            changes += _column(name, item, theirs[name], foreign=source.kind == "foreign_table")
    options, others = (dict(SETTING.findall(text)) for text in (tail, other_tail))
    if gone := [name for name in others if name not in options]:
        changes.append(f"RESET ({', '.join(gone)})")
    if new := [f"{name} = {value}" for name, value in options.items() if others.get(name) != value]:
        changes.append(f"SET ({', '.join(new)})")
    parents, others_parents = (PARENTS.findall(text) for text in (tail, other_tail))
    if parents != others_parents:
        one, other = (re.findall(QUALIFIED, "".join(found)) for found in (parents, others_parents))
        changes += [f"NO INHERIT {parent}" for parent in other if parent not in one]
        changes += [f"INHERIT {parent}" for parent in one if parent not in other]
    methods = [METHOD.findall(text) for text in (tail, other_tail)]
    if methods[0] != methods[1]:
        changes.append(f"SET ACCESS METHOD {(methods[0] or ['heap'])[0]}")
    logged = ["UNLOGGED" in o.create[0].split("TABLE ")[0] for o in (source, destination)]
    if logged[0] != logged[1]:
        changes.append("SET UNLOGGED" if logged[0] else "SET LOGGED")
    mine, its = (
        list(o.finish) + [s for s in (o.stub or o.create)[1:] if s.startswith("ALTER")] for o in (source, destination)
    )
    back = opposites([s for s in its if s not in mine and not _of_gone(s, theirs, ours)])
    return (*back, *(f"{alter} {change}" for change in changes), *(s for s in mine if s not in its))


def _of_gone(statement: str, theirs: Iterable[str], ours: Iterable[str]) -> bool:
    """Tell whether a statement is about a column that is dropped."""
    found = re.search(rf" ALTER COLUMN ({NAME}) ", statement)
    return bool(found and found[1] in set(theirs) - set(ours))


def _bare(o: Object) -> tuple[dict[str, str], str]:
    """Return a table's columns without defaults, by name, and the text after their list."""
    create = next((s for s in o.stub or o.create if s.startswith("CREATE")), "")
    _, *items, tail = parts(create) if "(" in create else ("", "")
    columns = {}
    for item in items:
        if (found := COLUMN.fullmatch(item)) and not item.startswith(("PARTITION BY ", "CONSTRAINT ")):
            columns[found[1]] = item
    return columns, tail


def _column(name: str, source: str, destination: str, *, foreign: bool) -> Iterator[str]:
    one, other = COLUMN.fullmatch(source), COLUMN.fullmatch(destination)
    assert one and other
    alter = f"ALTER COLUMN {name}"
    if (one["generated"], one["how"]) != (other["generated"], other["how"]):
        yield f"DROP COLUMN {name}"
        yield f"ADD COLUMN {source}"
        return
    if one["type"] != other["type"]:
        type = re.sub(rf" COLLATE {QUALIFIED}\Z", "", one["type"])
        same = type.partition("(")[0] == other["type"].partition("(")[0].partition(" COLLATE ")[0]
        yield f"{alter} TYPE {one['type']}" + ("" if foreign or same else f" USING {name}::text::{type}")
    if other["identity"] and not one["identity"]:
        yield f"{alter} DROP IDENTITY"
    yield from _not_null(name, one["not_null"] or "", other["not_null"] or "")
    if one["identity"] and not other["identity"]:
        yield f"{alter} ADD GENERATED {one['identity']} AS IDENTITY (SEQUENCE NAME {one['sequence']})"
    elif one["identity"] and one["identity"] != other["identity"]:
        yield f"{alter} SET GENERATED {one['identity']}"
    if one["identity"] and other["identity"] and one["sequence"] != other["sequence"]:
        _, _, how = one["sequence"].partition(" START ")
        options = re.findall(r"[A-Z]+(?: [A-Z]+)? -?\d+", f"START {how}")
        cycle = "CYCLE" if how.endswith(" CYCLE") else "NO CYCLE"
        yield " ".join([alter, *(f"SET {option}" for option in (*options, cycle))])


def _not_null(name: str, source: str, destination: str) -> Iterator[str]:
    if source == destination:
        return
    constraints = [re.match(rf" CONSTRAINT ({NAME}) NOT NULL", text) for text in (source, destination)]
    if destination and not source:
        yield f"ALTER COLUMN {name} DROP NOT NULL"
    elif constraints[0] and constraints[1]:
        yield f"RENAME CONSTRAINT {constraints[1][1]} TO {constraints[0][1]}"
    elif source and not destination:
        said = re.sub(r" NOT NULL", f" NOT NULL {name}", source).strip()
        yield f"ADD {said}" if constraints[0] else f"ALTER COLUMN {name} SET NOT NULL"


ALTERED: Mapping[str, Callable[[Object, Object, Remedies], Statements]] = {
    **dict.fromkeys(FACETS | {"sequence_owner"}, _stated),
    **dict.fromkeys(("acl", "default_acl"), _stated_anew),
    **dict.fromkeys(("view", "function"), _replaced),
    **dict.fromkeys(("table", "foreign_table"), _table),
    "sequence": _sequence,
    "enum_type": _enum,
    "domain": _domain,
    "extension": _extension,
}
