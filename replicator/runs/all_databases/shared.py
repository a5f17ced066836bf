"""What all databases of a server share: roles, their settings and memberships, privileges on parameters, tablespaces.

It is not in any journal: roles are created in one transaction, and what exists is not created again.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from replicator import checks, events
from replicator.cluster import server
from replicator.cluster.read import held, refusals
from replicator.events import Emit
from replicator.model import CreateTablespace, Execute, Finding, Step
from replicator.runs.connect import refuse_or_note
from replicator.sessions import failures
from replicator.sessions.failures import naming
from replicator.sessions.postgres import Connection
from replicator.settings import Settings


def prepared(
    source: Connection, destination: Connection, settings: Settings
) -> tuple[list[Step], list[Finding], list[str]]:
    """Return the steps that create what the destination lacks, what blocks them, and what they leave out, as agreed."""
    wanted, findings = server.everything(source, destination, settings)
    (steps,), losses = held(source, destination, wanted)
    version = source.info.server_version // 10000
    refused = refusals(destination, steps)
    if settings.skip_unprivileged:
        names = {finding.object for finding in refused}
        steps = [step for step in steps if step.name not in names]
        refused = [replace(finding, fatal=False) for finding in refused]
    left_out = [*(str(loss) for loss in losses if loss.fatal), *(f.text for f in refused)]
    unfit = checks.check_losses(losses, destination, version, agreed=settings.downgrade)
    return steps, [*findings, *unfit, *refused], left_out


def create(source: Connection, destination: Connection, settings: Settings, emit: Emit) -> None:
    """Create what the destination lacks. Raises PreflightFailed before anything is written, StepFailed."""
    steps, findings, left_out = prepared(source, destination, settings)
    refuse_or_note(findings, emit)
    for text in left_out:
        emit(events.left_out(text))
    if steps:
        emit(events.Planned(dict(Counter(step.phase for step in steps)), 0))
    with destination.transaction():
        for step in steps:
            if isinstance(step.work, Execute):
                _do(step, step.work.statements, destination, emit)
    for step in steps:
        if isinstance(step.work, CreateTablespace):
            with naming(step), failures.on("destination"):
                server.create_tablespace(destination, step.work)  # which cannot be in a transaction
            _do(step, step.work.then, destination, emit)


def _do(step: Step, statements: Iterable[str], destination: Connection, emit: Emit) -> None:
    emit(events.Started(step.name, step.phase, 0, 0))
    began = time.monotonic()
    with naming(step), failures.on("destination"):
        for statement in statements:
            destination.execute(statement)
    emit(events.Done(step.name, step.phase, 0, time.monotonic() - began, 0, 0))
