"""The commands: each turns its options into a call of the library, and what comes back into words or JSON."""

import functools
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console

from replicator import __version__, checks, events
from replicator.cli.choices import DEFER
from replicator.cli.findings import findings_as_data, findings_as_lines, plain
from replicator.cli.left import open_as_lines, some
from replicator.cli.options import (
    COMPARE_DATA_ONLY,
    CONNECTIONS,
    COPYING,
    DEBUG,
    FOREIGN_KEYS,
    FORMAT,
    GLOBALS,
    HOLD,
    JOBS,
    LOCK_TIMEOUT,
    MAX_RATE,
    MEMORY,
    MOVING,
    OUTPUT,
    REPAIR,
    REPLACING,
    RESUME,
    RETRY,
    SHOW_ROWS,
    SKIP_FAILED_REFRESH,
    SPLIT,
    STATISTICS,
    TOAST_COMPRESSION,
    VERIFY,
    Commands,
    Common,
    Output,
    both,
    of_clone,
    one,
    options,
)
from replicator.cli.plans import mending_as_sql, plan_as_json, plan_as_lines, plan_as_sql
from replicator.cli.topics import help_command
from replicator.errors import PreflightFailed, StepFailed, UsageError, VerificationFailed
from replicator.events import Emit, size_text
from replicator.model import Finding
from replicator.runs.check import preflight
from replicator.runs.clone import clone
from replicator.runs.hold import hold
from replicator.runs.plan import plan_copy
from replicator.runs.repair import verify_or_mend
from replicator.runs.status import clean_up, look
from replicator.runs.validate import validate
from replicator.secrets import of_traceback
from replicator.sessions import watchdog
from replicator.show.progress import progress
from replicator.show.report import Report

ABSENT = "There is no such database, and so no unfinished clone in it. Is its name correct?"
WHOSE_CODE = """Whose code runs: users of either database who are no superusers cannot have this program call what they
made by a name, a cast, a view, a rule or a trigger. But servers run checks, domains, generated columns and expressions
of indexes as whoever reads or writes: where you do not trust the owners of tables, connect as a role without superuser
rights. The source's superuser can put code into the copy, as with pg_dump; a network without TLS can change it.
.github/SECURITY.md lists it all.
"""


@click.group(
    cls=Commands, epilog=WHOSE_CODE, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="replicator")
def cli() -> None:
    """Copy a PostgreSQL database into another server: schema, data, verification; no client tools needed.

    Without a command and with both databases given, this is `clone`.
    """


class Masking(logging.Formatter):
    """Formats what is logged, by the driver as well, without what may be secret."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line, and its traceback."""
        return of_traceback(super().format(record))


@contextmanager
def reported(output: Output, *, table: bool = True) -> Iterator[Emit]:
    """Show progress on stderr and, at the end, the report on stdout, differences included; whatever becomes of it."""
    common = click.get_current_context().ensure_object(Common)
    if common.debug:
        log = logging.StreamHandler(sys.stderr)
        log.setFormatter(Masking(logging.BASIC_FORMAT))
        logging.basicConfig(level=logging.DEBUG, handlers=[log])
    report = Report()
    common.left_out, common.deferred = report.left_out, lambda: report.deferred
    began = time.monotonic()
    ok = False
    try:
        with progress(output) as show:

            def emit(event: events.Event) -> None:
                report.add(event)
                show(event)

            try:
                for note in common.notes:
                    emit(events.Note(note))
                with watchdog.telling(lambda text: emit(events.Note(text))):
                    yield emit
                ok = True
            finally:
                emit(events.Finished(ok, time.monotonic() - began))
    except VerificationFailed as error:
        report.differences = error.differences
        raise
    finally:
        if table:
            report.render(output=output)


@cli.command("clone")
@options(
    *CONNECTIONS,
    *COPYING,
    *GLOBALS,
    STATISTICS,
    TOAST_COMPRESSION,
    SKIP_FAILED_REFRESH,
    FOREIGN_KEYS,
    *DEFER,
    VERIFY,
    RESUME,
    RETRY,
    LOCK_TIMEOUT,
    HOLD,
    *MOVING,
    *REPLACING,
)
@click.pass_context
def clone_command(context: click.Context, /, output: Output, **given: Any) -> None:
    """Copy the source into the empty destination."""
    if context.meta.get("bare") and not given["source"] and not given["destination"]:
        assert context.parent is not None
        click.echo(f"{context.parent.get_help()}\n\n{context.get_help()}", err=True)
        context.exit(UsageError.exit_code)
    wanted = both(**given)
    with reported(output) as emit:
        verified = clone(wanted, emit)
    if output != "json":
        complete = "The copy is complete and verified" if verified else "The copy is complete"
        if left := context.ensure_object(Common).deferred():
            click.echo(left)
            complete = f"But for that, {complete[0].lower()}{complete[1:]}"
        _echo_complete(complete)


def _echo_complete(complete: str) -> None:
    """Say that a copy is complete, and what it lacks all the same."""
    left_out = click.get_current_context().ensure_object(Common).left_out
    click.echo("\n".join([f"{complete}, but for what was left out:", *left_out] if left_out else [f"{complete}."]))


@cli.command("verify")
@click.option("--sql", "script", is_flag=True, help="Print the statements that would mend definitions as a script.")
@options(*CONNECTIONS, *COPYING, SHOW_ROWS, REPAIR, FOREIGN_KEYS, COMPARE_DATA_ONLY, RETRY, MAX_RATE)
def verify_command(script: bool, output: Output, **given: Any) -> None:
    """Compare both databases: every object, and each table's rows; name what differs, row by row."""
    wanted = both(**given)
    with reported(output, table=False) as emit:
        mismatches = verify_or_mend(wanted, emit)
    if script:
        click.echo(mending_as_sql(mismatches))
    elif output == "json":
        click.echo(json.dumps([asdict(mismatch.public()) for mismatch in mismatches], indent=2))
    else:
        coloured = output == "auto" and sys.stdout.isatty() and not Console().no_color
        lines = [line for mismatch in mismatches for line in mismatch.lines(wanted.show_rows, coloured=coloured)]
        click.echo("\n".join(lines) or "No differences.", color=coloured or None)
    if left := [str(mismatch) for mismatch in mismatches if not mismatch.repaired]:
        raise VerificationFailed(left)


@cli.command("plan")
@click.option("--sql", "script", is_flag=True, help="Print the schema as one SQL script in creation order.")
@click.option("--json", "output", flag_value="json", help="Print the steps as JSON: the same as --output json.")
@options(*CONNECTIONS, *COPYING, *DEFER, LOCK_TIMEOUT, STATISTICS, SPLIT, FORMAT)
def plan_command(script: bool, output: Output, destination: str | None, **given: Any) -> None:
    """Print what a clone would do, step by step, with costs, order and reasons; write nothing anywhere.

    What would keep a clone from beginning is told by `probe`.
    A destination of another version is asked what it cannot hold: the schema is tried there, and rolled back.
    """
    wanted = both(destination=destination or given["source"], **given)
    with reported(output, table=False) as emit:
        plan = plan_copy(wanted, emit)
    if script:
        click.echo(plan_as_sql(plan))
    elif output == "json":
        click.echo(plan_as_json(plan))
    else:
        # color: click takes what looks like a terminal's control sequence out of what goes to a file.
        click.echo("\n".join(plan_as_lines(plan)), color=True)


@cli.command("probe")
@options(*CONNECTIONS, *COPYING, *GLOBALS, LOCK_TIMEOUT, STATISTICS, TOAST_COMPRESSION)
@click.pass_context
def probe_command(
    context: click.Context, /, output: Output, source: str | None, destination: str | None, **given: Any
) -> None:
    """Wait until the servers answer, and print their versions, sizes and encodings.

    With both databases: also all that a clone with these options would find in its way; nothing is written. Of a
    destination that --create is to make, that is what its server tells; `clone` checks the rest before it copies.
    """
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
        click.echo(json.dumps(facts | ({"findings": findings_as_data(findings)} if len(wanted) == 2 else {}), indent=2))
    else:
        for server, f in found.items():
            click.echo(
                f"{server}: PostgreSQL {f.version}, database {f.database}, {size_text(f.size)}, {f.encoding},"
                f" {f.collation}, user {f.user}" + (", standby" if f.standby else "")
            )
        click.echo("\n".join(findings_as_lines(findings)), nl=bool(findings))
    if in_the_way := sum(finding.fatal for finding in findings):
        things = "1 thing stands" if in_the_way == 1 else f"{in_the_way} things stand"
        told = findings if output == "json" else ()  # as text they stand above
        raise PreflightFailed(f"{things} in the way of a clone: see above.", findings=told)


@cli.command("status")
@options(*CONNECTIONS)
@click.pass_context
def status_command(
    context: click.Context,
    /,
    output: Output,
    source: str | None,
    destination: str | None,
    wait_attempts: int,
    wait_delay: float,
) -> None:
    """Say whether a clone into the destination is unfinished; exit 6 if so."""
    dsn = one("destination", destination)
    with reported(output, table=False) as emit:
        checks.wait("destination", dsn, attempts=wait_attempts, delay=wait_delay, emit=emit, absent=ABSENT)
        status = look(dsn)
    if output == "json":
        click.echo(json.dumps(status and plain(status), indent=2, default=str))
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


@cli.command("clean")
@options(*CONNECTIONS)
def clean_command(
    output: Output, source: str | None, destination: str | None, wait_attempts: int, wait_delay: float
) -> None:
    """Remove what an unfinished clone left in the destination, journal included, so that it is empty again.

    Everything in the database goes, since the clone began with an empty one; after --data-only nothing goes, and
    foreign keys come back. A copy that is open stays as it is: only what was deferred is given up. After --replace
    swap, what goes is the database that was to replace it. Without a journal nothing is touched.
    """
    dsn = one("destination", destination)
    with reported(output, table=False) as emit:
        checks.wait("destination", dsn, attempts=wait_attempts, delay=wait_delay, emit=emit, absent=ABSENT)
        dropped = clean_up(dsn, emit)
    if output == "json":
        told = None if dropped is None else (dropped.total(), dict(dropped))
        click.echo(json.dumps(dict(zip(("dropped", "kinds"), told or (None, None), strict=True))))
    elif dropped is None:
        click.echo("Nothing to clean: there is no journal.")
    else:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(dropped.items()))
        click.echo(f"Removed {dropped.total():,} objects{f': {kinds}' if kinds else ''}.")


@cli.command("validate")
@options(*CONNECTIONS, JOBS, MEMORY, RETRY)
def validate_command(
    output: Output,
    source: str | None,
    destination: str | None,
    wait_attempts: int,
    wait_delay: float,
    jobs: int,
    maintenance_work_mem: int | None,
    retry_seconds: float,
) -> None:
    """Do what `clone --defer-validation` and `--defer-indexes` left to be done, while the copy is in use.

    Foreign keys are validated, which keeps nobody from writing, and indexes are built CONCURRENTLY. The source is not
    needed. What cannot be done hinders nothing else; run it again to go on.
    """
    dsn = one("destination", destination)
    with reported(output) as emit:
        checks.wait("destination", dsn, attempts=wait_attempts, delay=wait_delay, emit=emit, absent=ABSENT)
        done = validate(dsn, emit, jobs=jobs, memory=maintenance_work_mem, retry_seconds=retry_seconds)
    if output != "json" and done is None:
        click.echo("Nothing was deferred: there is no journal.")
    elif output != "json":
        _echo_complete("The copy is complete")


cli.add_command(help_command)


@cli.command("hold", hidden=True)
def hold_command() -> None:
    """Hold a clone's snapshot: started by --hold-snapshot."""
    hold(sys.stdin.read())


@cli.command("demo")
@click.option("--keep", is_flag=True, help="Leave the servers running.")
@options(OUTPUT, DEBUG)
def demo_command(keep: bool, output: Output) -> None:
    """Start two PostgreSQL servers, fill one with a shop, clone it into the other and verify."""
    from replicator.demo import demo

    demo(keep=keep, as_json=output == "json", reported=functools.partial(reported, output))
