"""`suggest-masks`."""

from typing import Any

import click

from replicator import library
from replicator.cli.chosen import both, one
from replicator.cli.ending import write_document
from replicator.cli.invocation import Common, Output
from replicator.cli.reported import reported


def run(context: click.Context, output: Output, source: str | None, destination: str | None, **given: Any) -> None:
    """Print the part of a definition that masks what looks personal."""
    dsn = one("source", source)
    with reported(output, table=False) as emit:
        suggested = library.suggest_masks(both(dsn, dsn, **given), on_event=emit)
    if output == "json":
        found = suggested.columns
        columns = [
            {
                "table": str(s.table),
                "column": s.column,
                "mask": s.rule.mask,
                "options": dict(s.rule.options),
                "why": s.why,
            }
            for s in found
        ]
        write_document(context.ensure_object(Common), columns=columns)
    elif suggested.columns:
        click.echo(suggested.toml, color=True)
    else:
        click.echo("No column looks personal that the definition does not name.", err=True)
