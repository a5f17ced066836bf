"""`check`: report what would block a clone, and what is worth knowing. Nothing is written."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import NamedTuple

import psycopg

from replicator import checks, events
from replicator.checks.dry_run import Rehearsal
from replicator.events import Emit
from replicator.model import Finding, Plan
from replicator.runs import create, swap
from replicator.runs.connect import wait_for_both
from replicator.runs.endpoints import Endpoints, open_both
from replicator.runs.mode import mode_of
from replicator.runs.plan import plan_of
from replicator.runs.prepare import Examined, examine
from replicator.runs.reading import READING, content, read_stable
from replicator.sessions import postgres
from replicator.settings import Settings


class Found(NamedTuple):
    """The facts of both servers, and all findings: what blocks a clone, and what is worth knowing."""

    facts: dict[str, checks.Facts]
    findings: list[Finding]
    untried: bool
    """The schema, or a part of it, was not tried on the destination; a note says why."""


def preflight(settings: Settings, emit: Emit) -> Found:
    """Return the facts of both servers, and all findings.

    With --create and no destination database yet, return what can be checked on its server without it.
    """
    with _examined(settings, emit) as (_, facts, examined, _):
        return Found(facts, examined.findings, examined.untried)


def preflight_and_plan(settings: Settings, emit: Emit) -> tuple[Plan, Found]:
    """Return what a clone would do, and what `preflight` returns. The source's catalogs are read once."""
    with _examined(settings, emit) as (ends, facts, examined, beside):
        selected = examined.selected
        if not selected:
            with events.saying(emit, READING):
                selected = content(ends.snapshot.holder, read_stable(ends, settings), settings, ends.control.conn)
        tried = examined.tried or (Rehearsal() if beside else None)  # another database is not the one to try it in
        plan = plan_of(selected, ends.snapshot.holder, ends.control.conn, settings, emit, tried)
        return plan, Found(facts, examined.findings, examined.untried)


@contextmanager
def _examined(settings: Settings, emit: Emit) -> Iterator[tuple[Endpoints, dict[str, checks.Facts], Examined, bool]]:
    """Open both databases and examine them.

    The last value: whether a clone would copy into a database still to be created. Another one of its server is open.
    """
    beside = create.absent(settings, emit) if settings.create else None
    target = settings
    if settings.replace == "swap":  # the copy is made in a database that is still to be created
        beside = create.maintenance(settings, emit)
        target = replace(settings, destination=swap.incoming_dsn(settings.destination), create=True)
    opened = replace(target, destination=beside or settings.destination, resume="no")

    def named(event: events.Event) -> None:
        if beside and isinstance(event, events.Ready) and event.server == "destination":
            event = replace(event, where=postgres.described_as(event.where, settings.destination))
        emit(event)

    with wait_for_both(opened, named) as waited, open_both(opened, waited, claim=False) as ends:
        conns = {"source": ends.snapshot.holder, "destination": ends.control.conn}
        facts = {side: checks.measured(waited.facts[side], conn) for side, conn in conns.items()}
        findings: list[Finding] = []
        if settings.replace == "swap":
            findings += swap.obstacles(ends.snapshot.holder, ends.control.conn, settings)
        if beside:
            facts["destination"] = _replaced(settings) or create.as_created(
                facts["source"], facts["destination"], settings
            )
        examined = examine(ends, target, emit, replacing=mode_of(settings).drops, absent=beside is not None)
        found = checks.once([*findings, *examined.findings])
        yield ends, facts, examined._replace(findings=found), beside is not None


def _replaced(settings: Settings) -> checks.Facts | None:
    """Return the facts of the database that --replace swap replaces; None if it does not exist."""
    if settings.replace == "swap":
        with suppress(psycopg.OperationalError), postgres.connect(settings.destination, application="probe") as conn:
            return checks.measured(checks.read_facts(conn), conn)
    return None
