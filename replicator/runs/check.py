"""`check`: report what would block a clone, and what is worth knowing. Nothing is written."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from replicator import checks, events
from replicator.catalog.choose import chosen
from replicator.events import Emit
from replicator.model import Finding, Plan
from replicator.runs import create, swap
from replicator.runs.connect import answering, wait_for_both
from replicator.runs.endpoints import Endpoints, open_both
from replicator.runs.mode import mode_of
from replicator.runs.plan import plan_of
from replicator.runs.prepare import Examined, examine
from replicator.runs.reading import READING, read_stable
from replicator.settings import Settings

Found = tuple[dict[str, checks.Facts], list[Finding]]
"""The facts of both servers, and all findings: what blocks a clone, and what is worth knowing."""


def preflight(settings: Settings, emit: Emit) -> Found:
    """Return the facts of both servers, and all findings.

    With --create and no destination database yet, return what can be checked on its server without it.
    """
    with _examined(settings, emit) as (_, facts, examined, _):
        return facts, examined.findings


def preflight_and_plan(settings: Settings, emit: Emit) -> tuple[Plan, Found]:
    """Return what a clone would do, and what `preflight` returns. The source's catalogs are read once."""
    with _examined(settings, emit) as (ends, facts, examined, absent), ExitStack() as stack:
        selected = examined.selected
        if not selected:
            with events.saying(emit, READING):
                selected = chosen(read_stable(ends, settings), settings)
        destination = None if absent else ends.control.conn
        if destination and settings.replace == "swap":  # the new copy's database does not exist: try it in the old one
            destination, *_ = stack.enter_context(answering("destination", settings.destination, settings, emit))
        plan = plan_of(selected, ends.snapshot.holder, destination, settings, emit, examined.tried)
        return plan, (facts, examined.findings)


@contextmanager
def _examined(settings: Settings, emit: Emit) -> Iterator[tuple[Endpoints, dict[str, checks.Facts], Examined, bool]]:
    """Open both databases and examine them. The last value: whether --create has to create the destination."""
    beside = create.absent(settings, emit) if settings.create else None
    absent = beside is not None
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
        examined = examine(ends, target, emit, replacing=mode_of(settings).drops, absent=beside is not None)
        yield ends, facts, examined._replace(findings=checks.once([*findings, *examined.findings])), absent
