"""Read the source's catalogs, again where somebody changes the schema meanwhile."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from replicator.catalog import FACETS, keywords
from replicator.catalog.read import read_catalog
from replicator.catalog.routing import routed
from replicator.catalog.unprintable import unprintable
from replicator.cluster import database
from replicator.errors import PreflightFailed, SourceChanged
from replicator.events import listed
from replicator.model import Catalog
from replicator.runs.endpoints import Endpoints
from replicator.sessions import failures, postgres
from replicator.sessions.changes import changed_objects
from replicator.sessions.postgres import Connection
from replicator.sessions.snapshot import Snapshot
from replicator.settings import Settings
from replicator.work.copying import encoding

READING = "Locking the source's tables and reading its catalogs"
P = ParamSpec("P")
T = TypeVar("T")
READS = 5
"""So often the source's catalogs are read, while somebody changes the schema, before it is given up."""

DROPPED_MEANWHILE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedObject,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InternalError_,
)
"""What a server says when it reads of something that the snapshot shows and that no longer exists."""


def in_one_encoding(
    prepare: Callable[Concatenate[Endpoints, Settings, P], T],
) -> Callable[Concatenate[Endpoints, Settings, P], T]:
    """Tell which objects have what the common encoding does not, bytes in SQL_ASCII. Raises PreflightFailed."""

    @wraps(prepare)
    def naming_objects(ends: Endpoints, settings: Settings, /, *args: P.args, **more: P.kwargs) -> T:
        try:
            return prepare(ends, settings, *args, **more)
        except encoding.UNFIT as error:
            names = ""
            with postgres.connect(settings.source, application="probe") as conn:  # as LATIN1, in which all bytes are
                if unknown := encoding.is_unknown(conn):
                    objects = [(o.name, (*o.create, *o.stub, *o.finish)) for o in read_catalog(conn).objects]
                    objects += database.said(conn, settings)
                    names = listed(list(encoding.in_catalog(objects, ends.snapshot.holder.info.encoding)))
            raise PreflightFailed(
                "The destination's encoding cannot store a name, comment or definition of the source:"
                f" {f'{names}; ' if names else ''}{failures.one_line(error).rstrip('.')}.",
                hint=encoding.DECLARE if unknown else encoding.MEND,
            ) from error

    return naming_objects


def read_stable(ends: Endpoints, settings: Settings) -> Catalog:
    """Lock the tables and read the catalogs, in a new snapshot where somebody changed the schema meanwhile.

    In the snapshot of an earlier run it is the journal that tells of changed definitions. Raises SourceChanged.
    """
    changed: list[str] = []
    for _ in range(READS):
        try:
            ends.snapshot.lock_tables(settings.lock_timeout)
            catalog = read(ends.snapshot, ends.control.conn)
        except DROPPED_MEANWHILE as error:
            changed = [str(error.diag.message_primary)]
        except psycopg.errors.LockNotAvailable as error:
            raise ends.snapshot.blocked() from error
        else:
            if ends.same_snapshot and not (ends.previous and ends.previous.read):
                ends.snapshot.check([table.address.objid for table in catalog.tables])
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


def read(moment: Snapshot, reader: Connection) -> Catalog:
    """Read the database at this moment, in words that the server of the other connection can read.

    Raises PreflightFailed where its own server fails on something that is there, and not just being dropped.
    """
    try:
        with uncollected(), moment.another() as beside:
            return routed(keywords.read_for(moment.holder, reader, beside), moment.holder, reader)
    except psycopg.errors.InternalError_ as error:
        names = ""
        with suppress(psycopg.errors.LockNotAvailable), moment.now() as conn:  # some table is being changed
            names = ", ".join(unprintable(conn))
        if not names:
            raise
        raise PreflightFailed(
            f'The database "{moment.holder.info.dbname}" has objects that its own server cannot print: {names}'
            f" ({failures.one_line(error).rstrip('.')}).",
            hint="pg_dump fails on them, too. Drop or recreate them.",
        ) from error


own_process = ContextVar("own_process", default=False)
"""Whether this process runs nothing else, so that its garbage collector may be switched. The command line sets it."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector away from a catalog and its plan, now and later, if it is ours.

    They hold millions of things and no garbage, and it would look at all of them again and again: half of the time.
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
