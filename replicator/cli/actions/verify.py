"""`verify`."""

import sys
from typing import Any

import click
from rich.console import Console

from replicator import library
from replicator.cli.chosen import both
from replicator.cli.differences import difference_as_data
from replicator.cli.ending import write_document
from replicator.cli.invocation import Common, Output
from replicator.cli.plans import mending_as_sql
from replicator.cli.reported import reported
from replicator.cli.streams import say
from replicator.errors import VerificationFailed


def run(script: bool, output: Output, **given: Any) -> None:
    """Compare both databases, show what differs, and raise VerificationFailed for what still does."""
    wanted = both(**given)
    with reported(output, table=False) as emit:
        result = library.verify(wanted, on_event=emit)
    mismatches = result.differences
    left = [str(mismatch) for mismatch in mismatches if not mismatch.repaired]
    error = VerificationFailed(left) if left else None
    common = click.get_current_context().ensure_object(Common)
    if script:
        common.documented = True
        click.echo(mending_as_sql(mismatches))
    elif output == "json":
        differences = list(map(difference_as_data, mismatches))
        write_document(common, error, servers=common.servers, differences=differences)
    else:
        coloured = output == "auto" and sys.stdout.isatty() and not Console().no_color
        lines = [line for mismatch in mismatches for line in mismatch.lines(wanted.show_rows, coloured=coloured)]
        say("\n".join(lines) or "No differences.", color=coloured or None)
    if error:
        raise error
