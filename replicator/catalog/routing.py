"""Whether a row belongs into the same partition on both servers. Where it may not, it is loaded through the root.

The hash of a text is of its bytes, which depend on the encoding; ranges of text are in a collation's order, which
depends on its provider, its locale and their version; an expression may depend on either. pg_dump leaves it to
--load-via-partition-root.
"""

from dataclasses import dataclass, replace

from psycopg.rows import class_row

from replicator.model import Catalog
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement


@dataclass(frozen=True, slots=True)
class Routing:
    """What decides in a database. `by_bytes`: its own collation is that of the C locale."""

    server: str
    encoding: str
    provider: str
    locale: str
    by_bytes: bool
    libc: str | None
    icu: str | None

    def version(self, provider: str) -> str | None:
        """Return the version of a provider's collations; None if it is not known."""
        return {"c": self.libc, "i": self.icu}.get(provider, "PostgreSQL's own")


def routed(catalog: Catalog, source: Connection, destination: Connection) -> Catalog:
    """Have those tables loaded through their root whose rows may belong into other partitions there."""
    if source is destination or not any(table.matters for table in catalog.tables):
        return catalog
    here, there = _read(source), _read(destination)
    others = differing(here, there)
    return replace(
        catalog,
        tables=tuple(replace(t, root=t.top) if others & t.matters else t for t in catalog.tables),
    )


def differing(here: Routing, there: Routing) -> set[str]:
    """Return what is not known to be the same on both: the encoding, the default collation, those of libc and ICU.

    >>> here = Routing("this one", "UTF8", "c", "de_DE de_DE", False, "2.36", None)
    >>> there = replace(here, server="another")
    >>> differing(here, here), differing(here, there), sorted(differing(here, replace(there, libc="2.41")))
    (set(), {'i'}, ['c', 'default', 'i'])
    """
    versions = {provider: (here.version(provider), there.version(provider)) for provider in "ci"}
    others = {p for p, (one, other) in versions.items() if one is None or one != other}
    if here.server == there.server:
        others.clear()
    if here.encoding != there.encoding:
        others.add("encoding")
    alike = (here.provider, here.locale) == (there.provider, there.locale)
    if not alike or (here.provider in others and not (here.provider == "c" and here.by_bytes)):
        others.add("default")
    return others


def _read(conn: Connection) -> Routing:
    with conn.cursor(row_factory=class_row(Routing)) as cursor:
        (row,) = cursor.execute(statement(__package__, "routing", conn)).fetchall()
    return row
