"""`check`: what a clone would find in its way, or worth knowing. Nothing is written."""

from dataclasses import replace

from replicator import checks
from replicator.events import Emit
from replicator.model import Finding
from replicator.runs import create
from replicator.runs.connect import wait_for_both
from replicator.runs.endpoints import open_both
from replicator.runs.prepare import examine
from replicator.settings import Settings


def preflight(settings: Settings, emit: Emit) -> tuple[dict[str, checks.Facts], list[Finding]]:
    """Return what both servers are, and all that a clone would find in its way, or worth knowing; write nothing.

    Where --create is to make the destination, all that its server tells while it is not there.
    """
    beside = create.absent(settings, emit) if settings.create else None
    opened = replace(settings, destination=beside or settings.destination, resume="no")
    with wait_for_both(opened, emit) as waited, open_both(opened, waited, claim=False) as ends:
        conns = {"source": ends.snapshot.holder, "destination": ends.control.conn}
        facts = {side: checks.measured(waited.facts[side], conn) for side, conn in conns.items()}
        if beside:
            facts["destination"] = create.as_created(facts["source"], facts["destination"], settings)
        replacing = settings.replace == "drop"
        return facts, examine(ends, settings, emit, replacing=replacing, absent=beside is not None).findings
