"""From options to the library's settings."""

from typing import Any

import click
from click.core import ParameterSource

from replicator import settings
from replicator.cli import mask_key
from replicator.cli.options import CONNECTIONS, options
from replicator.errors import UsageError
from replicator.settings import Settings, check_values, from_flags, naming_flags
from replicator.settings.conninfo import check_conninfo

NEGATIONS = {
    name: flag.removeprefix("--").replace("-", "_") for name, flag in settings.FLAGS.items() if flag.startswith("--no-")
}
"""The options that leave something out, by the fields that are then false."""


def of_clone(context: click.Context) -> list[str]:
    """Return the flags of the command line that are about what a clone does, not about how to connect and to show."""
    ways = {p.name for p in click.command()(options(*CONNECTIONS)(lambda: None)).params}
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if isinstance(parameter, click.Option) and parameter.name and parameter.name not in ways
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


def waiting(**given: Any) -> dict[str, Any]:
    """Return the options of how to reach a server, out of those of a command."""
    return checked({name: given[name] for name in ("wait_attempts", "wait_delay", "stall_seconds")})


def checked(options: dict[str, Any]) -> dict[str, Any]:
    """Return options that a command takes one by one. Raises UsageError, which names flags."""
    with naming_flags():
        return check_values(**options)


def both(source: str | None, destination: str | None, **rest: Any) -> Settings:
    """Return the settings that these options make. Raises UsageError."""
    wanted: dict[str, Any] = {name: not rest.pop(option) for name, option in NEGATIONS.items() if option in rest}
    if not wanted.get("tablespaces", True) and rest.get("create_tablespaces"):
        raise UsageError("--tablespaces and --no-tablespaces exclude each other.")
    rest["mask_key"] = mask_key.chosen(rest.get("mask_key"), rest.pop("mask_key_env", None))
    if (definition := rest.pop("define", None)) is not None:
        rest["definition"] = definition
    return from_flags(source=one("source", source), destination=one("destination", destination), **wanted, **rest)
