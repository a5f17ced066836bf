"""Deferred work in a comparison: indexes still to be built and keys still to be validated are no differences."""

from collections.abc import Collection
from dataclasses import replace

from replicator.catalog import FACETS, select
from replicator.journal import deferred, ownership
from replicator.model import Catalog
from replicator.sessions.postgres import Connection


def left_aside(source: Catalog, destination: Catalog, conn: Connection) -> tuple[Catalog, Catalog]:
    """Return both catalogs without the deferred indexes, and the destination's deferred keys as if validated."""
    names = deferred.read_names(conn) if ownership.exists(conn) else []
    if not names:
        return source, destination
    keys = {name.removeprefix("validate ") for name in names}
    destination = select.as_validated(destination, source, only=keys)
    return _without(source, names), _without(destination, names)


def _without(catalog: Catalog, names: Collection[str]) -> Catalog:
    """Leave out objects, their comments and other facets, and whatever needs them."""
    named = {o.name for o in catalog.objects} & set(names)
    gone = {o.address for o in catalog.objects if o.name in named and o.kind not in FACETS}
    objects = (o for o in catalog.objects if o.name not in named and o.address not in gone and not o.needs & gone)
    return replace(catalog, objects=tuple(objects))
