"""Which columns look personal: by their names, in several languages, and by a sample of their values.

It is a help for people who review a definition, not a proof: free text and documents can hold anything.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from replicator.errors import PreflightFailed
from replicator.events import listed
from replicator.model import Catalog, Table
from replicator.sessions.postgres import Connection
from replicator.settings.definition import MaskRule, Name
from replicator.shaping.masks import looks
from replicator.shaping.masks.places import Column, Place, Places
from replicator.shaping.masks.rules import Link, Rules
from replicator.shaping.masks.value import FAMILIES, Family

SAMPLE_ROWS, SAMPLE_BLOCKS = 1000, 300
BLOCK_BYTES = 8192
BETWEEN = "\x1f"
"""What is written between the elements of an array."""
SUGGEST = '`replicator suggest-masks` prints rules for them. Write column = "plain" for what may be copied as it is.'


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A column that looks personal, the mask that fits it, and why."""

    table: Name
    column: str
    rule: MaskRule
    why: str


@dataclass(frozen=True, slots=True)
class Suggested:
    """Columns that look personal, by table."""

    columns: tuple[Suggestion, ...]

    @property
    def toml(self) -> str:
        """The part of a definition that masks them."""
        return as_toml(self.columns)


def suggestions(
    conn: Connection, catalog: Catalog, known: Places, links: Iterable[Link], reviewed: Rules
) -> list[Suggestion]:
    """Return what looks personal in the tables that are copied, and is not `reviewed`."""
    by_oid = {table.address.objid: table for table in catalog.tables if not table.extension}
    found: dict[Place, Suggestion] = {}
    for oid, relation in known.relations.items():
        leaves = _leaves(known, oid, by_oid)
        columns = [c for c in known.columns[oid].values() if not c.generated and c.place not in reviewed]
        if relation.parents or not leaves or not columns:
            continue
        sample = _sample(conn, by_oid[leaves[0]], columns)
        for column in columns:
            if guess := _guess(relation.name, column, sample.get(column.name, ())):
                found[column.place] = Suggestion(relation.called, column.name, *guess)
    for link in links:  # what refers to a masked key is masked with it
        if link.parent in found and link.child != link.parent:
            found.pop(link.child, None)
        elif link.child in found and link.parent != link.child:  # the key itself must be masked
            taken = found.pop(link.child)
            relation = known.relations[link.parent.relation]
            if link.parent not in reviewed:
                found[link.parent] = Suggestion(relation.called, link.parent.column, taken.rule, taken.why)
    return sorted(found.values(), key=lambda each: (each.table, each.column))


def review(conn: Connection, catalog: Catalog, known: Places, links: Iterable[Link], rules: Rules) -> None:
    """Raise PreflightFailed while columns look personal that have no rule."""
    if open_ := suggestions(conn, catalog, known, links, rules):
        names = listed([f"{each.table}.{each.column} ({each.why})" for each in open_])
        raise PreflightFailed(
            f"These columns look personal, and have no rule (--require-mask-review): {names}.", hint=SUGGEST
        )


def as_toml(found: Sequence[Suggestion]) -> str:
    """Return the part of a definition that masks these columns."""
    lines: list[str] = []
    table = None
    for each in found:
        if each.table != table:
            table = each.table
            lines += [*([""] if lines else []), f"[mask.{json.dumps(str(table), ensure_ascii=False)}]"]
        name = each.column if each.column.replace("_", "a").isalnum() and each.column.isascii() else ""
        if not name or name != name.lower():
            name = json.dumps('"' + each.column.replace('"', '""') + '"', ensure_ascii=False)
        lines.append(f"{name} = {_rule(each.rule)}  # {' '.join(each.why.split())}")
    return "\n".join(lines)


def _rule(rule: MaskRule) -> str:
    if not rule.options:
        return json.dumps(rule.mask)
    return f"{{ mask = {json.dumps(rule.mask)}, {', '.join(f'{k} = {_toml(v)}' for k, v in rule.options.items())} }}"


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{json.dumps(k, ensure_ascii=False)} = {_toml(v)}' for k, v in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


def _leaves(known: Places, oid: int, tables: Mapping[int, Table]) -> list[int]:
    """Return the tables with rows of a table, itself or those below, that are copied."""
    below = [oid]
    for each in below:
        below += known.heirs.get(each, [])
    return sorted((o for o in below if o in tables), key=lambda o: -tables[o].rows)


def _sample(conn: Connection, table: Table, columns: Iterable[Column]) -> dict[str, list[str]]:
    """Return values of these columns as text, of some rows of a table."""
    wanted = [c for c in columns if FAMILIES.get(c.base, Family.OTHER) in looks.LOOKED_AT]
    if not wanted:
        return {}
    items = ", ".join(f'pg_catalog."left"({_as_text(c)}, 2000)' for c in wanted)
    blocks = table.blocks or table.bytes // BLOCK_BYTES
    some = f"TABLESAMPLE SYSTEM ({100 * SAMPLE_BLOCKS / blocks:f}) REPEATABLE (1)" if blocks > SAMPLE_BLOCKS else ""
    # From all over the table, and the same rows each time: old rows may have no such value.
    spread = f"SELECT * FROM ONLY {table.identity} {some} ORDER BY pg_catalog.hashtext(ctid::text) LIMIT {SAMPLE_ROWS}"
    rows = conn.execute(f"SELECT {items} FROM ({spread}) AS r").fetchall()
    by_column = zip(*rows, strict=True) if rows else ((),) * len(wanted)
    return {
        c.name: [each for value in values if value for each in (value.split(BETWEEN) if c.array else [value]) if each]
        for c, values in zip(wanted, by_column, strict=True)
    }


def _as_text(column: Column) -> str:
    if column.array:
        return f"pg_catalog.array_to_string({column.quoted}, pg_catalog.chr({ord(BETWEEN)}))"
    return f"{column.quoted}::pg_catalog.text"


def _guess(table: str, column: Column, values: Sequence[str]) -> tuple[MaskRule, str] | None:
    family = FAMILIES.get(column.base, Family.OTHER)
    if family is Family.JSON:
        paths = dict(_paths(table, values))
        if paths:
            return MaskRule("json", {"paths": paths}), f"the document has {', '.join(paths)}"
        return None
    return looks.guess(table, column.name, family, values)


def _paths(table: str, documents: Iterable[str]) -> Iterator[tuple[str, object]]:
    """Yield paths in documents whose values look personal, with a mask for each."""
    found: dict[str, list[str]] = {}
    for text in documents:
        try:
            _collect(json.loads(text), "$", found)
        except (ValueError, RecursionError):  # cut off
            continue
    for path, values in sorted(found.items()):
        guess = looks.guess(table, path.rpartition(".")[2], Family.TEXT, values)
        if guess:
            rule = guess[0]
            yield path, {"mask": rule.mask, **rule.options} if rule.options else rule.mask


def _collect(value: object, path: str, found: dict[str, list[str]]) -> None:
    if isinstance(value, dict):
        for key, member in value.items():
            plain = key.replace("_", "a").replace("-", "a").isalnum()
            if plain:
                _collect(member, f"{path}.{key}".removeprefix("$."), found)
    elif isinstance(value, list):
        for each in value:
            _collect(each, path, found)
    elif isinstance(value, str):
        found.setdefault(path, []).append(value)
