"""Check the values of options: their types, which are the annotations of `Settings`, and their ranges."""

import math
from collections.abc import Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from replicator.errors import UsageError
from replicator.settings.definition import Definition

YEARS = 10
MOST_MILLISECONDS = 2**31 - 1  # of PostgreSQL's timeouts
MOST_SHOWN = 60


class Range(NamedTuple):
    """The least and the greatest value, and what an option takes, in words."""

    least: float
    most: float
    takes: str


COUNT = Range(1, 2**31 - 1, "a whole number of at least 1")
NOT_NEGATIVE = Range(0, math.inf, "a whole number of at least 0")
SECONDS = Range(0, YEARS * 365 * 86400, f"a duration of at most {YEARS} years, in seconds")
RANGES = {
    **dict.fromkeys(("jobs", "copy_jobs", "index_jobs", "wait_attempts"), COUNT),
    **dict.fromkeys(("wait_delay", "retry_seconds", "hold_snapshot_seconds"), SECONDS),
    "stall_seconds": SECONDS._replace(least=0.001, takes=f"a duration greater than 0, {SECONDS.takes[11:]}"),
    "lock_timeout": Range(0, MOST_MILLISECONDS / 1000, f"seconds, at most {MOST_MILLISECONDS / 1000} (24 days)"),
    "max_rate": Range(1, math.inf, "bytes a second, a whole number greater than 0"),
    "maintenance_work_mem": Range(1, math.inf, "bytes, a whole number greater than 0"),  # the server knows its limits
    "split_larger_than": NOT_NEGATIVE._replace(takes="bytes, a whole number of at least 0"),
    "show_rows": NOT_NEGATIVE,
    "keep_previous": NOT_NEGATIVE._replace(takes='a whole number of at least 0, or "all"'),
}
CONNINFO = {"source", "destination"}
"""They may have a password, so their values are never shown."""


def checked(name: str, value: object, kind: Any) -> object:
    """Return an option's value as its annotation has it: an enum for its value, a tuple for a list.

    Raises UsageError, which names the option and says what it takes.
    """
    found = [fitting for each in _alternatives(kind) for fitting in _fitting(value, each)]
    limits = RANGES.get(name)
    if found and not (limits and isinstance(found[0], int | float) and not limits.least <= found[0] <= limits.most):
        return found[0]
    shown = type(value).__name__ if name in CONNINFO else repr(value)
    takes = limits.takes if limits else " or ".join(map(_words, _alternatives(kind)))
    hint = f"Write ({value!r},)." if isinstance(value, str) and get_origin(kind) is tuple else None
    raise UsageError(f"`{name}` takes {takes}, not {shown[:MOST_SHOWN]}.", hint=hint)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _fitting(value: Any, kind: Any) -> list[Any]:
    """Return the value as this type has it; nothing if it has another type."""
    if get_origin(kind) is Literal:
        return [each for each in get_args(kind) if type(each) is type(value) and each == value]
    if get_origin(kind) is tuple:
        fits = isinstance(value, tuple | list) and all(isinstance(each, str) for each in value)
        return [tuple(value)] if fits else []
    if kind is Definition:
        value = Definition.of(value) if isinstance(value, Mapping) else value
        return [value] if isinstance(value, Definition) else []
    if issubclass(kind, Enum):
        return [each for each in kind if value in (each, each.value)] if isinstance(value, str) else []
    if kind is bool:
        return [bool(value)] if isinstance(value, int) and value in (0, 1) else []
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return [value] if kind in (str, NoneType) and isinstance(value, kind) else []
    if kind is float or (kind is int and value == int(value)):
        return [value if isinstance(value, int) else kind(value)]
    return []


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is tuple:
        return "a tuple of strings"
    if issubclass(kind, Enum):
        return " or ".join(repr(each.value) for each in kind)
    return {Definition: "a definition", bool: "True or False", str: "a string", NoneType: "None"}.get(kind, "a number")
