"""`plan`."""

from typing import Any

import click

from replicator.cli.chosen import both
from replicator.cli.invocation import Output
from replicator.cli.plans import plan_as_json, plan_as_lines, plan_as_sql
from replicator.cli.reported import reported
from replicator.runs.plan import plan_copy


def run(script: bool, output: Output, destination: str | None, **given: Any) -> None:
    """Print a plan."""
    wanted = both(destination=destination or given["source"], **given)
    with reported(output, table=False) as emit:
        plan = plan_copy(wanted, emit)
    if script:
        click.echo(plan_as_sql(plan))
    elif output == "json":
        click.echo(plan_as_json(plan))
    else:
        # color: click takes what looks like a terminal's control sequence out of what goes to a file.
        click.echo("\n".join(plan_as_lines(plan)), color=True)
