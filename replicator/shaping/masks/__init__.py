"""Masks: what is read in place of a column's values. Everything is SQL on the source, so rows leave it masked.

rules.py    which column has which mask: of its own, of a parent table, of the key that it refers to
kinds.py    each mask as SQL: email, name, text … ; hashing.py: the keyed digest that decides which value
checks.py   tried on a sample of the rows, before anything is written
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from replicator.errors import PreflightFailed, UsageError
from replicator.events import counted
from replicator.model import Catalog, Finding, Loss, Table
from replicator.sessions.postgres import Connection
from replicator.settings import Settings
from replicator.settings.definition import Definition, DefinitionError, Name
from replicator.settings.mask_key import INNER, MAKE_ONE
from replicator.shaping import expressions, relations
from replicator.shaping.masks import checks, personal, places, rules
from replicator.shaping.masks.kinds import masked
from replicator.shaping.masks.places import Column, Place, Places
from replicator.shaping.masks.rules import Applied
from replicator.shaping.masks.value import Unfit
from replicator.shaping.references import declared

WHOLE = ("null", "constant", "sql")
"""Masks that replace an array as a whole; others mask each element."""


@dataclass(frozen=True, slots=True)
class Masking:
    """The source's catalog, with masked readings; what is left out; what the user should know."""

    catalog: Catalog
    losses: list[Loss]
    findings: list[Finding]


def apply(conn: Connection, catalog: Catalog, settings: Settings) -> Masking:
    """Read masked columns by the SQL of their masks. `conn` reads in the snapshot that is copied.

    Raises DefinitionError, UsageError without a key, PreflightFailed if the session does not have it.
    """
    definition = settings.definition
    if not definition.mask and not settings.require_mask_review:
        return Masking(catalog, [], [])
    known = places.read(conn)
    _check_names(conn, definition)
    links = rules.links(catalog, known, _declared(definition, known))
    all_rules = rules.resolve(definition, known, links)
    if settings.require_mask_review:
        personal.review(conn, catalog, known, links, all_rules)
    applied = rules.masked_places(all_rules)
    if not applied:
        return Masking(catalog, [], [])
    if rules.keyed(all_rules):
        _check_key(conn, settings)
    moment = datetime.fromisoformat(settings.as_of or "0001-01-01")
    for place, rule in applied.items():
        if place == rule.origin:
            _check_sql(conn, rule, known.relations[place.relation].called, moment)
    checks.statically(catalog, known, applied)
    encoding = str(conn.info.parameter_status("server_encoding"))
    tables = tuple(_masked(table, known, applied, encoding, moment) for table in catalog.tables)
    made = checks.read_made(conn, applied)
    for table in tables:
        if table.expressions and any(place.relation == table.address.objid for place in applied):
            columns = list(known.columns[table.address.objid].values())
            checks.on_rows(conn, table, known.relations[table.address.objid].name, columns, applied, made)
    catalog = replace(catalog, tables=tables)
    losses: list[Loss] = []
    if catalog.large_objects and not settings.unmasked_large_objects:
        losses.append(_without_large_objects(catalog))
        catalog = replace(catalog, large_objects=())
    return Masking(catalog, losses, [*checks.with_values(known, made), *_moved(tables, known, applied)])


def suggest(conn: Connection, catalog: Catalog, definition: Definition) -> list[personal.Suggestion]:
    """Return the columns that look personal, and have no rule. Raises DefinitionError."""
    known = places.read(conn)
    _check_names(conn, definition)
    links = rules.links(catalog, known, _declared(definition, known))
    return personal.suggestions(conn, catalog, known, links, rules.resolve(definition, known, links))


def _check_names(conn: Connection, definition: Definition) -> None:
    """Raise DefinitionError for a table or a column that the source does not have."""
    found = relations.find(conn, [(name, ("mask", str(name))) for name in definition.mask])
    for name, columns in definition.mask.items():
        for column in columns:
            path = ("mask", str(name), column)
            found[name].check_column(column, path)
            if name in definition.tables and column in definition.tables[name].exclude_columns:
                raise DefinitionError(path, f"{name}.{column} is in exclude_columns, too.", "Remove one.")


def _declared(definition: Definition, known: Places) -> Iterator[tuple[Place, Place]]:
    """Yield which columns refer to which, as the definition declares it."""
    oids = {relation.called: relation.oid for relation in known.relations.values()}
    for text in definition.subset.virtual if definition.subset else ():
        key = declared(text)
        if key.child in oids and key.parent in oids:
            for child, parent in zip(key.columns, key.referenced, strict=True):
                ends = Place(oids[key.child], child), Place(oids[key.parent], parent)
                if all(end.column in known.columns[end.relation] for end in ends):
                    yield ends


def _check_key(conn: Connection, settings: Settings) -> None:
    if not settings.mask_key:
        raise UsageError("The definition masks values, but no key is given (--mask-key-file).", hint=MAKE_ONE)
    ((there,),) = conn.execute("SELECT current_setting(%s, true) IS NOT NULL", [INNER]).fetchall()
    if not there:
        raise PreflightFailed(
            "The source did not take the key of the masks: something between here and the server drops settings.",
            hint="Connect to the source directly.",
        )


def _check_sql(conn: Connection, applied: Applied, table: Name, moment: datetime) -> None:
    """Raise DefinitionError for an expression that is not one value for a row, and the same whenever it is read."""
    if text := applied.rule.options.get("sql"):
        done = expressions.as_of(applied.path, text, moment)
        expressions.check_repeatable(conn, applied.path, text)
        expressions.type_of(conn, applied.path, done, table)


def _masked(table: Table, known: Places, applied: Mapping[Place, Applied], encoding: str, moment: datetime) -> Table:
    """Return a table with the reading of its masked columns."""
    columns = {column.quoted: column for column in known.columns.get(table.address.objid, {}).values()}
    mine = {name: applied[column.place] for name, column in columns.items() if column.place in applied}
    if not mine or table.matview:
        return table
    if table.extension:
        raise DefinitionError(next(iter(mine.values())).path, f"{table.identity} belongs to an extension.")
    others = tuple((column.name, column.quoted) for column in columns.values())
    before = table.reading.expressions
    read = [
        _expression(columns[c.name], mine[c.name], known, encoding, others, moment) if c.name in mine else as_is
        for c, as_is in zip(table.columns, before, strict=True)
    ]
    key_is_masked = table.key in mine  # bounds of parts are values of the key
    routes = any(columns[name].routes for name in mine)
    return replace(
        table,
        expressions=tuple(read),
        key=None if key_is_masked else table.key,
        edges=() if key_is_masked else table.edges,
        root=(table.root or table.top) if routes else table.root,
    )


def _expression(
    column: Column,
    applied: Applied,
    known: Places,
    encoding: str,
    others: tuple[tuple[str, str], ...],
    moment: datetime,
) -> str:
    """Return the SQL of a masked column."""
    rule, origin = applied.rule, known.column(applied.origin)
    try:
        if rule.mask in WHOLE:
            type = column.type + "[]" * column.array
            if rule.mask == "sql":
                # Without its length: a text that is too long is an error, not cut off.
                type = "pg_catalog.varchar" if column.base == "varchar" and not column.array else type
                rule = replace(rule, options={"sql": expressions.as_of(applied.path, rule.options["sql"], moment)})
            return masked(replace(column.value(encoding, others), type=type), rule)
        if column.array:
            each = masked(origin.value(encoding, others, f"(u.v)::{origin.type}"), rule)
            elements = f"pg_catalog.unnest({column.quoted}) WITH ORDINALITY AS u (v, n)"
            array = f"ARRAY(SELECT {each} FROM {elements} ORDER BY u.n)::{column.type}[]"
            return f"CASE WHEN {column.quoted} IS NOT NULL THEN {array} END"
        if origin.place == column.place:
            return masked(column.value(encoding, others), rule)
        as_key = origin.value(encoding, others, f"({column.quoted})::{origin.type}")
        return f"({masked(as_key, rule)})::{column.type}"
    except Unfit as error:
        raise DefinitionError(applied.path, error.problem, error.hint) from None


def _without_large_objects(catalog: Catalog) -> Loss:
    count = sum(range.count for range in catalog.large_objects)
    return Loss(
        counted(count, "large object"), "masks cannot reach into them (--unmasked-large-objects copies them)", True
    )


def _moved(tables: Collection[Table], known: Places, applied: Mapping[Place, Applied]) -> Iterator[Finding]:
    """Yield a warning for partitioned tables whose rows go to other partitions."""
    columns = (known.column(place) for place in applied)
    leaves = {column.relation for column in columns if column.routes}
    tops = sorted({table.top for table in tables if table.address.objid in leaves and table.top})
    if tops:
        yield Finding(f"Masked values decide the partition of a row: {', '.join(tops)}.", fatal=False)
