"""Numbers, durations, sizes and rates as people write them."""

import re

import click

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class WholeNumber(click.IntRange):
    """A whole number, which click calls an integer range in its messages."""

    name = "whole number"


class Number(click.FloatRange):
    """A number, which click calls a float range."""

    name = "number"


def duration(text: str) -> float:
    """Return the seconds of 90, 90s, 10m, 1.5h, 1h30m or 2d.

    >>> duration("1h30m"), duration("90")
    (5400.0, 90.0)
    """
    text = str(text).strip()
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhd])\s*", text) if not text[-1:].isdigit() else [(text, "")]
    if not re.fullmatch(r"\d+(\.\d+)?|(\d+(\.\d+)?\s*[smhd]\s*)+", text):
        raise click.BadParameter(f"{text!r} is not a duration: write 90s, 10m, 1.5h, 1h30m or 2d.")
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def bytes_of(text: str, end: str = "") -> int:
    """Return a size in bytes; 0 where it is none, or has no unit. `end` is a pattern of what may follow.

    >>> bytes_of("50MB"), bytes_of("1.5 MiB"), bytes_of("2GB/s", "/s"), bytes_of("50")
    (50000000, 1572864, 2000000000, 0)
    """
    written = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?{end}", text.strip(), re.IGNORECASE)
    if not written or not re.search(r"[kMGTB]", text, re.IGNORECASE):  # a number alone is taken for another unit
        return 0
    return int(float(written[1]) * (1024 if written[3] else 1000) ** " KMGT".index(written[2].upper() or " "))


def rate(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return a rate in bytes a second."""
    if value is None:
        return None
    if not (size := bytes_of(value, end="(/s)?")):
        raise click.BadParameter(f"{value!r} is not a rate: write 800kB/s, 50MB/s or 1.5GB/s.")
    return size


def split_size(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    """Return what --split-larger-than says, in bytes: None for auto, 0 for never."""
    if value in ("auto", "never"):
        return None if value == "auto" else 0
    return size(value, "auto, never, 500MB or 2GB")


def memory(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return what --maintenance-work-mem says, in bytes."""
    return None if value is None else size(value, "64MB or 1GB")


def size(value: str, examples: str) -> int:
    """Return a size in bytes. Raises click's BadParameter."""
    if not (size := bytes_of(value)):
        raise click.BadParameter(f"{value!r} is not a size: write {examples}.")
    return size


def keep(context: click.Context, parameter: click.Parameter, value: str) -> object:
    """Return how many replaced databases --keep-previous keeps: a number, or all."""
    if value == "all" or value.isdecimal():
        return value if value == "all" else int(value)
    raise click.BadParameter(f"{value!r} is not a number of databases: write 3, or no value to keep all.")
