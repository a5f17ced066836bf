"""Are the servers there, and may a clone begin? Readiness by trying to connect, then findings; a fatal one stops."""

from replicator.postgres import Connection
from replicator.probe import destination as there
from replicator.probe import source as here
from replicator.probe.catalog import check_catalog
from replicator.probe.choices import STATISTICS_SINCE, check_choices, check_losses
from replicator.probe.facts import Facts, read_facts
from replicator.probe.finding import Finding, refuse
from replicator.probe.load import GB
from replicator.probe.readiness import wait

__all__ = [
    "GB",
    "STATISTICS_SINCE",
    "Facts",
    "Finding",
    "check",
    "check_catalog",
    "check_choices",
    "check_losses",
    "read_facts",
    "refuse",
    "wait",
]


def check(source: Connection, destination: Connection, *, resuming: bool = False) -> list[Finding]:
    """Return all that stands in the way of copying `source` into `destination`, and what is worth knowing.

    `resuming`: what an earlier run left is wanted.
    """
    facts, other = read_facts(source), read_facts(destination)
    findings = [*there.same(facts, other), *there.state(other), *there.encodings(facts, other)]
    findings += [*here.unreadable(source), *here.left_out(source)]
    if not resuming:
        findings += there.leftovers(destination)
    if not resuming and not any(f.fatal for f in findings):
        findings += there.occupied(destination)
    return findings
