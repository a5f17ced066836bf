"""`check`."""

from typing import Any

import click

from replicator import checks
from replicator.cli.chosen import both, of_clone, one
from replicator.cli.findings import findings_as_data, findings_as_lines, plain, refuse_if_blocked
from replicator.cli.invocation import Output
from replicator.cli.reported import reported
from replicator.errors import UsageError
from replicator.events import size_text
from replicator.model import Finding
from replicator.runs.check import preflight
from replicator.show.document import document


def run(context: click.Context, output: Output, source: str | None, destination: str | None, **given: Any) -> None:
    """Print what the servers are and, of two, what blocks a clone. Raises PreflightFailed then."""
    if not source and not destination:
        one("source", source)
    wanted = {name: one(name, dsn) for name, dsn in (("source", source), ("destination", destination)) if dsn}
    waiting = {"attempts": given["wait_attempts"], "delay": given["wait_delay"]}
    if len(wanted) == 1 and (unread := of_clone(context)):
        raise UsageError(f"{', '.join(unread)} would have no effect: name both databases.")
    findings: list[Finding] = []
    with reported(output, table=False) as emit:
        if len(wanted) == 2:
            found, findings = preflight(both(source, destination, **given), emit)
        else:
            found = {name: checks.wait(name, dsn, emit=emit, **waiting) for name, dsn in wanted.items()}
    if output == "json":
        facts = {server: plain(facts) for server, facts in found.items()}
        click.echo(document("check", **facts, **({"findings": findings_as_data(findings)} if len(wanted) == 2 else {})))
    else:
        for server, f in found.items():
            click.echo(
                f"{server}: PostgreSQL {f.version}, database {f.database}, {size_text(f.size)}, {f.encoding},"
                f" {f.collation}, user {f.user}" + (", standby" if f.standby else "")
            )
        click.echo("\n".join(findings_as_lines(findings)), nl=bool(findings))
    refuse_if_blocked(findings, "a clone")
    if len(wanted) == 2 and output != "json":
        click.echo("Nothing stands in the way.")
