"""Applies the parts of a definition, one after the other: each takes the catalog as the last one left it.

where ─► subset ─► columns ─► dangling ─► masks ─► names
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from replicator.catalog import closure
from replicator.model import Address, Catalog, Finding, Loss, Table
from replicator.sessions.postgres import Connection
from replicator.settings import Settings
from replicator.shaping import columns, dangling, masks, names, subset, where

FEWER_ROWS = "what the definition leaves out: it is refreshed from the copied rows, and not compared"


def apply_all(
    conn: Connection, catalog: Catalog, settings: Settings, version: int
) -> tuple[Catalog, list[Loss], list[Finding]]:
    """Return the catalog as it is copied, what is left out of it, and what the user should know.

    Raises DefinitionError.
    """
    definition = settings.definition
    moment = datetime.fromisoformat(settings.as_of or "0001-01-01")
    catalog = where.apply(conn, catalog, definition, moment)
    catalog, findings = subset.apply(conn, catalog, definition, moment)
    catalog, without, alike = columns.apply(conn, catalog, definition, moment)
    catalog, losses, dangle = dangling.apply(conn, catalog, settings, moment, version)
    masking = masks.apply(conn, catalog, settings)
    catalog, views = _views(masking.catalog, alike)
    renaming = names.check(conn, catalog, definition.rename, deferred=any(settings.deferral))
    found = [*_time(settings), *findings, *dangle, *masking.findings, *renaming]
    return catalog, [*without, *losses, *masking.losses, *views], found


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
