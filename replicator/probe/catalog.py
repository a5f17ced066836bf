"""What the objects of the source need and the destination lacks."""

from collections import Counter
from collections.abc import Iterable

from replicator import postgres
from replicator.model import Catalog
from replicator.postgres import Connection
from replicator.probe.finding import Finding
from replicator.probe.load import slow


def check_catalog(source: Connection, destination: Connection, catalog: Catalog, *, roles: bool) -> list[Finding]:
    """Return what these objects need and the destination lacks: extensions, and the roles that they name.

    `roles`: those that are missing will be made.
    """
    findings = [*_extensions(destination, catalog), *([] if roles else _roles(source, destination, catalog))]
    return [*findings, *slow(destination, sum(table.bytes for table in catalog.tables))]


def _extensions(destination: Connection, catalog: Catalog) -> Iterable[Finding]:
    wanted = [o.identity for o in catalog.objects if o.kind == "extension"]
    rows = destination.execute(
        "SELECT w.name FROM unnest(%s::text[]) AS w (name)"
        " WHERE NOT EXISTS (SELECT FROM pg_available_extensions a WHERE quote_ident(a.name) = w.name)",
        [wanted],
    ).fetchall()
    if rows:
        yield Finding(
            f"The destination server lacks extensions that the source uses: {', '.join(row[0] for row in rows)}.",
            "Install their packages on the destination server.",
        )


def _roles(source: Connection, destination: Connection, catalog: Catalog) -> Iterable[Finding]:
    owned = Counter(o.owner for o in catalog.objects if o.owner)
    privileges = any(o.kind == "acl" for o in catalog.objects)
    named = {row[0] for row in source.execute(postgres.script("named_roles"), [privileges]).fetchall()}
    missing = destination.execute(
        "SELECT w.name FROM unnest(%s::text[]) AS w (name)"
        " WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.name) ORDER BY w.name",
        [sorted(named | owned.keys())],
    ).fetchall()
    for (role,) in missing:
        if role.startswith("pg_"):
            continue  # one of a newer server's own: the rehearsal tells what cannot be said of it
        part = f"owns {owned[role]} objects" if owned[role] else "has privileges or is named by policies"
        yield Finding(
            f'The destination has no role "{role}", who {part} on the source.',
            f'Run there: CREATE ROLE "{role}"; or clone with --roles, or with --no-owner and --no-acl.',
        )
