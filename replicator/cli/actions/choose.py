"""`choose`."""

from dataclasses import asdict
from typing import Any

import click

from replicator import events, library
from replicator.cli.chosen import both, one
from replicator.cli.ending import write_document
from replicator.cli.invocation import Common, Output
from replicator.cli.reported import reported


def run(context: click.Context, output: Output, source: str | None, destination: str | None, **given: Any) -> None:
    """Print what is copied of a source, an object a line, and on stderr what is not."""
    dsn = one("source", source)
    with reported(output, table=False) as emit:
        chosen = library.choose(both(dsn, dsn, **given), on_event=emit)
    if output == "json":
        objects = [asdict(o) for o in chosen.objects]
        write_document(context.ensure_object(Common), objects=objects, left_out=chosen.left_out)
        return
    for o in chosen.objects:
        row = (o.kind, o.name, *("" if n is None else str(n) for n in (o.rows, o.bytes)), o.why)
        click.echo("\t".join(map(events.one_line, row)), color=True)
    for loss in chosen.left_out:
        click.echo(events.one_line(f"Not copied: {loss}"), err=True)
