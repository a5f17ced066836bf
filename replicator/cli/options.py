"""The options, and the settings that they make. Precedence: flag, environment, file, default."""

import difflib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click
from click.core import ParameterSource

from replicator import settings
from replicator.argv import ENVIRONMENT
from replicator.cli.amounts import Number, WholeNumber, duration, memory, rate, split_size
from replicator.cli.choices import LEAVING_OUT, NEGATIONS, SOURCE_ENCODING, VIA_ROOT
from replicator.cli.meant import command_meant
from replicator.errors import UsageError
from replicator.model import Format, Statistics
from replicator.sessions import watchdog
from replicator.settings import Settings, file, from_flags
from replicator.settings.conninfo import check_conninfo

Command = Callable[..., Any]


Output = Literal["auto", "plain", "json"]


@dataclass(slots=True)
class Common:
    """What a command chose that its end needs to know, whatever that end is. click hands it on as `obj`."""

    command: str = ""
    output: Output = "auto"
    debug: bool = False
    notes: list[str] = field(default_factory=list)
    """What is to be mentioned as soon as there is somebody to tell."""
    left_out: Collection[str] = ()
    """What a copy lacks, as the report has it."""
    deferred: Callable[[], str] = str
    """Returns what is left to do while the copy is in use, as the report has it."""


class Commands(click.Group):
    """The commands. Options may stand before the command as well; without one, `clone` is meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command first."""
        values = {o for command in self.commands.values() for o in _options_with_values(command)}
        places = [i for i, word in enumerate(args) if word in self.commands and (i == 0 or args[i - 1] not in values)]
        if places:
            args = [args[places[0]], *args[: places[0]], *args[places[0] + 1 :]]
        elif args and args[0].isalpha():
            raise UsageError(f"No such command: {args[0]}.", hint=command_meant(args[0], self.commands))
        elif not {"-h", "--help", "--version"} & set(args):
            args = ["clone", *args]
            ctx.meta["bare"] = True
        ctx.ensure_object(Common).command = args[0] if args else ""
        return super().parse_args(ctx, args)


def _options_with_values(command: click.Command) -> list[str]:
    options = (
        p for p in command.params if isinstance(p, click.Option) and not p.is_flag and not isinstance(p.flag_value, str)
    )
    return [name for option in options for name in option.opts]


def _read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Make a file's values the defaults of this command. Flags of other commands are passed over, the rest is refused.

    A key is a flag as --help has it, with dashes or underscores, without those in front.
    """
    if path is None:
        return
    given = {name.replace("_", "-"): value for name, value in file.read_config(path).items()}
    assert context.parent is not None
    assert isinstance(context.parent.command, click.Group)
    known = {name for command in context.parent.command.commands.values() for name in flags(command)}
    if unknown := sorted(given.keys() - known):
        alike = [match for name in unknown for match in difflib.get_close_matches(name, known, 1)]
        raise UsageError(
            f"The file {path} has unknown options: {', '.join(unknown)}.",
            hint=f"Is {' or '.join(alike)} meant?" if alike else None,
        )
    if file.exposes_password(path, given):
        note = f"Other users can read the file {path}, which has a password: chmod 600 it."
        context.ensure_object(Common).notes.append(note)
    here = flags(context.command)
    read = {name: _in_file(here[name], value, path) for name, value in given.items() if name in here}
    values = {name: value for name, value in read.items() if value is not None}
    for name, value in values.items():
        _check_in_file(context, here[name], value, path)
    context.default_map = {here[name].name: value for name, value in values.items()}


def flags(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command that a file may set, by their long names without the dashes in front."""
    options = (p for p in command.params if isinstance(p, click.Option) and p.name != "config")
    return {name.removeprefix("--"): o for o in options for name in o.opts if name.startswith("--")}


def _in_file(option: click.Option, value: object, path: Path) -> object:
    """Return what an option takes for a file's value; None for its default. `true` is the flag without a value."""
    name = option.opts[0].removeprefix("--")
    if isinstance(value, bool) and not option.is_bool_flag:
        if isinstance(option.flag_value, str):
            return option.flag_value if value else None
        if isinstance(option.type, click.Choice) and "on" in option.type.choices:
            return "on" if value else "off"
    if option.multiple:
        values = value if isinstance(value, list) else [value]
        if values and all(isinstance(each, str) for each in values):
            return values
        raise UsageError(f"The option {name} in the file {path} needs a text, or a list of texts.")
    if isinstance(value, bool) is not option.is_bool_flag or not isinstance(value, str | int | float):
        wanted = "true or false" if option.is_bool_flag else "a value, as on the command line"
        raise UsageError(f"The option {name} in the file {path} needs {wanted}.")
    return value


def _check_in_file(context: click.Context, option: click.Option, value: object, path: Path) -> None:
    """Raise UsageError where an option does not take a file's value: click would name the flag, which nobody gave."""
    where = f"The option {option.opts[0].removeprefix('--')} in the file {path}"
    try:
        option.process_value(context, value)
    except click.BadParameter as error:
        raise UsageError(f"{where}: {error.message}") from error
    except UsageError as error:
        raise UsageError(f"{where}: {error}", hint=error.hint) from error


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    common = context.ensure_object(Common)
    setattr(common, str(parameter.name), value)
    return value


OUTPUT = click.option(
    "--output",
    type=click.Choice(["auto", "plain", "json"]),
    default="auto",
    show_default=True,
    callback=_remember,
    help="Live display on a terminal, plain lines, or JSON.",
)
DEBUG = click.option(
    "--debug", is_flag=True, callback=_remember, expose_value=False, help="Show statements and tracebacks."
)
CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    help="TOML file: tables [source] and [destination] with libpq's keys, [options].",
)
SOURCE = click.option(
    "--source", envvar=ENVIRONMENT["--source"], metavar="URL", help="The original: a URL or conninfo."
)
DESTINATION = click.option(
    "--destination", envvar=ENVIRONMENT["--destination"], metavar="URL", help="The copy: a URL or conninfo."
)
WAITING = (
    click.option("--wait-attempts", default=5, show_default=True, type=WholeNumber(1), help="Attempts to connect."),
    click.option("--wait-delay", default=5.0, show_default=True, type=Number(0), help="Seconds between attempts."),
)


def _be_patient(context: click.Context, parameter: click.Parameter, seconds: float) -> None:
    watchdog.seconds = seconds


SILENCE = click.option(
    "--stall-timeout",
    default="5m",
    show_default=True,
    type=duration,
    expose_value=False,
    callback=_be_patient,
    help="How long a server may be silent before it is asked whether it still works.",
)
JOBS = click.option(
    "--jobs",
    "-j",
    type=WholeNumber(1, 64),
    default=settings.default_jobs(),
    show_default="processors, at most 8",
    help="Steps at a time.",
)
LANES = (
    click.option("--copy-jobs", type=WholeNumber(1, 64), show_default="--jobs", help="Steps at a time that copy rows."),
    click.option(
        "--index-jobs",
        type=WholeNumber(1, 64),
        show_default="--jobs",
        help="Steps at a time that build indexes, check constraints, gather statistics.",
    ),
)
CREATE = click.option("--create", is_flag=True, help="Create the destination database unless it is there.")
ROLES = click.option("--roles", is_flag=True, help="Create the roles that the destination lacks.")
RESUME = click.option(
    "--resume",
    is_flag=False,
    flag_value="same-snapshot",
    default="no",
    type=click.Choice(["no", "same-snapshot", "per-table"]),
    show_default=True,
    help="Finish what an earlier run left: in its snapshot, or each missing table as it is now.",
)
HOLD = click.option(
    "--hold-snapshot",
    "hold_snapshot_seconds",
    is_flag=False,
    flag_value="24h",
    default="0",
    type=duration,
    help="Keep the snapshot in a process of its own, 24h long if not said otherwise, for --resume.",
)
RETRY = click.option(
    "--retry-for",
    "retry_seconds",
    default="10m",
    show_default=True,
    type=duration,
    help="How long a step is tried again, counted from its first failure, when a connection is lost, a server restarts,"
    " and the like. A step that had run longer than this is tried once more all the same.",
)
LOCK_TIMEOUT = click.option(
    "--lock-timeout",
    default="0",
    show_default="wait",
    type=duration,
    help="How long to wait for each lock that keeps a table of the source from being altered.",
)
DOWNGRADE = click.option(
    "--downgrade", is_flag=True, help="Leave out what the destination's version cannot hold, and list it."
)
SKIP_UNPRIVILEGED = click.option(
    "--skip-unprivileged", is_flag=True, help="Leave out what the destination's role may not make, and list it."
)
UNKNOWN_VERSION = click.option("--allow-unknown-version", is_flag=True, help="Go on with a server newer than is known.")
SKIP_FAILED_REFRESH = click.option(
    "--skip-failed-refresh", is_flag=True, help="Leave materialized views empty whose query fails, and say which."
)
FOREIGN_KEYS = click.option(
    "--foreign-keys",
    type=click.Choice(["not-valid"]),
    help="Add foreign keys that the rows violate as NOT VALID, and say which; in `verify` they are no difference.",
)
TABLESPACES = click.option(
    "--tablespaces",
    "create_tablespaces",
    is_flag=True,
    help="Create the tablespaces that the destination lacks, at the paths that they have on the source.",
)
RELAY = click.option(
    "--relay",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    callback=lambda context, parameter, value: value == "on",
    help="Rows from socket to socket, or through the driver.",
)
FORMAT = click.option(
    "--format",
    type=click.Choice([how.value for how in Format]),
    default=Format.AUTO.value,
    show_default=True,
    callback=lambda context, parameter, value: Format(value),
    help="Rows as text or in binary; auto: in binary where all of a table's types have the same form everywhere.",
)
SPLIT = click.option(
    "--split-larger-than",
    metavar="SIZE",
    default="auto",
    show_default=True,
    callback=split_size,
    help="Copy larger tables in parts, several at a time (from PostgreSQL 14); auto: what would take longest; never.",
)
MAX_RATE = click.option(
    "--max-rate",
    metavar="RATE",
    callback=rate,
    show_default="no limit",
    help="Copy, or read to compare, at most so much a second: 50MB/s, for the whole run.",
)
MEMORY = click.option(
    "--maintenance-work-mem",
    metavar="SIZE",
    callback=memory,
    show_default="what suits each index",
    help="Memory for each index that is built: 64MB. Most B-trees are built faster in little.",
)
STATISTICS = click.option(
    "--statistics",
    type=click.Choice([how.value for how in Statistics]),
    callback=lambda context, parameter, value: value and Statistics(value),
    show_default="transfer into PostgreSQL 18 and newer, else analyze",
    help="Planner statistics: carry the source's over, compute them, or leave them out.",
)
TOAST_COMPRESSION = click.option(
    "--toast-compression",
    type=click.Choice(["lz4", "pglz"]),
    show_default="the destination's",
    help="Compress long values so on the destination (PostgreSQL 14 and newer).",
)
VERIFY = click.option("--verify", is_flag=True, help="Compare both databases at the end.")
SHOW_ROWS = click.option(
    "--show-rows",
    type=WholeNumber(0),
    default=10,
    show_default=True,
    help="Show so many of the rows that differ of each table.",
)
REPAIR = click.option(
    "--repair", is_flag=True, help="Copy the rows that differ again, then compare these tables again."
)
REPLACE = click.option(
    "--replace",
    type=click.Choice(["swap", "drop"]),
    show_default="an empty destination only",
    help="Replace what is there: build beside it and swap, or drop it and rebuild.",
)
KEEP_PREVIOUS = click.option("--keep-previous", is_flag=True, help="--replace swap: keep the old one, renamed.")
ALLOW_EMPTY = click.option(
    "--allow-empty", is_flag=True, help="--replace, --truncate: even if the source has no rows at all."
)
DATA_ONLY = (
    click.option("--data-only", is_flag=True, help="Copy rows, sequences' values into the schema that is there."),
    click.option("--truncate", is_flag=True, help="--data-only: empty the tables first."),
    click.option("--append", is_flag=True, help="--data-only: add to the rows that are there."),
    click.option(
        "--allow-narrower-types",
        is_flag=True,
        help="--data-only: let values be rounded, and blanks be cut off, where the destination's types hold less.",
    ),
)
COMPARE_DATA_ONLY = click.option(
    "--data-only", is_flag=True, help="Compare what clone --data-only copies; tables and columns match by name."
)

CONNECTIONS = (SOURCE, DESTINATION, CONFIG, *WAITING, SILENCE, OUTPUT, DEBUG)
COPYING = (JOBS, *LEAVING_OUT, VIA_ROOT, SOURCE_ENCODING, DOWNGRADE, SKIP_UNPRIVILEGED, UNKNOWN_VERSION)
MOVING = (*LANES, SPLIT, FORMAT, RELAY, MAX_RATE, MEMORY)
REPLACING = (REPLACE, KEEP_PREVIOUS, ALLOW_EMPTY, *DATA_ONLY)
GLOBALS = (CREATE, ROLES, TABLESPACES)


def options(*chosen: Command) -> Callable[[Command], Command]:
    """Give a command these options, in this order in its help."""

    def decorate(function: Command) -> Command:
        for option in reversed(chosen):
            function = option(function)
        return function

    return decorate


def of_clone(context: click.Context) -> list[str]:
    """Return the flags of the command line that are about what a clone does, not about how to connect and to show."""
    ways = {p.name for p in click.command()(options(*CONNECTIONS)(lambda: None)).params}
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name and parameter.name not in ways
        if context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]


def one(name: str, dsn: str | None) -> str:
    """Return the connection string of one side. Raises UsageError where it is missing or unreadable."""
    if not dsn:
        raise UsageError(
            f"No {name} database is given.",
            hint=f"Use --{name}, REPLICATOR_{name.upper()} or a file with a table [{name}] (--config).",
        )
    return check_conninfo(dsn, f"--{name}")


def both(
    source: str | None,
    destination: str | None,
    **rest: Any,
) -> Settings:
    """Return the settings that these options make. Raises UsageError."""
    wanted: dict[str, Any] = {name: not rest.pop(option) for name, option in NEGATIONS.items() if option in rest}
    if not wanted.get("tablespaces", True) and rest.get("create_tablespaces"):
        raise UsageError("--tablespaces and --no-tablespaces exclude each other.")
    return from_flags(
        source=one("source", source),
        destination=one("destination", destination),
        **wanted,
        **rest,
    )
