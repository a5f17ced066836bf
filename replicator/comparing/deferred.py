"""What a comparison does with work that is still to be done: it is told, and is no difference."""

from collections.abc import Collection
from dataclasses import replace

from replicator.catalog import FACETS, select
from replicator.journal import deferred, ownership
from replicator.model import Catalog
from replicator.sessions.postgres import Connection


def left_aside(source: Catalog, destination: Catalog, conn: Connection) -> tuple[Catalog, Catalog]:
    """Return both catalogs without the indexes that the destination is still to get, with its keys as if validated."""
    names = deferred.read_names(conn) if ownership.exists(conn) else []
    if not names:
        return source, destination
    keys = {name.removeprefix("validate ") for name in names}
    destination = select.as_validated(destination, source, only=keys)
    return _without(source, names), _without(destination, names)


def _without(catalog: Catalog, names: Collection[str]) -> Catalog:
    """Leave out objects, all that is said of them, and what needs them."""
    named = {o.name for o in catalog.objects} & set(names)
    gone = {o.address for o in catalog.objects if o.name in named and o.kind not in FACETS}
    objects = (o for o in catalog.objects if o.name not in named and o.address not in gone and not o.needs & gone)
    return replace(catalog, objects=tuple(objects))
