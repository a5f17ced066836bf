"""`clone`, and `validate`, which ends what it deferred."""

from typing import Any

import click

from replicator import checks
from replicator.cli.chosen import both, one
from replicator.cli.invocation import Common, Output
from replicator.cli.reported import reported
from replicator.runs.clone import clone
from replicator.runs.status import ABSENT
from replicator.runs.validate import validate


def run(output: Output, **given: Any) -> None:
    """Copy."""
    wanted = both(**given)
    with reported(output) as emit:
        verified = clone(wanted, emit).verified
    if output != "json":
        complete = "The copy is complete and verified" if verified else "The copy is complete"
        if left := click.get_current_context().ensure_object(Common).deferred():
            click.echo(left)
            complete = f"But for that, {complete[0].lower()}{complete[1:]}"
        _echo_complete(complete)


def run_validate(
    output: Output,
    source: str | None,
    destination: str | None,
    wait_attempts: int,
    wait_delay: float,
    jobs: int,
    maintenance_work_mem: int | None,
    retry_seconds: float,
) -> None:
    """Do what was deferred."""
    dsn = one("destination", destination)
    with reported(output) as emit:
        checks.wait("destination", dsn, attempts=wait_attempts, delay=wait_delay, emit=emit, absent=ABSENT)
        done = validate(dsn, emit, jobs=jobs, memory=maintenance_work_mem, retry_seconds=retry_seconds)
    if output != "json" and done is None:
        click.echo("Nothing was deferred: there is no journal.")
    elif output != "json":
        _echo_complete("The copy is complete")


def _echo_complete(complete: str) -> None:
    """Say that a copy is complete, and what it lacks all the same."""
    left_out = click.get_current_context().ensure_object(Common).left_out
    click.echo("\n".join([f"{complete}, but for what was left out:", *left_out] if left_out else [f"{complete}."]))
