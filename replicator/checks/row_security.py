"""Will row security, once copied, hide rows on the destination from this role?

Rows are written before row security is enabled, and read after it: by a verification, or by a resumed run that counts
them.
"""

from collections.abc import Iterable

from replicator.events import listed
from replicator.model import Catalog, Finding
from replicator.sessions.postgres import Connection, quoted

# Owners are exempt where it is not forced. Reference: PostgreSQL docs 5.9.
SUBJECT = "SELECT NOT (rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname = current_user"


def check_row_security(
    destination: Connection, catalog: Catalog, existing: Catalog | None, *, compared: bool
) -> Iterable[Finding]:
    """Yield the tables whose rows must be read on the destination, but that row security will hide from this role.

    `existing` is what an earlier run created, if this one continues it: the rows are counted. `compared`: they are
    verified in the end.
    """
    secured = catalog if compared else existing
    read = sorted(_forced(secured) & {table.loaded_into for table in catalog.tables}) if secured else []
    if read and destination.execute(SUBJECT).fetchall() == [(True,)]:
        role = quoted(destination.info.user)
        yield Finding(
            f"Row security on the destination will hide rows that role {role} must read: {listed(read)}.",
            "(as a superuser)",
            object=", ".join(read),
            run=f"ALTER ROLE {role} BYPASSRLS;",
        )


def _forced(catalog: Catalog) -> set[str]:
    """Return the tables whose row security is enabled and forced (FORCE ROW LEVEL SECURITY)."""
    statements = {o.address: o.create for o in catalog.objects if o.kind == "row_security"}
    return {
        o.identity
        for o in catalog.objects
        if o.kind == "table"
        and (words := statements.get(o.address))
        and words[0].endswith(" ENABLE ROW LEVEL SECURITY")
        and words[-1].endswith(" FORCE ROW LEVEL SECURITY")
    }
