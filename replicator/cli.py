"""The command line: the only place that reads arguments and environment, installs signal handlers and exits.

stdout holds results, stderr progress and errors: one paragraph, the way out, and a traceback only with --debug.
"""

import functools
import json
import logging
import os
import signal
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psycopg
from psycopg import conninfo

from replicator import __version__, events, postgres, probe, settings
from replicator.clone import clone, plan_copy, verify_copy
from replicator.errors import Interrupted, ReplicatorError, StepFailed, UsageError, VerificationFailed
from replicator.events import Emit, size_text
from replicator.model import Execute, Plan
from replicator.progress import progress
from replicator.report import Report
from replicator.settings import Settings
from replicator.status import clean_up, look

ENVIRONMENT = {"--source": "REPLICATOR_SOURCE", "--destination": "REPLICATOR_DESTINATION"}
Command = Callable[..., Any]


def main() -> None:
    """Run the command line and exit."""
    hide_passwords(sys.argv)
    signal.signal(signal.SIGTERM, _on_sigterm)
    debug = "--debug" in sys.argv
    try:
        code = cli.main(standalone_mode=False)  # what a command returns, or the code of an Exit
    except VerificationFailed as error:
        # The differences are a result: all of them, on stdout, one on a line or one JSON list.
        as_json = "json" in sys.argv
        click.echo(json.dumps(error.differences, indent=2) if as_json else "\n".join(error.differences))
        exit_with(error, error.exit_code, error.hint, debug)
    except ReplicatorError as error:
        exit_with(error, error.exit_code, error.hint, debug)
    except click.ClickException as error:
        error.show()
        sys.exit(UsageError.exit_code)
    except (KeyboardInterrupt, click.Abort):
        exit_with(Interrupted(), Interrupted.exit_code, None, debug)
    except psycopg.Error as error:
        exit_with(error, StepFailed.exit_code, "Run `status` to see what is done.", debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        exit_with(error, 70, "This is a defect of replicator: please report it with what --debug shows.", debug)
    sys.exit(code if isinstance(code, int) else 0)


def exit_with(error: BaseException, code: int, hint: str | None, debug: bool) -> None:
    """Say what failed and what to do, on stderr, and exit."""
    if debug:
        traceback.print_exception(error)
    text = postgres.one_line(error)
    text = f"replicator: {text}" + ("" if text.endswith((".", "!", "?")) else ".") + (f" {hint}" if hint else "")
    click.echo(textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False), err=True)
    sys.exit(code)


def _on_sigterm(signum: int, frame: object) -> None:
    raise Interrupted("Ended by SIGTERM.")


def hide_passwords(argv: list[str]) -> None:
    """Start anew with connection strings in the environment, where others cannot see them, if one has a password."""
    kept, moved = [], {}
    words = iter(argv[1:])
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in ENVIRONMENT and (value := value if equals else next(words, "")) and _has_password(value):
            moved[ENVIRONMENT[flag]] = value
        elif flag in ENVIRONMENT:
            kept += [flag, value]
        else:
            kept.append(word)
    if moved and os.name == "posix":
        # -P keeps the folder out of sys.path as the first start may have done; -m finds the package again.
        os.execve(sys.executable, [sys.executable, "-m", "replicator", *kept], {**os.environ, **moved})


def _has_password(dsn: str) -> bool:
    try:
        return bool({"password", "sslpassword"} & conninfo.conninfo_to_dict(dsn).keys())
    except Exception:
        return False


def _config(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    if path:
        defaults = settings.read_config(path)
        context.default_map = {**(context.default_map or {}), **defaults}
        for command in getattr(context.command, "commands", {}):
            context.default_map[command] = defaults


CONNECTIONS = (
    click.option("--source", envvar="REPLICATOR_SOURCE", metavar="URL", help="Copy from this database."),
    click.option("--destination", envvar="REPLICATOR_DESTINATION", metavar="URL", help="Copy into this database."),
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_config,
        help="TOML file: tables [source] and [destination] with libpq's keys, [options].",
    ),
    click.option("--wait-attempts", default=5, show_default=True, type=click.IntRange(1), help="Attempts to connect."),
    click.option(
        "--wait-delay", default=5.0, show_default=True, type=click.FloatRange(0), help="Seconds between attempts."
    ),
    click.option(
        "--output",
        type=click.Choice(["auto", "plain", "json"]),
        default="auto",
        show_default=True,
        help="Live display on a terminal, plain lines, or JSON lines.",
    ),
    click.option("--debug", is_flag=True, help="Show statements and tracebacks."),
)
COPYING = (
    click.option(
        "--jobs",
        "-j",
        type=click.IntRange(1, 64),
        default=settings.default_jobs(),
        show_default="processors, at most 8",
        help="Steps at a time.",
    ),
    click.option("--no-owner", is_flag=True, help="Leave ownership to the destination's role."),
    click.option("--no-acl", is_flag=True, help="Leave privileges (GRANT, REVOKE) out."),
)
VERIFYING = (click.option("--verify", is_flag=True, help="Compare both databases at the end."),)


def options(*groups: tuple[Command, ...]) -> Callable[[Command], Command]:
    """Give a command these groups of options, in this order in its help."""

    def decorate(function: Command) -> Command:
        for option in reversed([option for group in groups for option in group]):
            function = option(function)
        return function

    return decorate


def chosen(
    source: str | None,
    destination: str | None,
    *,
    wait_attempts: int,
    wait_delay: float,
    jobs: int = 1,
    no_owner: bool = False,
    no_acl: bool = False,
    verify: bool = False,
    **_: object,
) -> Settings:
    """Return the settings that these options make. Raises UsageError where a database is not named."""
    for name, value in (("source", source), ("destination", destination)):
        if not value:
            raise UsageError(
                f"No {name} database is given.",
                hint=f"Use --{name}, REPLICATOR_{name.upper()} or a file with a table [{name}] (--config).",
            )
    return Settings(
        source=str(source),
        destination=str(destination),
        jobs=jobs,
        wait_attempts=wait_attempts,
        wait_delay=wait_delay,
        owners=not no_owner,
        privileges=not no_acl,
        verify=verify,
    )


@contextmanager
def reported(output: Any, *, table: bool = True) -> Iterator[Emit]:
    """Show progress on stderr and, at the end, the report on stdout; whatever becomes of it."""
    report = Report()
    began = time.monotonic()
    ok = False
    try:
        with progress(output) as show:

            def emit(event: events.Event) -> None:
                report.add(event)
                show(event)

            try:
                yield emit
                ok = True
            finally:
                emit(events.Finished(ok, time.monotonic() - began))
    finally:
        if table:
            report.render(output=output)


@click.group(
    invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="replicator")
@options(CONNECTIONS, COPYING, VERIFYING)
@click.pass_context
def cli(context: click.Context, /, **given: Any) -> None:
    """Copy a PostgreSQL database into another server: schema, data, verification; no client tools needed.

    Without a command and with both databases given, this is `clone`.
    """
    logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what it warns of, we raise
    if given["debug"]:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    if context.invoked_subcommand is None:
        if not given["source"] or not given["destination"]:
            click.echo(context.get_help(), err=True)
            raise click.exceptions.Exit(UsageError.exit_code)
        context.invoke(clone_command, **given)
    else:
        passed = {name: value for name, value in given.items() if _was_given(context, name)}
        context.default_map = {
            **(context.default_map or {}),
            context.invoked_subcommand: {**(context.default_map or {}), **passed},
        }


def _was_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE


@cli.command("clone")
@options(CONNECTIONS, COPYING, VERIFYING)
def clone_command(output: Any, **given: Any) -> None:
    """Copy the source into the empty destination."""
    wanted = chosen(**given)
    with reported(output) as emit:
        clone(wanted, emit)
    if output != "json":
        click.echo("The copy is complete" + (" and verified." if wanted.verify else "."))


@cli.command("verify")
@options(CONNECTIONS, COPYING)
def verify_command(output: Any, **given: Any) -> None:
    """Compare both databases: every object, and each table's rows by count and hash."""
    wanted = chosen(**given)
    with reported(output, table=False) as emit:
        mismatches = verify_copy(wanted, emit)
    if mismatches:
        raise VerificationFailed([str(mismatch) for mismatch in mismatches])
    click.echo("[]" if output == "json" else "No differences.")


@cli.command("plan")
@click.option("--sql", "as_sql", is_flag=True, help="Print the schema as one SQL script in creation order.")
@options(CONNECTIONS, COPYING)
def plan_command(as_sql: bool, output: Any, destination: str | None, source: str | None, **given: Any) -> None:
    """Print what a clone would do; write nothing anywhere."""
    wanted = chosen(source, destination or source, **given)
    with reported(output, table=False) as emit:
        plan = plan_copy(wanted, emit)
    click.echo("\n".join(_as_sql(plan) if as_sql else _as_list(plan)))


def _as_sql(plan: Plan) -> Iterator[str]:
    yield "SET search_path = '';\nSET check_function_bodies = off;"
    for step in plan.steps:
        if isinstance(step.work, Execute):
            for statement in step.work.statements:
                yield f"{statement};"


def _as_list(plan: Plan) -> Iterator[str]:
    for step in plan.steps:
        yield f"{step.phase}: {step.name}" + (f" ({size_text(step.cost)})" if step.cost else "")


@cli.command("probe")
@options(CONNECTIONS)
def probe_command(output: Any, source: str | None, destination: str | None, **given: Any) -> None:
    """Wait until the servers answer, and print their versions, sizes and encodings."""
    if not source and not destination:
        chosen(source, destination, **given)
    with reported(output, table=False) as emit:
        found = {
            server: probe.wait(
                server,
                settings.check_conninfo(dsn, f"--{server}"),
                attempts=given["wait_attempts"],
                delay=given["wait_delay"],
                emit=emit,
            )
            for server, dsn in (("source", source), ("destination", destination))
            if dsn
        }
    if output == "json":
        click.echo(json.dumps({server: vars_of(facts) for server, facts in found.items()}, indent=2))
        return
    for server, f in found.items():
        click.echo(
            f"{server}: PostgreSQL {f.version}, database {f.database}, {size_text(f.size)}, {f.encoding},"
            f" {f.collation}, user {f.user}" + (", standby" if f.standby else "")
        )


def vars_of(record: Any) -> dict[str, Any]:
    """Return a record with slots as a dictionary."""
    return {name: getattr(record, name) for name in record.__slots__}


@cli.command("status")
@options(CONNECTIONS)
def status_command(output: Any, destination: str | None, source: str | None, **given: Any) -> None:
    """Say whether a clone into the destination is unfinished; exit 6 if so."""
    wanted = chosen(destination, destination, **given)
    status = look(wanted.destination)
    if status is None:
        click.echo(json.dumps(None) if output == "json" else "No unfinished clone: there is no journal.")
        return
    if output == "json":
        click.echo(json.dumps({**vars_of(status), "started": status.started.isoformat()}, indent=2))
    else:
        running = status.state == "running" and status.alive
        state = "running" if running else "killed" if status.state == "running" else status.state
        click.echo(f"Unfinished clone from {status.source}, begun {status.started:%Y-%m-%d %H:%M:%S %Z}: {state}.")
        click.echo(f"{status.done} of {status.steps} steps are done, {status.rows} rows, {size_text(status.bytes)}.")
        if status.error:
            click.echo(status.error)
        for name in status.unfinished[:10]:
            click.echo(f"  not done: {name}")
        if len(status.unfinished) > 10:
            click.echo(f"  and {len(status.unfinished) - 10} more")
    raise click.exceptions.Exit(StepFailed.exit_code)


@cli.command("clean")
@options(CONNECTIONS)
def clean_command(output: Any, destination: str | None, source: str | None, **given: Any) -> None:
    """Remove what an unfinished clone left in the destination, journal included, so that it is empty again.

    Everything in the database goes, since the clone began with an empty one. Without a journal nothing is touched.
    """
    wanted = chosen(destination, destination, **given)
    dropped = clean_up(wanted.destination)
    click.echo("Nothing to clean: there is no journal." if dropped is None else f"Removed {dropped} objects.")


@cli.command("demo")
@click.option("--keep", is_flag=True, help="Leave the servers running until Ctrl-C.")
@click.option("--output", type=click.Choice(["auto", "plain", "json"]), default="auto", show_default=True)
def demo_command(keep: bool, output: Any) -> None:
    """Start two PostgreSQL servers, fill one with a shop, clone it into the other and verify."""
    from replicator.demo import demo

    demo(keep=keep, as_json=output == "json", reported=functools.partial(reported, output))
