"""`check`."""

from typing import Any, Literal

import click

from replicator import library
from replicator.cli.chosen import both, of_clone, one, waiting
from replicator.cli.ending import write_document
from replicator.cli.findings import blocked_by, findings_as_data, findings_as_lines, nothing_found, plain
from replicator.cli.invocation import Common, Output
from replicator.cli.reported import reported
from replicator.cli.streams import say
from replicator.errors import UsageError
from replicator.events import size_text
from replicator.settings import Settings


def run(context: click.Context, output: Output, source: str | None, destination: str | None, **given: Any) -> None:
    """Print what the servers are and, of two, what blocks a clone. Raises PreflightFailed then."""
    if not source and not destination:
        one("source", source)
    only: Literal["source", "destination"] | None = None
    if not source or not destination:
        only = "source" if source else "destination"
        source = destination = one(only, source or destination)
    if only and (unread := of_clone(context)):
        raise UsageError(f"{', '.join(unread)} would have no effect: name both databases.")
    wanted = Settings(source, destination, **waiting(**given)) if only else both(source, destination, **given)
    with reported(output, table=False) as emit:
        checked = library.check(wanted, only=only, on_event=emit)
    found, findings = checked.servers, checked.findings
    blocked = blocked_by(findings, "a clone")
    if output == "json":
        facts = {server: plain(facts) for server, facts in found.items()}
        tried = {} if only else {"tried": not checked.untried}
        write_document(context.ensure_object(Common), blocked, **facts, **tried, findings=findings_as_data(findings))
    else:
        for server, f in found.items():
            say(
                f"{server}: PostgreSQL {f.version}, database {f.database}, {size_text(f.size)}, {f.encoding},"
                f" {f.collation}, user {f.user}" + (", standby" if f.standby else "")
            )
        if findings:
            say("\n".join(findings_as_lines(findings)))
    if blocked:
        raise blocked
    if not only and output != "json":
        say(nothing_found(untried=checked.untried))
