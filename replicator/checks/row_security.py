"""Rows that a role may not read on the destination, once row security is there as it is on the source.

They are written before it is, and read after it: by a verification, or a resumed run that counts them.
"""

from collections.abc import Iterable

from replicator.events import listed
from replicator.model import Catalog, Finding
from replicator.sessions.postgres import Connection, quoted

# Owners are exempt where it is not forced. Reference: PostgreSQL docs 5.9.
SUBJECT = "SELECT NOT (rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname = current_user"


def check_row_security(
    destination: Connection, catalog: Catalog, standing: Catalog | None, *, compared: bool
) -> Iterable[Finding]:
    """Yield the tables of which rows are to be read on the destination that row security will hide from this role.

    `standing` is what an earlier run has made, where this one goes on with it: the rows are counted. `compared`: they
    are verified in the end.
    """
    there = catalog if compared else standing
    read = sorted(_forced(there) & {table.loaded_into for table in catalog.tables}) if there else []
    if read and destination.execute(SUBJECT).fetchall() == [(True,)]:
        role = quoted(destination.info.user)
        yield Finding(
            f"Row security on the destination will hide rows from {role}, which has to read them: {listed(read)}.",
            "(as a superuser)",
            object=", ".join(read),
            run=f"ALTER ROLE {role} BYPASSRLS;",
        )


def _forced(catalog: Catalog) -> set[str]:
    """Return the tables whose row security is enabled, and forced upon their owners."""
    said = {o.address: o.create for o in catalog.objects if o.kind == "row_security"}
    return {
        o.identity
        for o in catalog.objects
        if o.kind == "table"
        and (words := said.get(o.address))
        and words[0].endswith(" ENABLE ROW LEVEL SECURITY")
        and words[-1].endswith(" FORCE ROW LEVEL SECURITY")
    }
