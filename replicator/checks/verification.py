"""What stands in the way of a verification: both sides must be readable, and writable where rows shall be repaired."""

from replicator.checks.capacity import check_sessions
from replicator.checks.destination import same_database, sorting, writable
from replicator.checks.facts import read_facts
from replicator.checks.source import check_logins, check_readable, refused_by_table, waiting_locks
from replicator.model import Finding
from replicator.sessions.postgres import Connection


def check_verification(
    source: Connection, destination: Connection, jobs: int, *, holders: int, repair: bool
) -> list[Finding]:
    """Return all that a verification would stumble over. `holders` is how many more sessions hold its snapshot.

    What only the destination has is not read there, and need not be readable.
    """

    def common(names: list[str]) -> list[str]:
        query = "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'S')"
        return sorted(set(names).intersection(row[0] for row in source.execute(query).fetchall())) if names else []

    here, there = read_facts(source), read_facts(destination)
    if same := same_database(here, there, written=False):
        return same
    found = [
        *sorting(here, there),
        *check_logins("source", source),
        *check_logins("destination", destination),
        *check_readable("source", source),
        *check_readable("destination", destination, common),
    ]
    found += check_sessions(
        source, destination, jobs, one_server=here.server == there.server, more=holders, fewer="verify with"
    )
    locks = (
        *waiting_locks(source, who="a verification"),
        *waiting_locks(destination, "destination", who="a verification"),
    )
    found += [finding for finding in locks if finding.fatal]
    if repair:
        found += writable(there)
        write = "repair rows (INSERT, UPDATE, DELETE) of"
        found += refused_by_table("destination", destination, "unwritable", write, common)
    return found
