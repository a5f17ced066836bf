"""What there is to know of a database before it is copied."""

from dataclasses import dataclass, replace

from psycopg.rows import class_row

from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement


@dataclass(frozen=True, slots=True)
class Facts:
    """A database and its server. `size` is in bytes, 0 where nobody asked: see `measured`."""

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
        """Which server it is: a standby, and one that was made of a base backup, have the identifier of another."""
        return self.system, self.started

    @property
    def collates(self) -> bool:
        """Whether texts are ordered otherwise than by their bytes, or code points, unless a collation says so."""
        return self.collation not in ("C", "POSIX") and not self.collation.startswith("builtin")

    @property
    def identity(self) -> str:
        """Which database of its server it is: another one may have its name tomorrow."""
        return f"{self.database} (oid {self.oid})"


def measured(facts: Facts, conn: Connection) -> Facts:
    """Return the facts with the database's size: with thousands of tables the server takes long to sum it up."""
    ((size,),) = conn.execute("SELECT pg_database_size(current_database())").fetchall()
    return replace(facts, size=size)


def read_facts(conn: Connection, encoding: str | None = None) -> Facts:
    """Return the facts of the connection's database; its encoding is what it is said to be, if anything is."""
    with conn.cursor(row_factory=class_row(Facts)) as cursor:
        facts = cursor.execute(statement(__package__, "facts")).fetchone()
    assert facts is not None
    return replace(facts, encoding=encoding.upper()) if encoding else facts
