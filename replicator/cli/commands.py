"""The commands, with their help. What they do is in `actions`, loaded when it is wanted."""

import copy
import functools
import sys
from typing import Any

import click

from replicator.cli.choices import DEFER, FOREIGN_KEYS, SKIP_FAILED_REFRESH, STATISTICS, TOAST_COMPRESSION
from replicator.cli.command import Commands
from replicator.cli.file import every_option
from replicator.cli.invocation import Output
from replicator.cli.options import (
    ALL_DATABASES,
    ALLOW_EMPTY,
    COMPARE_DATA_ONLY,
    CONFIG,
    CONNECTIONS,
    COPYING,
    FORMAT,
    GLOBALS,
    HOLD,
    JOBS,
    KEEP,
    LOCK_TIMEOUT,
    MAX_RATE,
    MEMORY,
    MENDING_SQL,
    MOVING,
    NO_ROLES,
    PLAN_SQL,
    REPAIR,
    REPLACE,
    REPLACING,
    RESUME,
    RETRY,
    SHOW_ROWS,
    SHOWN,
    SPLIT,
    VERIFY,
    options,
)
from replicator.cli.topics import help_command
from replicator.cli.versions import show_versions

COMPLETE = "_REPLICATOR_COMPLETE"
"""The variable by which a shell asks what may come next."""
BOTH = ("source", "destination")
WHOSE_CODE = """Users of either database who are not superusers cannot make this program call their code by a name, a
cast, a view, a rule or a trigger. But servers run checks, domains, generated columns and index expressions as the role
that reads or writes: if you do not trust the owners of tables, connect as a role without superuser rights. The source's
superuser can put code into the copy, as with pg_dump. Without TLS, so can the network. Details: .github/SECURITY.md.
"""


@click.group(
    cls=Commands, epilog=WHOSE_CODE, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_versions,
    help="Show the versions of replicator, Python, psycopg and libpq, and how rows are copied.",
)
def cli() -> None:
    """Copy a PostgreSQL database into another server: schema, rows, verification. No client tools needed.

    replicator clone postgresql://app@old/shop postgresql://app@new/shop
    """


@cli.command(
    "check",
    short_help="Wait for the servers; show what blocks a clone.",
    sides=BOTH,
    codes=(1, 3, 4, 7),
    examples="""
    replicator check postgresql://app@old/shop
    replicator check postgresql://app@old/shop postgresql://app@new/shop
    """,
)
@options(*CONNECTIONS, *COPYING, *GLOBALS, LOCK_TIMEOUT, STATISTICS, TOAST_COMPRESSION, REPLACE, ALLOW_EMPTY)
@click.pass_context
def check_command(context: click.Context, /, **given: Any) -> None:
    """Wait until the servers answer; show their versions, sizes and encodings, and what blocks a clone.

    Blockers are listed if both databases are given, each with the statement that removes it. Nothing is written.
    If --create has to create the destination, some checks wait for `clone`, which makes them before it copies.
    """
    from replicator.cli.actions import check

    check.run(context, **given)


@cli.command(
    "choose",
    short_help="List the objects that would be copied.",
    sides=("source",),
    codes=(1, 3, 4, 7),
    examples="""
    replicator choose postgresql://app@old/shop --only-schema sales --exclude '*.audit_*'
    replicator choose postgresql://app@old/shop --include-kind table --output json
    """,
)
@options(*CONNECTIONS, *COPYING)
@click.pass_context
def choose_command(context: click.Context, /, **given: Any) -> None:
    """List the objects of the source that a clone with these options would copy. Nothing is written.

    A line has kind, name, rows (the planner's estimate) and bytes, and why an object is copied that no option names,
    separated by tabs. What is left out goes to stderr.
    """
    from replicator.cli.actions import choose

    choose.run(context, **given)


@cli.command(
    "suggest-masks",
    short_help="Print masks for columns that look personal.",
    sides=("source",),
    codes=(1, 3, 4, 7),
    examples="""
    replicator suggest-masks postgresql://app@old/shop > masks.toml
    replicator suggest-masks postgresql://app@old/shop --definition masks.toml
    """,
)
@options(*CONNECTIONS, *COPYING)
@click.pass_context
def suggest_masks_command(context: click.Context, /, **given: Any) -> None:
    """Print the part of a definition that masks columns which look personal. Nothing is written.

    Names of columns are understood in several languages; a sample of the values is looked at. With --definition, only
    columns are printed that it does not name.
    """
    from replicator.cli.actions import suggest

    suggest.run(context, **given)


@cli.command(
    "plan",
    short_help="Show what a clone would do, and what blocks it.",
    sides=BOTH,
    codes=(1, 3, 4, 5, 7),
    examples="""
    replicator plan postgresql://app@old/shop postgresql://app@new/shop
    replicator plan --sql postgresql://app@old/shop > schema.sql
    """,
)
@options(
    *CONNECTIONS,
    *COPYING,
    *GLOBALS,
    *DEFER,
    LOCK_TIMEOUT,
    STATISTICS,
    TOAST_COMPRESSION,
    SPLIT,
    FORMAT,
    REPLACE,
    ALLOW_EMPTY,
    PLAN_SQL,
)
def plan_command(**given: Any) -> None:
    """Show what a clone would do, step by step, and what blocks it. Nothing is written. Exit 3 if a clone is blocked.

    The end has totals, the space needed, locks and an estimate of time.
    For another major version, plan tries the schema on the destination in a transaction that is rolled back.
    """
    from replicator.cli.actions import plan

    plan.run(**given)


@cli.command(
    "clone",
    short_help="Copy a database.",
    sides=BOTH,
    codes=(1, 3, 4, 5, 6, 7, 8),
    examples="""
    replicator check postgresql://app@old/shop postgresql://app@new/shop
    replicator clone postgresql://app@old/shop postgresql://app@new/shop --verify
    replicator clone --config nightly.toml --replace swap --keep-previous 3
    replicator clone --resume=per-table postgresql://app@old/shop postgresql://app@new/shop
    replicator clone --all-databases postgresql://postgres@old postgresql://postgres@new
    """,
)
@options(
    *CONNECTIONS,
    *ALL_DATABASES,
    *COPYING,
    *GLOBALS,
    NO_ROLES,
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
def clone_command(**given: Any) -> None:
    """Copy the source into an empty destination, or replace or fill an existing one.

    With --all-databases, copy a whole server: see `replicator help all-databases`.
    """
    from replicator.cli.actions import all_databases, clone

    run = all_databases.run if all_databases.wanted(given) else clone.run
    run(**given)


@cli.command(
    "verify",
    short_help="Compare two databases; repair rows.",
    sides=BOTH,
    codes=(1, 3, 4, 6, 7, 8),
    examples="""
    replicator verify postgresql://app@old/shop postgresql://app@new/shop
    replicator verify --repair postgresql://app@old/shop postgresql://app@new/shop
    """,
)
@options(
    *CONNECTIONS,
    *ALL_DATABASES,
    *COPYING,
    SHOW_ROWS,
    REPAIR,
    MENDING_SQL,
    FOREIGN_KEYS,
    COMPARE_DATA_ONLY,
    RETRY,
    MAX_RATE,
)
def verify_command(**given: Any) -> None:
    """Compare both databases: every object and every row. Name what differs."""
    from replicator.cli.actions import all_databases, verify

    run = all_databases.run_verify if all_databases.wanted(given) else verify.run
    run(**given)


@cli.command(
    "status",
    short_help="Tell whether a clone is unfinished, and how to continue.",
    sides=("destination",),
    codes=(1, 3, 4, 6),
    examples="replicator status postgresql://app@new/shop",
)
@options(*CONNECTIONS)
@click.pass_context
def status_command(context: click.Context, /, **given: Any) -> None:
    """Tell whether a clone into the destination is unfinished, and how to go on. Exit 6 if so."""
    from replicator.cli.actions import status

    status.run(context, **given)


@cli.command(
    "clean",
    short_help="Drop what an unfinished clone left.",
    sides=("destination",),
    codes=(1, 3, 4, 6),
    examples="replicator clean postgresql://app@new/shop",
)
@options(*CONNECTIONS)
def clean_command(**given: Any) -> None:
    """Drop what an unfinished clone left in the destination, so that it is empty again.

    Everything in the database is dropped, since the clone began with an empty one. After --data-only nothing is
    dropped, and foreign keys are restored. After --replace swap, the database that was to replace the old one is
    dropped. A copy that waits for `validate` stays; only the deferred work is given up. Without a journal nothing is
    touched.
    """
    from replicator.cli.actions import status

    status.run_clean(**given)


@cli.command(
    "validate",
    short_help="Build indexes and check foreign keys that a clone deferred.",
    sides=("destination",),
    codes=(1, 3, 4, 6),
    examples="replicator validate postgresql://app@new/shop",
)
@options(*CONNECTIONS, JOBS, MEMORY, RETRY)
def validate_command(**given: Any) -> None:
    """Do what `clone --defer-validation` and `--defer-indexes` deferred, while the copy is in use.

    Foreign keys are validated without blocking writes; indexes are built CONCURRENTLY. The source is not needed.
    A failure does not block the rest; run it again to continue.
    """
    from replicator.cli.actions import clone

    clone.run_validate(**given)


@cli.command(
    "demo",
    short_help="Clone a sample database between two temporary servers.",
    codes=(6, 8),
    examples="replicator demo --keep",
)
@options(KEEP, *SHOWN)
def demo_command(keep: bool, output: Output) -> None:
    """Start two PostgreSQL servers, fill one with sample data, clone it into the other and verify."""
    from replicator.cli.reported import reported
    from replicator.demo import demo

    demo(keep=keep, as_json=output == "json", reported=functools.partial(reported, output))


@cli.command(
    "config",
    short_help="Print a configuration file, or the settings in force.",
    examples="""
    replicator config --init > replicator.toml
    replicator config --show --config replicator.toml
    """,
)
@click.option("--init", is_flag=True, help="Print a file with every option, commented out.")
@click.option("--show", is_flag=True, help="Show the value of every option, and where it comes from.")
@options(CONFIG)
@click.pass_context
def config_command(context: click.Context, /, init: bool, show: bool, output: Output, **_: Any) -> None:
    """Print a configuration file, or the settings in force: from a flag, a variable, the file or the default.

    Passwords are not shown.
    """
    from replicator.cli.actions import config

    config.run(context, show, init, as_json=output == "json")


for setting in every_option(cli.commands.values()):
    config_command.params.append(copied := copy.copy(setting))
    copied.hidden = True  # they may all be given, to ask what is in force then


@cli.command("completion", short_help="Print a script that completes commands and options in a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print a script for a shell, which then completes commands, options and values.

    \b
    bash: eval "$(replicator completion bash)" in ~/.bashrc
    zsh:  eval "$(replicator completion zsh)" in ~/.zshrc
    fish: replicator completion fish > ~/.config/fish/completions/replicator.fish
    """
    from click.shell_completion import ShellComplete, get_completion_class

    complete = get_completion_class(shell)
    assert complete
    # Not bash's own `source`: it starts bash to learn its version.
    click.echo(ShellComplete.source(complete(cli, {}, "replicator", COMPLETE)))


cli.add_command(help_command)


@cli.command("hold", hidden=True)
def hold_command() -> None:
    """Hold a clone's snapshot: started by --hold-snapshot."""
    from replicator.runs.hold import hold  # a process that a clone starts: it is no run of its own

    hold(sys.stdin.read())
