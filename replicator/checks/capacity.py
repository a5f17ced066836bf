"""Whether both servers have room: sessions for all jobs, and locks for all tables."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg.rows import class_row

from replicator.model import Finding
from replicator.sessions import locks
from replicator.sessions.postgres import Connection, quoted
from replicator.sessions.statements import statement

BESIDE = {"source": 1, "destination": 2}
"""Sessions that come and go beside those of the jobs, a reader of catalogs, the snapshot of a verification.

The source's snapshot has one to spare by then.
"""


@dataclass(frozen=True, slots=True)
class Room:
    """How many more sessions there may be (None: no limit), and the limits."""

    of_server: int
    of_role: int | None
    of_database: int | None
    max_connections: int
    role_limit: int
    database_limit: int


def read_room(conn: Connection) -> Room:
    """Return what room the connection's server has."""
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
    fewer: str = "clone without --copy-jobs and --index-jobs, with",
) -> Iterator[Finding]:
    """Yield the limits that these jobs would meet, with the most jobs that fit.

    `more` sessions are opened on the destination; `fewer` begins the words that name the number of jobs that fit.
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
                name = f"The {server}" + (
                    "" if what == "server" else f"'s {what.replace(what.split()[0], what.split()[0].lower(), 1)}"
                )
                yield Finding(
                    f"{name} has room for {max(0, free)} more sessions: {jobs} jobs at a time need {wanted}.",
                    ("(and a restart) " if what == "server" else "")
                    + (f"or {fewer} --jobs {fitting}." if fitting > 0 else "or end others' sessions."),
                    object=f"{server} sessions",
                    run=f"ALTER {alter} {limit + wanted - free};",
                    server=server,
                )


def check_locks(source: Connection) -> Iterable[Finding]:
    """Yield whether there is no room to lock all tables of the source from the beginning to the end."""
    _, oids = locks.to_lock(source)
    room, free = locks.room(source)
    if len(oids) > free * locks.SHARE:
        yield Finding(
            f"The source has {len(oids)} tables, and room for {room} locks, {free} of which are free: not all tables"
            " are locked from the beginning. Whoever changes one meanwhile ends the clone when it is noticed.",
            fatal=False,
            object="max_locks_per_transaction",
            server="source",
        )
