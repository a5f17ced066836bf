"""`check`: report what would block a clone, and what is worth knowing. Nothing is written."""

from dataclasses import replace

from replicator import checks
from replicator.events import Emit
from replicator.model import Finding
from replicator.runs import create, swap
from replicator.runs.connect import wait_for_both
from replicator.runs.endpoints import open_both
from replicator.runs.mode import mode_of
from replicator.runs.prepare import examine
from replicator.settings import Settings


def preflight(settings: Settings, emit: Emit) -> tuple[dict[str, checks.Facts], list[Finding]]:
    """Return the facts of both servers, and all findings: what blocks a clone, and what is worth knowing.

    With --create and no destination database yet, return what can be checked on its server without it.
    """
    beside = create.absent(settings, emit) if settings.create else None
    target = settings
    if settings.replace == "swap":  # the copy is made in a database that is still to be created
        beside = create.maintenance(settings, emit)
        target = replace(settings, destination=swap.incoming_dsn(settings.destination), create=True)
    opened = replace(target, destination=beside or settings.destination, resume="no")
    with wait_for_both(opened, emit) as waited, open_both(opened, waited, claim=False) as ends:
        conns = {"source": ends.snapshot.holder, "destination": ends.control.conn}
        facts = {side: checks.measured(waited.facts[side], conn) for side, conn in conns.items()}
        findings: list[Finding] = []
        if settings.replace == "swap":
            findings += swap.obstacles(ends.snapshot.holder, ends.control.conn, settings)
        if beside and not any(finding.fatal for finding in findings):
            facts["destination"] = create.as_created(facts["source"], facts["destination"], settings)
        found = examine(ends, target, emit, replacing=mode_of(settings).drops, absent=beside is not None).findings
        return facts, checks.once([*findings, *found])
