"""Does anything block a verification? Both sides must be readable, and the destination writable for --repair."""

from replicator.checks.capacity import check_sessions
from replicator.checks.destination import same_database, sorting, writable
from replicator.checks.facts import read_facts
from replicator.checks.source import Wanted, check_logins, check_readable, refused_by_table, waiting_locks
from replicator.model import Finding
from replicator.sessions.postgres import Connection


def check_verification(
    source: Connection,
    destination: Connection,
    jobs: int,
    *,
    holders: int,
    repair: bool,
    copied: Wanted | None = None,
    large_objects: bool = True,
) -> list[Finding]:
    """Return what blocks a verification. `holders` is the number of sessions that hold its snapshot;
    `copied` returns those of these tables and sequences that are compared.

    Tables that only the destination has are not read, so need not be readable.
    """

    def common(names: list[str]) -> list[str]:
        query = "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'S')"
        both = sorted(set(names).intersection(row[0] for row in source.execute(query).fetchall())) if names else []
        return copied(both) if copied else both

    facts, other = read_facts(source), read_facts(destination)
    if same := same_database(facts, other, written=False):
        return same
    findings = [
        *sorting(facts, other),
        *check_logins("source", source),
        *check_logins("destination", destination),
        *check_readable("source", source, copied, large_objects=large_objects),
        *check_readable("destination", destination, common, large_objects=large_objects),
    ]
    findings += check_sessions(
        source, destination, jobs, one_server=facts.server == other.server, more=holders, command="verify with"
    )
    locks = (
        *waiting_locks(source, who="a verification"),
        *waiting_locks(destination, "destination", who="a verification"),
    )
    findings += [finding for finding in locks if finding.fatal]
    if repair:
        findings += writable(other)
        write = "repair (INSERT, UPDATE, DELETE) rows of"
        findings += refused_by_table("destination", destination, "unwritable", write, common)
    return findings
