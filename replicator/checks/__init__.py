"""Before the first write: do the servers answer, and does anything block a clone? A fatal finding stops it.

Whether the destination accepts the schema is tried in a transaction that is rolled back: see dry_run.
"""

from replicator.checks.capacity import check_locks, check_sessions
from replicator.checks.catalog import check_catalog, check_memberships, check_roles, inaccessible_owners
from replicator.checks.choices import STATISTICS_SINCE, check_choices, check_forbidden, check_losses, check_rows
from replicator.checks.destination import check_destination, same_database
from replicator.checks.facts import Facts, measured, read_facts
from replicator.checks.finding import once, refuse
from replicator.checks.known import check_known
from replicator.checks.load import GB
from replicator.checks.pooler import check_direct
from replicator.checks.readiness import answering, wait
from replicator.checks.row_security import check_row_security
from replicator.checks.source import check_readable, check_source, check_unlogged, waiting_locks
from replicator.checks.verification import check_verification

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
    "check_readable",
    "check_roles",
    "check_row_security",
    "check_rows",
    "check_sessions",
    "check_source",
    "check_unlogged",
    "check_verification",
    "inaccessible_owners",
    "measured",
    "once",
    "read_facts",
    "refuse",
    "same_database",
    "wait",
    "waiting_locks",
]
