"""`status`, and `clean`, which removes what it tells of."""

from typing import Any

import click

from replicator import events, library
from replicator.cli.chosen import one, waiting
from replicator.cli.findings import plain
from replicator.cli.invocation import Output
from replicator.cli.left import open_as_lines, some
from replicator.cli.reported import reported
from replicator.errors import StepFailed
from replicator.events import size_text
from replicator.show.document import document


def run(context: click.Context, output: Output, destination: str | None, **given: Any) -> None:
    """Say how far an unfinished clone got."""
    dsn = one("destination", destination)
    with reported(output, table=False) as emit:
        status = library.status(dsn, **waiting(**given), on_event=emit)
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


def run_clean(output: Output, destination: str | None, **given: Any) -> None:
    """Remove what an unfinished clone left."""
    dsn = one("destination", destination)
    with reported(output, table=False) as emit:
        dropped = library.clean(dsn, **waiting(**given), on_event=emit)
    if output == "json":
        told = None if dropped is None else (dropped.total(), dict(dropped))
        click.echo(document("clean", **dict(zip(("dropped", "kinds"), told or (None, None), strict=True))))
    elif dropped is None:
        click.echo("Nothing to clean: there is no journal.")
    else:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(dropped.items()))
        click.echo(f"Removed {dropped.total():,} objects{f': {kinds}' if kinds else ''}.")
