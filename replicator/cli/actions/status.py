"""`status`, and `clean`, which removes what it tells of."""

from typing import Any

import click

from replicator import events, library
from replicator.cli.chosen import one, waiting
from replicator.cli.ending import write_document
from replicator.cli.findings import plain
from replicator.cli.invocation import Common, Output
from replicator.cli.left import open_as_lines, some
from replicator.cli.reported import reported
from replicator.cli.streams import say
from replicator.errors import StepFailed
from replicator.events import size_text
from replicator.model.words import counted_kind


def run(context: click.Context, output: Output, destination: str | None, **given: Any) -> None:
    """Say how far an unfinished clone got."""
    dsn = one("destination", destination)
    with reported(output, table=False) as emit:
        status = library.status(dsn, **waiting(**given), on_event=emit)
    if output == "json":
        code = StepFailed.exit_code if status else 0
        fields = plain(status) if status else {}
        if status:
            fields["last_error"] = fields.pop("error")  # the clone's, not this command's
        common = context.ensure_object(Common)
        write_document(common, **{"unfinished_clone": status is not None, "exit_code": code} | fields)
    elif status is None:
        say("No unfinished clone: there is no journal.")
    elif status.open:
        say("\n".join(open_as_lines(status)))
    else:
        running = status.state == "running" and status.alive
        state = "running" if running else "killed" if status.state == "running" else status.state
        begun = f", begun {status.started:%Y-%m-%d %H:%M:%S %Z}" if status.started else ""
        source = f" from {status.source}" if status.source else ""
        say(events.one_line(f'Unfinished clone{source} into "{status.database}"{begun}: {state}.'))
        say(f"{status.done} of {status.steps} steps are done, {status.rows:,} rows, {size_text(status.bytes)}.")
        named = some(status.unfinished, "not done")
        last = [] if running else [status.way_on]
        say("\n".join([*([events.one_line(status.error)] if status.error else []), *named, *last]))
    if status:
        context.exit(StepFailed.exit_code)


def run_clean(output: Output, destination: str | None, **given: Any) -> None:
    """Remove what an unfinished clone left."""
    dsn = one("destination", destination)
    with reported(output, table=False) as emit:
        dropped = library.clean(dsn, **waiting(**given), on_event=emit)
    if output == "json":
        dropped_by_kind = None if dropped is None else dict(dropped)
        total = None if dropped is None else dropped.total()
        write_document(click.get_current_context().ensure_object(Common), dropped=total, kinds=dropped_by_kind)
    elif dropped is None:
        say("Nothing to clean: there is no journal.")
    else:
        kinds = ", ".join(counted_kind(count, kind.replace(" ", "_")) for kind, count in sorted(dropped.items()))
        say(f"Removed {dropped.total():,} objects{f': {kinds}' if kinds else ''}.")
