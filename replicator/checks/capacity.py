"""Do both servers have enough sessions for all jobs, and enough locks for all tables?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg.rows import class_row

from replicator.model import Finding
from replicator.sessions import locks
from replicator.sessions.postgres import Connection, quoted
from replicator.sessions.statements import statement

BESIDE = {"source": 1, "destination": 2}
"""Sessions in addition to those of the jobs: they read catalogs, or hold the snapshot of a verification.

The source needs one less, since a session of its own snapshot is free by then.
"""


@dataclass(frozen=True, slots=True)
class Room:
    """How many more sessions the server, the role and the database allow (None: no limit), and these limits."""

    of_server: int
    of_role: int | None
    of_database: int | None
    max_connections: int
    role_limit: int
    database_limit: int


def read_room(conn: Connection) -> Room:
    """Return how many more sessions the connection's server, role and database allow."""
    with conn.cursor(row_factory=class_row(Room)) as cursor:
        room = cursor.execute(statement(__package__, "capacity")).fetchone()
    assert room is not None
    return room


def check_sessions(
    source: Connection,
    destination: Connection,
    jobs: int,
    *,
    one_server: bool,
    more: int = 0,
    command: str = "clone without --copy-jobs and --index-jobs, with",
) -> Iterator[Finding]:
    """Yield each connection limit that these jobs would exceed, with the number of jobs that fits.

    `more` sessions are opened on the destination; `command` begins the advice that names the number of jobs that fits.
    """
    one_role = one_server and source.info.user == destination.info.user
    for server, conn in (("source", source), ("destination", destination)):
        room = read_room(conn)
        role, database = (
            f"{word} {quoted(name)}" for word, name in (("ROLE", conn.info.user), ("DATABASE", conn.info.dbname))
        )
        limits = (
            ("server", room.of_server, room.max_connections, 1 + one_server, "SYSTEM SET max_connections ="),
            (role, room.of_role, room.role_limit, 1 + one_role, f"{role} CONNECTION LIMIT"),
            (database, room.of_database, room.database_limit, 1, f"{database} CONNECTION LIMIT"),
        )
        for what, free, limit, sides, alter in limits:
            beside = sum(BESIDE.values()) if sides > 1 else BESIDE[server]
            beside += more if server == "destination" or sides > 1 else 0
            wanted = jobs * sides + beside
            if free is not None and wanted > free:
                fitting = (free - beside) // sides
                word, _, name = what.partition(" ")
                by = "" if what == "server" else f" for {word.lower()} {name}"
                yield Finding(
                    f"The {server} allows only {max(0, free)} more connections{by}, but {jobs} parallel jobs need"
                    f" {wanted}.",
                    ("(and restart it) " if what == "server" else "")
                    + (f"or {command} --jobs {fitting}." if fitting > 0 else "or end other sessions."),
                    object=f"{server} sessions",
                    run=f"ALTER {alter} {limit + wanted - free};",
                    server=server,
                )


def check_locks(source: Connection) -> Iterable[Finding]:
    """Yield a warning if the source's lock table is too small to lock all tables for the whole run."""
    _, oids = locks.to_lock(source)
    room, free = locks.room(source)
    if len(oids) > free * locks.SHARE:
        yield Finding(
            f"The source has {len(oids)} tables, but its lock table holds only {room} locks, of which {free} are free."
            " So some tables are locked only while they are copied; the clone stops if one is altered before that.",
            fatal=False,
            object="max_locks_per_transaction",
            server="source",
        )
