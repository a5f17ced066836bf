"""Numbers, durations, sizes and rates as people write them."""

import re

import click

from replicator.errors import UsageError


class WholeNumber(click.IntRange):
    """A whole number, which click calls an integer range in its messages."""

    name = "whole number"


class Number(click.FloatRange):
    """A number, which click calls a float range."""

    name = "number"


def duration(text: str) -> float:
    """Return the seconds of 90, 90s, 10m, 1.5h or 2d."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", str(text))
    if not match:
        raise click.BadParameter(f"{text!r} is no duration: write 90, 90s, 10m, 1.5h or 2d.")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def bytes_a_second(text: str) -> int:
    """Return a rate in bytes a second. Raises UsageError."""
    if rate := bytes_of(text, end="(/s)?"):
        return rate
    raise UsageError(f"--max-rate {text} is no rate.", hint="Write it as 800kB/s, 50MB/s or 1.5GB/s.")


def bytes_of(text: str, end: str = "") -> int:
    """Return a size in bytes; 0 where it is none, or has no unit. `end` is a pattern of what may follow.

    >>> bytes_of("50MB"), bytes_of("1.5 MiB"), bytes_of("2GB/s"), bytes_of("50")
    (50000000, 1572864, 0, 0)
    """
    written = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?{end}", text.strip(), re.IGNORECASE)
    if not written or not re.search(r"[kMGTB]", text, re.IGNORECASE):  # a number alone is taken for another unit
        return 0
    return int(float(written[1]) * (1024 if written[3] else 1000) ** " KMGT".index(written[2].upper() or " "))


def rate(context: click.Context, parameter: click.Parameter, value: object) -> int | None:
    """Return what --max-rate says, in bytes a second."""
    return None if value is None else bytes_a_second(str(value))


def split_size(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    """Return what --split-larger-than says, in bytes: None for auto, 0 for never. Raises UsageError."""
    if value in ("auto", "never"):
        return None if value == "auto" else 0
    if not (size := bytes_of(value)):
        raise UsageError(f"--split-larger-than {value} is no size.", hint="Write auto, never, 500MB or 2GB.")
    return size


def memory(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return what --maintenance-work-mem says, in bytes. Raises UsageError."""
    if value is None:
        return None
    if not (size := bytes_of(value)):
        raise UsageError(f"--maintenance-work-mem {value} is no size.", hint="Write 64MB or 1GB.")
    return size
