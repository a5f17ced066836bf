"""Whether a row belongs in the same partition on both servers. If not for certain, it is loaded through the root.

The hash of a text is computed from its bytes, which depend on the encoding; ranges of text follow a collation, which
depends on its provider, its locale and their version; an expression may depend on either. pg_dump leaves the choice to
--load-via-partition-root.
"""

from dataclasses import dataclass, replace

from psycopg.rows import class_row

from replicator.model import Catalog
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement


@dataclass(frozen=True, slots=True)
class Routing:
    """The properties of a database that matter. `by_bytes`: its default collation is that of the C locale."""

    server: str
    encoding: str
    provider: str
    locale: str
    by_bytes: bool
    libc: str | None
    icu: str | None

    def version(self, provider: str) -> str | None:
        """Return the version of a provider's collations; None if unknown."""
        return {"c": self.libc, "i": self.icu}.get(provider, "PostgreSQL's own")


def routed(catalog: Catalog, source: Connection, destination: Connection) -> Catalog:
    """Load tables through their root if their rows may belong in other partitions on the destination."""
    if source is destination or not any(table.matters for table in catalog.tables):
        return catalog
    others = differing(_read(source), _read(destination))
    return replace(
        catalog,
        tables=tuple(replace(t, root=t.top) if others & t.matters else t for t in catalog.tables),
    )


def differing(source: Routing, destination: Routing) -> set[str]:
    """Return what may differ between both: the encoding, the default collation, those of libc and ICU.

    >>> source = Routing("this one", "UTF8", "c", "de_DE de_DE", False, "2.36", None)
    >>> other = replace(source, server="another")
    >>> differing(source, source), differing(source, other), sorted(differing(source, replace(other, libc="2.41")))
    (set(), {'i'}, ['c', 'default', 'i'])
    """
    versions = {provider: (source.version(provider), destination.version(provider)) for provider in "ci"}
    others = {p for p, (one, other) in versions.items() if one is None or one != other}
    if source.server == destination.server:
        others.clear()
    if source.encoding != destination.encoding:
        others.add("encoding")
    alike = (source.provider, source.locale) == (destination.provider, destination.locale)
    if not alike or (source.provider in others and not (source.provider == "c" and source.by_bytes)):
        others.add("default")
    return others


def _read(conn: Connection) -> Routing:
    with conn.cursor(row_factory=class_row(Routing)) as cursor:
        (row,) = cursor.execute(statement(__package__, "routing", conn)).fetchall()
    return row
