"""Are the servers there, and may a clone begin? Readiness by trying to connect, then findings; a fatal one stops.

What a server would refuse of a schema is tried: see rehearsal.
"""

from replicator.probe.capacity import check_locks, check_sessions
from replicator.probe.catalog import check_catalog, check_memberships, check_roles, strangers
from replicator.probe.choices import STATISTICS_SINCE, check_choices, check_forbidden, check_losses, check_rows
from replicator.probe.destination import check_destination, same_database
from replicator.probe.facts import Facts, measured, read_facts
from replicator.probe.finding import once, refuse
from replicator.probe.known import check_known
from replicator.probe.load import GB
from replicator.probe.pooler import check_direct
from replicator.probe.readiness import answering, wait
from replicator.probe.row_security import check_row_security
from replicator.probe.source import check_source, check_unlogged, waiting_locks
from replicator.probe.verification import check_verification

__all__ = [
    "GB",
    "STATISTICS_SINCE",
    "Facts",
    "answering",
    "check_catalog",
    "check_choices",
    "check_destination",
    "check_direct",
    "check_forbidden",
    "check_known",
    "check_locks",
    "check_losses",
    "check_memberships",
    "check_roles",
    "check_row_security",
    "check_rows",
    "check_sessions",
    "check_source",
    "check_unlogged",
    "check_verification",
    "measured",
    "once",
    "read_facts",
    "refuse",
    "same_database",
    "strangers",
    "wait",
    "waiting_locks",
]
