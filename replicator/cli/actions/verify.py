"""`verify`."""

import sys
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console

from replicator import library
from replicator.cli.chosen import both
from replicator.cli.invocation import Output
from replicator.cli.plans import mending_as_sql
from replicator.cli.reported import reported
from replicator.errors import VerificationFailed
from replicator.sessions.postgres import describe
from replicator.show.document import document


def run(script: bool, output: Output, **given: Any) -> None:
    """Compare both databases, show what differs, and raise VerificationFailed for what still does."""
    wanted = both(**given)
    with reported(output, table=False) as emit:
        result = library.verify(wanted, on_event=emit)
    mismatches = result.differences
    if script:
        click.echo(mending_as_sql(mismatches))
    elif output == "json":
        unrepaired = any(not mismatch.repaired for mismatch in mismatches)
        found = [asdict(mismatch.public()) for mismatch in mismatches]
        code = VerificationFailed.exit_code if unrepaired else 0
        servers = {side: {"where": describe(getattr(wanted, side))} for side in ("source", "destination")}
        click.echo(document("verify", ok=not unrepaired, servers=servers, differences=found, exit_code=code))
    else:
        coloured = output == "auto" and sys.stdout.isatty() and not Console().no_color
        lines = [line for mismatch in mismatches for line in mismatch.lines(wanted.show_rows, coloured=coloured)]
        click.echo("\n".join(lines) or "No differences.", color=coloured or None)
    if left := [str(mismatch) for mismatch in mismatches if not mismatch.repaired]:
        raise VerificationFailed(left)
