"""`plan`."""

from dataclasses import replace
from typing import Any

import click

from replicator import library
from replicator.cli.chosen import both
from replicator.cli.ending import write_document
from replicator.cli.findings import blocked_by, findings_as_data, findings_as_lines, nothing_found
from replicator.cli.invocation import Common, Output
from replicator.cli.plans import plan_as_data, plan_as_lines, plan_as_sql
from replicator.cli.reported import reported
from replicator.cli.streams import say
from replicator.cli.summary import totals, totals_as_lines
from replicator.model import shown


def run(script: bool, output: Output, destination: str | None, **given: Any) -> None:
    """Print a plan, and what a clone would refuse. Raises PreflightFailed in that case, after all is said."""
    wanted = both(destination=destination or given["source"], **given)
    with reported(output, table=False) as emit:
        planned = library.plan(wanted, checked=bool(destination) and not script, on_event=emit)
    plan, facts, findings = planned.plan, planned.servers, planned.findings
    said = "\n".join(finding.text for finding in findings)
    if findings and output != "json" and not script:  # else they would be printed twice
        losses, excluded = (
            tuple(loss for loss in some if shown(loss.what) not in said) for some in (plan.losses, plan.excluded)
        )
        plan = replace(plan, losses=losses, excluded=excluded)
    jobs = wanted.lanes["copy"]
    size = facts["source"].size if facts and not wanted.chooses else 0
    blocked = blocked_by(findings, "this clone")
    common = click.get_current_context().ensure_object(Common)
    if script:
        common.documented = True
        click.echo(plan_as_sql(plan))
    elif output == "json":
        data = plan_as_data(plan) | ({"tried": not planned.untried} if facts else {})
        write_document(common, blocked, **data, totals=totals(plan, jobs, size), findings=findings_as_data(findings))
    else:
        told = [*plan_as_lines(plan), "", *totals_as_lines(totals(plan, jobs, size), jobs, whole=bool(size))]
        told += findings_as_lines(findings)
        if facts and not planned.blocked:
            told.append(nothing_found(untried=planned.untried))
        # color: click takes what looks like a terminal's control sequence out of what goes to a file.
        say("\n".join(told), color=True)
    if blocked:
        raise blocked
