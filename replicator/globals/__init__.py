"""What belongs to the whole server (`server`) or to the database itself (`database`), not to what is in a database."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from replicator.catalog.read import statement
from replicator.masking import without_secrets
from replicator.model import Execute, Finding, Step
from replicator.postgres import Connection, one_line

PLACE = re.compile(rb"<(\w+)>")


def read(conn: Connection, name: str, /, *, major: int | None = None, **values: object) -> list[Any]:
    """Return the rows of `catalog/globals/<name>.sql`, in which these values stand for their names in <>.

    `major` is the version whose statements are wanted, the server's own by default.
    """
    query = _composed(name, major or conn.info.server_version // 10000)
    literals = {
        place.encode(): (value if isinstance(value, sql.Composable) else sql.Literal(value)).as_bytes(conn)
        for place, value in values.items()
    }
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(PLACE.sub(lambda match: literals[match[1]], query)).fetchall()


@cache
def _composed(name: str, major: int) -> bytes:
    """Return a statement with the parts that it shares with others."""
    query = statement(f"globals/{name}", major)
    for part in ("acl", "setting"):
        query = query.replace(f"<{part}>".encode(), statement(f"globals/{part}", major))
    # Comments speak of the places, too; a value with a newline would end them.
    return b"\n".join(line for line in query.splitlines() if not line.lstrip().startswith(b"--"))


def refusals(destination: Connection, steps: Iterable[Step]) -> list[Finding]:
    """Return what the destination would not let this role do. It is tried, in a transaction that is rolled back."""
    findings = []
    with destination.transaction(force_rollback=True):
        for step in steps:
            if isinstance(step.work, Execute):
                try:
                    with destination.transaction():
                        for statement in step.work.statements:
                            destination.execute(statement)
                except psycopg.DatabaseError as error:
                    together = without_secrets("; ".join(step.work.statements))
                    findings.append(
                        Finding(
                            f"The destination refuses the {step.name}: {one_line(error)}",
                            "(as a role that may do so)",
                            object=step.name,
                            run=f"{together};",
                        )
                    )
    return findings


def roles_of(conn: Connection) -> set[str]:
    """Return the names of a server's roles."""
    return {row[0] for row in conn.execute("SELECT rolname::text FROM pg_roles").fetchall()}
