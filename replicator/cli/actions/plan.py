"""`plan`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from replicator.checks import Facts
from replicator.cli.chosen import both
from replicator.cli.findings import findings_as_lines, refuse_if_blocked
from replicator.cli.invocation import Output
from replicator.cli.plans import plan_as_json, plan_as_lines, plan_as_sql
from replicator.cli.reported import reported
from replicator.cli.summary import totals, totals_as_lines
from replicator.model import Finding
from replicator.runs import create
from replicator.runs.check import preflight
from replicator.runs.plan import plan_copy


def run(script: bool, output: Output, destination: str | None, **given: Any) -> None:
    """Print a plan, and what a clone would refuse. Raises PreflightFailed in that case, after all is said."""
    wanted = both(destination=destination or given["source"], **given)
    facts: dict[str, Facts] = {}
    findings: Sequence[Finding] = ()
    with reported(output, table=False) as emit:
        missing = wanted.create and destination and create.absent(wanted, emit)
        # A database that does not exist cannot be asked what it supports: the plan is for the source's version.
        planned_into = replace(wanted, destination=wanted.source) if missing else wanted
        plan = plan_copy(planned_into, emit)
        if destination and not script:
            facts, findings = preflight(wanted, emit)
    said = "\n".join(finding.text for finding in findings)
    if findings and output != "json" and not script:  # else they would be printed twice
        losses, excluded = (
            tuple(loss for loss in some if loss.what not in said) for some in (plan.losses, plan.excluded)
        )
        plan = replace(plan, losses=losses, excluded=excluded)
    jobs = wanted.lanes["copy"]
    size = facts["source"].size if facts else 0
    if script:
        click.echo(plan_as_sql(plan))
    elif output == "json":
        click.echo(plan_as_json(plan, totals(plan, jobs, size), findings))
    else:
        told = [*plan_as_lines(plan), "", *totals_as_lines(totals(plan, jobs, size), jobs, whole=bool(size))]
        told += findings_as_lines(findings)
        if facts and not any(finding.fatal for finding in findings):
            told.append("Nothing stands in the way.")
        # color: click takes what looks like a terminal's control sequence out of what goes to a file.
        click.echo("\n".join(told), color=True)
    refuse_if_blocked(findings, "this clone")
