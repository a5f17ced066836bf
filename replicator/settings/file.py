"""The TOML file with the command line's defaults."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import conninfo

from replicator.errors import UsageError
from replicator.settings.conninfo import has_password


def read_config(path: Path) -> dict[str, object]:
    """Return the defaults that a TOML file sets: `source` and `destination` as conninfo strings, options by name.

    Tables [source] and [destination] hold libpq's keys, [options] the command line's. Raises UsageError.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The file {path} is not valid TOML: {error}.") from error
    if unknown := sorted(tables.keys() - {"source", "destination", "options"}):
        raise UsageError(f"The file {path} has unknown tables: {', '.join(unknown)}.")
    defaults = dict(_table(tables, "options", path))
    for side in ("source", "destination"):
        if side in tables and side in defaults:
            raise UsageError(
                f"The file {path} names the {side} twice: in the table [options], and in a table [{side}].",
                hint="Leave one of them out.",
            )
        if side in tables:
            defaults[side] = _conninfo(_table(tables, side, path), f"table [{side}] of {path}")
    return defaults


def exposes_password(path: Path, defaults: Mapping[str, object]) -> bool:
    """Tell whether the file of these defaults has a password and is readable by other users."""
    shared = os.name == "posix" and path.stat().st_mode & 0o077
    return bool(shared) and any(has_password(str(defaults[s])) for s in ("source", "destination") if s in defaults)


def _table(tables: Mapping[str, object], name: str, path: Path) -> Mapping[str, object]:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{name} in the file {path} is not a table: write [{name}] on a line of its own.")
    return table


def _conninfo(keys: Mapping[str, object], where: str) -> str:
    for key, value in keys.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float) or "\0" in str(value):
            raise UsageError(f"The value of {key} in {where} is neither text nor a number.")
    try:
        return conninfo.make_conninfo("", **{key: str(value) for key, value in keys.items()})
    except psycopg.ProgrammingError as error:
        # libpq's message names the key, never a value.
        raise UsageError(f"The {where} has a key that libpq does not know: {str(error).strip()}.") from None
