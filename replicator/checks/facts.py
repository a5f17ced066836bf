"""Facts about a database and its server, read before anything is copied."""

from dataclasses import dataclass, replace

from psycopg.rows import class_row

from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement


@dataclass(frozen=True, slots=True)
class Facts:
    """A database and its server. `size` is in bytes, 0 until `measured`."""

    system: str
    started: str
    database: str
    oid: int
    version: str
    encoding: str
    collation: str
    standby: bool
    read_only: bool
    user: str
    can_create: bool
    size: int = 0

    @property
    def server(self) -> tuple[str, str]:
        """Identifies the server: a standby, or a server restored from a base backup, shares its system identifier."""
        return self.system, self.started

    @property
    def collates(self) -> bool:
        """Whether the default collation sorts text other than by bytes or code points."""
        return self.collation not in ("C", "POSIX") and not self.collation.startswith("builtin")

    @property
    def identity(self) -> str:
        """Identifies the database on its server: another one may have its name tomorrow."""
        return f"{self.database} (oid {self.oid})"


def measured(facts: Facts, conn: Connection) -> Facts:
    """Return the facts with the database's size, which takes the server long with thousands of tables."""
    ((size,),) = conn.execute("SELECT pg_database_size(current_database())").fetchall()
    return replace(facts, size=size)


def read_facts(conn: Connection, encoding: str | None = None) -> Facts:
    """Return the facts of the connection's database; `encoding` replaces the one that the server reports."""
    with conn.cursor(row_factory=class_row(Facts)) as cursor:
        facts = cursor.execute(statement(__package__, "facts")).fetchone()
    assert facts is not None
    return replace(facts, encoding=encoding.upper()) if encoding else facts
