"""Whether the destination can do what the user chose, and hold what the source has."""

from collections.abc import Iterable

from replicator.model import Loss, Statistics
from replicator.postgres import Connection
from replicator.probe.finding import Finding

STATISTICS_SINCE = 180000


def check_choices(
    destination: Connection, statistics: Statistics | None, toast_compression: str | None
) -> list[Finding]:
    """Return what of the user's choices the destination cannot do."""
    version = str(destination.info.parameter_status("server_version"))
    findings = []
    if statistics is Statistics.TRANSFER and destination.info.server_version < STATISTICS_SINCE:
        findings.append(
            Finding(
                f"The destination, PostgreSQL {version}, cannot take statistics over: 18 and newer can.",
                "Use --statistics analyze.",
            )
        )
    if toast_compression:
        known = destination.execute(
            "SELECT %s = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'", [toast_compression]
        ).fetchall()
        if known != [(True,)]:
            why = "was built without it" if known else "has no such choice: 14 and newer have"
            findings.append(
                Finding(
                    f"The destination cannot compress with {toast_compression}: PostgreSQL {version} {why}.",
                    "Leave --toast-compression out.",
                )
            )
    return findings


def check_losses(losses: Iterable[Loss], destination: Connection, *, agreed: bool) -> list[Finding]:
    """Return what the destination cannot hold: a note for each, and what stands in the way unless that was agreed to.

    What is said of a built-in object that the destination does not have stands in nobody's way.
    """
    losses = sorted(losses, key=lambda loss: (loss.rows is None, not loss.whole))
    version = destination.info.server_version // 10000
    findings = [Finding(f"PostgreSQL {version} has no place for it: {loss}", "", fatal=False) for loss in losses]
    fatal = [str(loss) for loss in losses if loss.fatal]
    if fatal and not agreed:
        return [
            Finding(
                f"The destination, PostgreSQL {version}, cannot hold these things of the source: " + "; ".join(fatal),
                "Clone with --downgrade, which leaves out what is listed, or into a newer server.",
            )
        ]
    return findings
