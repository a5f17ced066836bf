"""The last statements of a copy: new names for schemas and tables. See shaping/renames.py."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import psycopg

from replicator import events
from replicator.catalog.read import read_catalog
from replicator.catalog.routing import routed
from replicator.cluster.read import refusals
from replicator.events import Emit
from replicator.model import Catalog, Execute, Finding, Phase, Plan, Step
from replicator.runs import defaults
from replicator.sessions import failures, postgres
from replicator.sessions.postgres import Connection, quoted
from replicator.sessions.snapshot import Snapshot
from replicator.settings import Settings
from replicator.settings.definition import Definition, Rename
from replicator.shaping import columns, names, renames
from replicator.shaping.renames import ASIDE, Renamed, Undone

LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"
"""Renaming a table locks it, until the catalog is read."""
NOT_UNDONE = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.LockNotAvailable,
)
PUBLIC = "SELECT FROM pg_namespace WHERE nspname = 'public'"


def steps(source: Connection, destination: Connection, catalog: Catalog, rename: Rename) -> list[Step]:
    """Return the steps, in order. Whoever gives the schema public another name gets a new, empty one."""
    made = renames.steps(source, catalog, rename)
    if _public_moves(rename) and any(step.name.startswith("rename schema public ") for step in made):
        made.append(Step("create schema public", Phase.RENAME, Execute(tuple(defaults.public(destination)))))
    return made


def obstacles(destination: Connection, rename: Rename, *, dropping: bool) -> list[Finding]:
    """Return what would stop these steps. `dropping`: what the destination has is dropped first."""
    found = [] if dropping else list(names.taken(destination, rename))
    if _public_moves(rename) and not found and destination.execute(PUBLIC).fetchall():
        moving = (f"ALTER SCHEMA public RENAME TO {quoted(renames.RENAMING)}", *defaults.public(destination))
        found += refusals(destination, [Step("another name for schema public", Phase.RENAME, Execute(moving))])
    return found


def planned(plan: Plan, last: Sequence[Step]) -> Plan:
    """Return a plan that ends with these steps, one after another."""
    ends = frozenset({step.name for step in plan.steps} - {need for step in plan.steps for need in step.needs})
    before = [ends, *(frozenset({step.name}) for step in last)]
    chained = (replace(step, needs=needs) for step, needs in zip(last, before, strict=False))
    return replace(plan, steps=(*plan.steps, *chained)) if last else plan


def _public_moves(rename: Rename) -> bool:
    return rename.schemas.get("public", "public") != "public" and "public" not in rename.schemas.values()


def read_renamed(moment: Snapshot, source: Catalog, settings: Settings, emit: Emit) -> tuple[Catalog, Renamed]:
    """Read a finished copy's catalog, by the source's names, and its own names.

    If they cannot be undone, only what has rows is read, with a note.
    """
    rename = settings.definition.rename
    encoding = moment.holder.info.parameter_status("client_encoding")
    actual = renames.actual_names(moment.holder)
    try:
        # Closed, not left: a connection's own `with` commits.
        with closing(postgres.connect(settings.destination, encoding=encoding, application="verify")) as conn:
            conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE")
            conn.execute(f"SET TRANSACTION SNAPSHOT '{moment.id}'")
            conn.execute(LOCK_TIMEOUT)
            attributes = columns.of_copy(conn, settings.definition, renamed=True)
            undone = renames.undo(conn, rename)
            catalog = _without_new_public(routed(read_catalog(conn, attributes=attributes), conn, conn), undone)
            conn.execute("ROLLBACK")
    except NOT_UNDONE as error:
        emit(
            events.Note(
                "Only rows and sequences are compared. To compare definitions, verify undoes the new names in a"
                f" transaction that it rolls back, which is not possible here: {failures.one_line(error)}"
            )
        )
        return _rows_alone(moment.holder, source, actual, settings.definition)
    known = [(t.identity, t.address.objid) for t in catalog.tables]
    known += [(s.identity, s.address.objid) for s in catalog.sequences]
    known += [(o.identity, o.address.objid) for o in catalog.objects if o.kind in ("table", "matview")]
    own = {identity: actual[oid] for identity, oid in known if oid in actual}
    renamed = Renamed({old: new for old, new in own.items() if old != new}, undone)
    return _named(catalog, renamed), renamed


def _rows_alone(
    destination: Connection, source: Catalog, actual: Mapping[int, str], definition: Definition
) -> tuple[Catalog, Renamed]:
    """Match by the names that the definition gives."""
    new = renames.new_names(definition.rename)
    known = [t.identity for t in source.tables] + [s.identity for s in source.sequences]
    known += [table.root for table in source.tables if table.root]
    wanted = {new(old).replace('"', ""): old for old in known}
    found = {wanted[name.replace('"', "")]: name for name in actual.values() if name.replace('"', "") in wanted}
    renamed = Renamed({old: name for old, name in found.items() if old != name}, rows_alone=True)
    attributes = columns.of_copy(destination, definition, renamed=True)
    read = without_definitions(read_catalog(destination, attributes=attributes))
    ours = frozenset(found.values())
    tables = tuple(renamed.table(table) for table in read.tables if table.identity in ours)
    sequences = tuple(replace(s, alias=renamed.before(s.identity)) for s in read.sequences if s.identity in ours)
    return replace(read, tables=tables, sequences=sequences), renamed


def _named(catalog: Catalog, renamed: Renamed) -> Catalog:
    return replace(
        catalog,
        tables=tuple(map(renamed.named, catalog.tables)),
        sequences=tuple(map(renamed.sequence, catalog.sequences)),
    )


def _without_new_public(catalog: Catalog, undone: Undone) -> Catalog:
    """Return a catalog without the schema public that a copy got when its first one was renamed."""
    new = ASIDE.format("public")
    if new not in undone.displaced:
        return catalog
    name = quoted(new)
    gone = {("schema", name), *((kind, f"{name} (schema)") for kind in ("acl", "comment"))}
    return replace(catalog, objects=tuple(o for o in catalog.objects if (o.kind, o.identity) not in gone))


def without_definitions(catalog: Catalog) -> Catalog:
    """Return a catalog of which only rows and sequences are compared."""
    return replace(catalog, objects=(), populated=frozenset(), invalid=frozenset())
