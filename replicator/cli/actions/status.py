"""`status`, and `clean`, which removes what it tells of."""

import click

from replicator import checks, events
from replicator.cli.chosen import one
from replicator.cli.findings import plain
from replicator.cli.invocation import Output
from replicator.cli.left import open_as_lines, some
from replicator.cli.reported import reported
from replicator.errors import StepFailed
from replicator.events import size_text
from replicator.runs.status import ABSENT, clean_up, unfinished_clone
from replicator.show.document import document


def run(
    context: click.Context,
    output: Output,
    source: str | None,
    destination: str | None,
    wait_attempts: int,
    wait_delay: float,
) -> None:
    """Say how far an unfinished clone got."""
    dsn = one("destination", destination)
    with reported(output, table=False) as emit:
        checks.wait("destination", dsn, attempts=wait_attempts, delay=wait_delay, emit=emit, absent=ABSENT)
        status = unfinished_clone(dsn)
    if output == "json":
        click.echo(document("status", unfinished_clone=status is not None, **(plain(status) if status else {})))
    elif status is None:
        click.echo("No unfinished clone: there is no journal.")
    elif status.open:
        click.echo("\n".join(open_as_lines(status)))
    else:
        running = status.state == "running" and status.alive
        state = "running" if running else "killed" if status.state == "running" else status.state
        begun = f"begun {status.started:%Y-%m-%d %H:%M:%S %Z}: {state}."
        click.echo(events.one_line(f'Unfinished clone from {status.source} into "{status.database}", {begun}'))
        click.echo(f"{status.done} of {status.steps} steps are done, {status.rows:,} rows, {size_text(status.bytes)}.")
        named = some(status.unfinished, "not done")
        last = [] if running else [status.way_on]
        click.echo("\n".join([*([events.one_line(status.error)] if status.error else []), *named, *last]))
    if status:
        context.exit(StepFailed.exit_code)


def run_clean(
    output: Output, source: str | None, destination: str | None, wait_attempts: int, wait_delay: float
) -> None:
    """Remove what an unfinished clone left."""
    dsn = one("destination", destination)
    with reported(output, table=False) as emit:
        checks.wait("destination", dsn, attempts=wait_attempts, delay=wait_delay, emit=emit, absent=ABSENT)
        dropped = clean_up(dsn, emit)
    if output == "json":
        told = None if dropped is None else (dropped.total(), dict(dropped))
        click.echo(document("clean", **dict(zip(("dropped", "kinds"), told or (None, None), strict=True))))
    elif dropped is None:
        click.echo("Nothing to clean: there is no journal.")
    else:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(dropped.items()))
        click.echo(f"Removed {dropped.total():,} objects{f': {kinds}' if kinds else ''}.")
