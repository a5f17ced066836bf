"""Applies a definition to the source's catalog: which rows are read, which columns, as which values, under which names.

A table's reading and target (model/tables.py) carry it through copying and comparing. Everything is checked on the
source before anything is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from replicator.catalog import closure
from replicator.model import Address, Catalog, Finding, Loss, Table
from replicator.sessions.postgres import Connection
from replicator.settings import Settings
from replicator.shaping import columns, dangling, masks, names, subset, where
from replicator.shaping.expressions import uses_time

FEWER_ROWS = "what the definition leaves out: it is refreshed from the copied rows, and not compared"


def at_one_time(conn: Connection, settings: Settings) -> Settings:
    """Return the settings with a time for now(), if the definition uses it and none is given: the source's."""
    used = any(uses_time(path, text) for path, text in settings.definition.expressions())
    if settings.as_of or not used:
        return settings
    ((now,),) = conn.execute(
        "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00')"
    ).fetchall()
    return replace(settings, as_of=now)


class Shaped(NamedTuple):
    """A catalog as it is copied; what is left out of it, and what the user should know."""

    catalog: Catalog
    losses: list[Loss]
    findings: list[Finding]


def shape(conn: Connection, catalog: Catalog, settings: Settings) -> Shaped:
    """Apply the definition to what was chosen of the source's catalog.

    `conn` reads in the snapshot that is copied. Raises DefinitionError.
    """
    settings = at_one_time(conn, settings)
    definition = settings.definition
    if not definition and not settings.require_mask_review:
        return Shaped(catalog, [], [])
    moment = datetime.fromisoformat(settings.as_of or "0001-01-01")
    catalog = where.apply(conn, catalog, definition, moment)
    catalog, findings = subset.apply(conn, catalog, definition, moment)
    catalog, without, alike = columns.apply(conn, catalog, definition, moment)
    catalog, losses, dangle = dangling.apply(conn, catalog, definition, moment)
    masking = masks.apply(conn, catalog, settings)
    catalog, views = _views(masking.catalog, alike)
    renaming = names.check(conn, catalog, definition.rename, deferred=any(settings.deferral))
    found = [*_time(settings), *findings, *dangle, *masking.findings, *renaming]
    return Shaped(catalog, [*without, *losses, *masking.losses, *views], found)


def _views(catalog: Catalog, alike: Mapping[Address, Table]) -> tuple[Catalog, list[Loss]]:
    """Mark the materialized views that the source fills from other rows or values than the copy."""
    same = (table for table in catalog.tables if not table.changed or alike.get(table.address) == table)
    unchanged = replace(catalog, tables=tuple(same))
    views = closure.incomplete_views(closure.Family.of(catalog), catalog.tables, unchanged)
    names = {o.address: o.name for o in catalog.objects if o.kind == "matview"}
    losses = [Loss(names[view], FEWER_ROWS, fatal=False) for view in sorted(views & catalog.populated)]
    return replace(catalog, incomplete=catalog.incomplete | views), losses


def _time(settings: Settings) -> Iterator[Finding]:
    if settings.as_of:
        then = settings.as_of
        yield Finding(
            f"In the definition, now() is {then}. To verify this copy later, add --as-of {then}.", fatal=False
        )
