"""Read the source's catalogs; read them again if the schema changes meanwhile."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from replicator.catalog import FACETS, keywords
from replicator.catalog.attributes import AS_THEY_ARE
from replicator.catalog.choose import chosen, selected
from replicator.catalog.read import read_catalog
from replicator.catalog.relations import relations
from replicator.catalog.routing import routed
from replicator.catalog.unprintable import unprintable
from replicator.cluster import database
from replicator.errors import PreflightFailed, SourceChanged
from replicator.events import listed
from replicator.model import Catalog
from replicator.runs.endpoints import Endpoints
from replicator.sessions import failures, postgres
from replicator.sessions.changes import changed_objects
from replicator.sessions.naming import with_default
from replicator.sessions.postgres import Connection
from replicator.sessions.snapshot import Snapshot
from replicator.settings import Content, Settings
from replicator.settings.definition import NO_NAMES, Rename
from replicator.shaping import Shaped, columns, shape
from replicator.work.copying import encoding

READING = "Locking the source's tables and reading its catalogs"
P = ParamSpec("P")
T = TypeVar("T")
READS = 5
"""How many times to read the catalogs while the schema keeps changing, before giving up."""

DROPPED_MEANWHILE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedObject,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InternalError_,
)
"""Errors from reading an object that the snapshot shows and that was dropped since."""


def in_one_encoding(
    prepare: Callable[Concatenate[Endpoints, Settings, P], T],
) -> Callable[Concatenate[Endpoints, Settings, P], T]:
    """Name the objects whose text the common encoding cannot represent. Raises PreflightFailed."""

    @wraps(prepare)
    def naming_objects(ends: Endpoints, settings: Settings, /, *args: P.args, **more: P.kwargs) -> T:
        try:
            return prepare(ends, settings, *args, **more)
        except encoding.UNFIT as error:
            names = ""
            with postgres.connect(settings.source, application="probe") as conn:  # as LATIN1: it maps every byte
                if unknown := encoding.is_unknown(conn):
                    objects = [(o.name, (*o.create, *o.stub, *o.finish)) for o in read_catalog(conn).objects]
                    objects += database.properties(conn, settings)
                    names = listed(list(encoding.in_catalog(objects, ends.snapshot.holder.info.encoding)))
            raise PreflightFailed(
                "The destination's encoding cannot store a name, comment or definition of the source:"
                f" {f'{names}; ' if names else ''}{failures.one_line(error).rstrip('.')}.",
                hint=encoding.DECLARE if unknown else encoding.MEND,
            ) from error

    return naming_objects


def read_stable(ends: Endpoints, settings: Settings) -> Catalog:
    """Lock the tables and read the catalogs; if the schema changed meanwhile, repeat in a new snapshot.

    An earlier run's snapshot cannot be replaced; there, changes show up against the journal. Raises SourceChanged.
    """
    changed: list[str] = []
    for _ in range(READS):
        try:
            chosen = relations(ends.snapshot.holder, settings)
            ends.snapshot.lock_tables(settings.lock_timeout, only=chosen and chosen.to_lock)
            catalog = read(ends.snapshot, ends.control.conn, settings, settings.definition.rename)
        except DROPPED_MEANWHILE as error:
            changed = [str(error.diag.message_primary)]
        except psycopg.errors.LockNotAvailable as error:
            raise ends.snapshot.blocked() from error
        else:
            if ends.same_snapshot and not (ends.previous and ends.previous.read):
                ends.snapshot.check([table.address.objid for table in selected(catalog, settings).tables])
            names = {o.address: o.name for o in catalog.objects if o.kind not in FACETS}
            ends.snapshot.forget()
            with ends.snapshot.now() as now:
                if ends.same_snapshot or not (changed := changed_objects(ends.snapshot.holder, now, names)):
                    return catalog
        if ends.same_snapshot:
            break
        ends.snapshot.renew()
    raise SourceChanged(
        f"The source's schema kept changing while it was read: {', '.join(changed)}.", hint="Wait until that ends."
    )


def read(
    moment: Snapshot,
    reader: Connection,
    content: Content | None = None,
    rename: Rename = NO_NAMES,
    *,
    copy: bool = False,
) -> Catalog:
    """Read the catalog in this snapshot, in statements that the server of `reader` can parse: see catalog/keywords.py.

    Tables that `content` does not choose are not opened. `rename`: print these names of roles and tablespaces. `copy`:
    it is a copy's, with extra columns.

    Raises DefinitionError, or PreflightFailed if the server fails to print an existing object (not one being dropped).
    """
    copied = relations(moment.holder, content) if content else None
    only = copied.to_lock if copied else None
    attributes = columns.of_copy if copy else columns.of_source
    how = attributes(moment.holder, content.definition) if content else AS_THEY_ARE
    try:
        with uncollected(), moment.another() as beside:
            catalog = keywords.read_for(moment.holder, reader, beside, only, how, with_default(rename, reader))
            return routed(catalog, moment.holder, reader)
    except psycopg.errors.InternalError_ as error:
        names = ""
        with suppress(psycopg.errors.LockNotAvailable), moment.now() as conn:  # a table is being altered
            names = ", ".join(unprintable(conn))
        if not names:
            raise
        raise PreflightFailed(
            f'The database "{moment.holder.info.dbname}" has objects that its own server cannot print: {names}'
            f" ({failures.one_line(error).rstrip('.')}).",
            hint="pg_dump fails on them, too. Drop or recreate them.",
        ) from error


own_process = ContextVar("own_process", default=False)
"""Whether this process runs nothing else, so the garbage collector may be disabled. Set by library.own_process."""


def content(source: Connection, catalog: Catalog, settings: Settings, destination: Connection | None = None) -> Shaped:
    """Return what is copied of the source's catalog: what was chosen, and shaped as the definition says.

    Without a `destination`, it counts as of the source's version. Raises PreflightFailed, DefinitionError.
    """
    catalog, losses = chosen(catalog, settings)
    shaped = shape(source, catalog, settings, destination.info.server_version if destination else catalog.version)
    return shaped._replace(losses=[*losses, *shaped.losses])


@contextmanager
def uncollected() -> Iterator[None]:
    """Exclude a catalog and its plan from garbage collection, now and later, if this process is ours.

    They are millions of objects without garbage; scanning them repeatedly took half of the time.
    """
    if not own_process.get():
        yield
        return
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
