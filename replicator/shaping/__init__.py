"""Applies a definition to the source's catalog: which rows are read, which columns, as which values, under which names.

A table's reading and target (model/tables.py) carry it through copying and comparing. Everything is checked on the
source before anything is written.
"""

from dataclasses import replace
from typing import NamedTuple

from replicator.model import Catalog, Finding, Loss
from replicator.sessions.postgres import Connection
from replicator.settings import Settings
from replicator.shaping.expressions import uses_time


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


def shape(conn: Connection, catalog: Catalog, settings: Settings, version: int) -> Shaped:
    """Apply the definition to what was chosen of the source's catalog. `version`: the destination's.

    `conn` reads in the snapshot that is copied. Raises DefinitionError.
    """
    settings = at_one_time(conn, settings)
    if not settings.definition and not settings.require_mask_review:
        return Shaped(catalog, [], [])
    # Without a definition, nothing of it is loaded: that would be a part of the time of a small clone.
    from replicator.shaping.parts import apply_all

    return Shaped(*apply_all(conn, catalog, settings, version))
