"""The options, with their help. Precedence: flag, variable, file, default.

Nothing is imported here that takes time: `--help` and completion read this module only.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from replicator.cli.amounts import Number, WholeNumber, duration, keep, memory, rate, split_size
from replicator.cli.choices import (
    DOWNGRADE,
    LEAVING_OUT,
    ROLES,
    SKIP_UNPRIVILEGED,
    SOURCE_ENCODING,
    TABLESPACES,
    VIA_ROOT,
)
from replicator.cli.choosing import CHOOSING
from replicator.cli.file import define, read_config, read_definition
from replicator.cli.invocation import remember
from replicator.cli.mask_key import MASKING
from replicator.cli.parameters import Group, option
from replicator.model import Format

Command = Callable[..., Any]
MOST_JOBS = 64


def _jobs() -> int:
    from replicator.settings import default_jobs

    return default_jobs()


# Connection

SOURCE = option(
    Group.CONNECTION, "--source", metavar="URL", help="Database to copy from: a URL or a libpq connection string."
)
DESTINATION = option(
    Group.CONNECTION, "--destination", metavar="URL", help="Database to copy to: a URL or a libpq connection string."
)
CONFIG = option(
    Group.CONNECTION,
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=read_config,
    help="Read options from a TOML file. `replicator config --init` prints one.",
)
DEFINITION = option(
    Group.OBJECTS,
    "--definition",
    type=click.Path(path_type=Path),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=read_definition,
    help="Read from a TOML file which rows, columns, values and names to copy. See `replicator help definition`.",
)
DEFINE = option(
    Group.OBJECTS,
    "--define",
    multiple=True,
    metavar="TOML",
    callback=define,
    help='Add to the definition: \'tables."public.orders".where = "id > 9"\'. Repeat for more.',
)
AS_OF = option(
    Group.OBJECTS,
    "--as-of",
    metavar="TIME",
    help="What now() means in the definition, as 2026-11-30T18:00:00+00:00. Without it, the time of the run.",
)
WAITING = (
    option(
        Group.CONNECTION,
        "--wait-attempts",
        default=5,
        show_default=True,
        type=WholeNumber(1),
        metavar="N",
        help="How often to try to connect.",
    ),
    option(
        Group.CONNECTION,
        "--wait-delay",
        default=5.0,
        show_default="5",
        type=Number(0),
        metavar="SECONDS",
        help="Seconds between two attempts.",
    ),
)
STALL = option(
    Group.CONNECTION,
    "--stall-timeout",
    "stall_seconds",
    default="5m",
    show_default=True,
    type=duration,
    metavar="DURATION",
    help="Check on a server that has been silent for this long.",
)
UNKNOWN_VERSION = option(
    Group.CONNECTION,
    "--allow-unknown-version",
    is_flag=True,
    help="Continue with a server that is newer than this program knows.",
)

# Existing destination

CREATE = option(Group.EXISTING, "--create", is_flag=True, help="Create the destination database if it is missing.")
REPLACE = option(
    Group.EXISTING,
    "--replace",
    type=click.Choice(["swap", "drop"]),
    show_default="require an empty database",
    help="Replace the destination. swap: copy into a second database, then rename. drop: empty it first.",
)
KEEP_PREVIOUS = option(
    Group.EXISTING,
    "--keep-previous",
    is_flag=False,
    flag_value="all",
    default="0",
    show_default="drop it",
    metavar="[N]",
    callback=keep,
    help="With --replace swap: keep the replaced database. N: keep the newest N, drop older ones.",
)
ALLOW_EMPTY = option(
    Group.EXISTING,
    "--allow-empty",
    is_flag=True,
    help="With --replace or --truncate: accept a source without rows.",
)
DATA_ONLY = (
    option(Group.EXISTING, "--data-only", is_flag=True, help="Copy rows and sequence values into the existing schema."),
    option(Group.EXISTING, "--truncate", is_flag=True, help="With --data-only: empty the tables first."),
    option(Group.EXISTING, "--append", is_flag=True, help="With --data-only: add to the rows that are there."),
    option(
        Group.EXISTING,
        "--upsert",
        is_flag=True,
        help="With --data-only: replace rows by their keys, and add new ones.",
    ),
    option(
        Group.EXISTING,
        "--allow-narrower-types",
        is_flag=True,
        help="With --data-only: accept that values are rounded or trailing blanks cut off.",
    ),
)

# Comparison

VERIFY = option(Group.COMPARISON, "--verify", is_flag=True, help="Compare both databases at the end.")
COMPARE_DATA_ONLY = option(
    Group.COMPARISON,
    "--data-only",
    is_flag=True,
    help="Compare what `clone --data-only` copies; tables and columns match by name.",
)
SHOW_ROWS = option(
    Group.COMPARISON,
    "--show-rows",
    type=WholeNumber(0),
    metavar="N",
    default=10,
    show_default=True,
    help="How many differing rows to show for each table.",
)
REPAIR = option(
    Group.COMPARISON, "--repair", is_flag=True, help="Copy differing rows again, then compare these tables again."
)

# Speed

JOBS = option(
    Group.SPEED,
    "--jobs",
    "-j",
    type=WholeNumber(1, MOST_JOBS),
    metavar="N",
    default=_jobs,
    show_default="number of CPUs, at most 8",
    help="How many steps run in parallel.",
)
LANES = (
    option(
        Group.SPEED,
        "--copy-jobs",
        type=WholeNumber(1, MOST_JOBS),
        metavar="N",
        show_default="--jobs",
        help="How many of them copy rows.",
    ),
    option(
        Group.SPEED,
        "--index-jobs",
        type=WholeNumber(1, MOST_JOBS),
        metavar="N",
        show_default="--jobs",
        help="How many of them build indexes, check constraints and gather statistics.",
    ),
)
SPLIT = option(
    Group.SPEED,
    "--split-larger-than",
    metavar="SIZE",
    default="auto",
    show_default=True,
    callback=split_size,
    help="Copy larger tables in parallel parts: auto, never, or a size such as 2GB.",
)
FORMAT = option(
    Group.SPEED,
    "--format",
    type=click.Choice([how.value for how in Format]),
    default=Format.AUTO.value,
    show_default=True,
    callback=lambda context, parameter, value: Format(value),
    help="COPY format. auto: binary where both servers store all column types alike.",
)
RELAY = option(
    Group.SPEED,
    "--relay",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    callback=lambda context, parameter, value: value == "on",
    help="off: pass rows through the driver instead of from socket to socket; slower.",
)
MAX_RATE = option(
    Group.SPEED,
    "--max-rate",
    metavar="RATE",
    callback=rate,
    show_default="no limit",
    help="Limit the bytes read from the source, such as 50MB/s.",
)
MEMORY = option(
    Group.SPEED,
    "--maintenance-work-mem",
    metavar="SIZE",
    callback=memory,
    show_default="chosen for each index",
    help="Memory for building one index, such as 64MB.",
)

# Recovery

RESUME = option(
    Group.RECOVERY,
    "--resume",
    is_flag=False,
    flag_value="same-snapshot",
    default="no",
    type=click.Choice(["no", "same-snapshot", "per-table"]),
    show_default="no; same-snapshot without a value",
    help="Continue an unfinished clone. per-table: copy the remaining tables as they are now.",
)
HOLD = option(
    Group.RECOVERY,
    "--hold-snapshot",
    "hold_snapshot_seconds",
    is_flag=False,
    flag_value="24h",
    default="0",
    show_default="off; 24h without a value",
    type=duration,
    metavar="[DURATION]",
    help="Keep the snapshot open in a background process for --resume.",
)
RETRY = option(
    Group.RECOVERY,
    "--retry-for",
    "retry_seconds",
    default="10m",
    show_default=True,
    type=duration,
    metavar="DURATION",
    help="Retry a step for this long after a lost connection, a restart or a deadlock.",
)
LOCK_TIMEOUT = option(
    Group.RECOVERY,
    "--lock-timeout",
    default="0",
    show_default="wait forever",
    type=duration,
    metavar="DURATION",
    help="How long to wait for the lock on each source table.",
)

# All databases

ALL_DATABASES = (
    option(
        Group.OBJECTS,
        "--all-databases",
        is_flag=True,
        help="Every database of the source's server, with its roles and tablespaces.",
    ),
    option(
        Group.OBJECTS,
        "--include-database",
        multiple=True,
        metavar="PATTERN",
        help="With --all-databases: only databases that match. Repeat for more.",
    ),
    option(
        Group.OBJECTS,
        "--exclude-database",
        multiple=True,
        metavar="PATTERN",
        help="With --all-databases: skip databases that match. Wins over --include-database.",
    ),
)
NO_ROLES = option(Group.WHAT, "--no-roles", is_flag=True, help="With --all-databases: create no roles.")

# Output

OUTPUT = option(
    Group.OUTPUT,
    "--output",
    type=click.Choice(["auto", "plain", "json"]),
    default="auto",
    show_default=True,
    callback=remember,
    help="auto: live display on a terminal, else plain lines. json: for programs.",
)
JSON = option(Group.OUTPUT, "--json", is_flag=True, help="The same as --output json.")
VERBOSE = option(
    Group.OUTPUT,
    "--verbose",
    "-v",
    is_flag=True,
    callback=remember,
    expose_value=False,
    help="Show more notes, and every step as it ends.",
)
DEBUG = option(
    Group.OUTPUT,
    "--debug",
    is_flag=True,
    callback=remember,
    expose_value=False,
    help="Show SQL statements and tracebacks.",
)
KEEP = option(Group.OUTPUT, "--keep", is_flag=True, help="Leave the servers running.")
PLAN_SQL = option(
    Group.OUTPUT, "--sql", "script", is_flag=True, help="Print the schema as one SQL script in creation order."
)
MENDING_SQL = option(
    Group.OUTPUT, "--sql", "script", is_flag=True, help="Print the SQL that would correct differing definitions."
)

SHOWN = (OUTPUT, JSON, VERBOSE, DEBUG)
CONNECTIONS = (SOURCE, DESTINATION, CONFIG, *WAITING, STALL, *SHOWN)
COPYING = (
    JOBS,
    *CHOOSING,
    DEFINITION,
    DEFINE,
    AS_OF,
    *MASKING,
    *LEAVING_OUT,
    VIA_ROOT,
    SOURCE_ENCODING,
    DOWNGRADE,
    SKIP_UNPRIVILEGED,
    UNKNOWN_VERSION,
)
MOVING = (*LANES, SPLIT, FORMAT, RELAY, MAX_RATE, MEMORY)
REPLACING = (REPLACE, KEEP_PREVIOUS, ALLOW_EMPTY, *DATA_ONLY)
GLOBALS = (CREATE, ROLES, TABLESPACES)


def options(*chosen: Command) -> Callable[[Command], Command]:
    """Give a command these options; its help puts them in groups."""

    def decorate(function: Command) -> Command:
        for one in reversed(chosen):
            function = one(function)
        return function

    return decorate
