"""Types that accept another type's values but change them silently, by rounding or truncating.

A value that does not fit at all (a number too large, a string too long) is an error, so it cannot go unnoticed.
"""

import re
from typing import NamedTuple

MICROSECONDS = 6
VARYING = "character varying"
WORDS = ("text", VARYING, "character", "name", '"char"')
BITS = {"real": 24, "double precision": 53}
"""Binary digits of precision."""
INTEGER_BITS = {"smallint": 15, "integer": 31, "bigint": 63}
TIMES = (
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
    "time with time zone",
    "interval",
)
KEPT_BY = {("date", "timestamp without time zone"), ("time without time zone", "interval")}
"""Pairs of types: the second represents every value of the first."""


class Declared(NamedTuple):
    """A type: its name, the fields of an interval, its modifiers."""

    name: str
    fields: str
    modifiers: tuple[int, ...]


def declared(text: str) -> Declared:
    """Parse the output of format_type.

    >>> declared("timestamp(0) with time zone"), declared("interval day to second(3)")[1:]
    (Declared(name='timestamp with time zone', fields='', modifiers=(0,)), ('day to second', (3,)))
    """
    found = re.fullmatch(r"(.*?)\((-?\d+(?:,-?\d+)*)\)(.*)", text)
    name = found[1] + found[3] if found else text
    modifiers = tuple(int(number) for number in found[2].split(",")) if found else ()
    word, _, fields = name.partition(" ")
    return Declared(word, fields, modifiers) if word == "interval" else Declared(name, "", modifiers)


def is_lossy(source: str, destination: str) -> bool:
    """Tell whether converting a value between these types may change it without an error.

    >>> is_lossy("numeric(12,4)", "numeric(12,2)"), is_lossy("numeric(12,2)", "numeric(12,4)")
    (True, False)
    >>> is_lossy("double precision", "real"), is_lossy("bigint", "numeric"), is_lossy("integer", "bigint")
    (True, False, False)
    """
    if source == destination:
        return False
    given, wanted = declared(source), declared(destination)
    if wanted.name == "numeric":
        return _rounds(given, wanted)
    if wanted.name == "money":
        return given.name not in ("money", *INTEGER_BITS)
    if wanted.name in BITS:
        known = BITS.get(given.name) or INTEGER_BITS.get(given.name)
        return known is None or known > BITS[wanted.name]
    if wanted.name in TIMES:
        return _cuts(given, wanted)
    if wanted.name == VARYING and given.name == "character":
        return bool(wanted.modifiers) and (given.modifiers or (1,)) > wanted.modifiers  # the blanks that pad it are cut
    # An internal "char" takes the first byte of a word, a name its first 63; character(n) pads with blanks.
    return wanted.name in ("name", '"char"', "character") and given.name in WORDS and given.name != wanted.name


def most_characters(source: str, destination: str) -> int | None:
    """Return how many characters a word may have, where the source's type allows more; None: any that it allows.

    A longer one is an error, unless what is too much are blanks: these are cut off.

    >>> most_characters("text", "character varying(9)"), most_characters("character varying(9)", "text")
    (9, None)
    """
    given, wanted = declared(source), declared(destination)
    if wanted.name != VARYING or not wanted.modifiers or given.name not in ("text", VARYING):
        return None
    return wanted.modifiers[0] if not given.modifiers or given.modifiers > wanted.modifiers else None


def _rounds(given: Declared, wanted: Declared) -> bool:
    if not wanted.modifiers:
        return False
    scale = wanted.modifiers[1] if len(wanted.modifiers) > 1 else 0
    if given.name in INTEGER_BITS:
        return scale < 0
    if given.name == "numeric" and given.modifiers:
        return scale < (given.modifiers[1] if len(given.modifiers) > 1 else 0)
    return True


def _cuts(given: Declared, wanted: Declared) -> bool:
    if given.name != wanted.name:
        return (given.name, wanted.name) not in KEPT_BY or bool(wanted.modifiers or wanted.fields)
    digits, fewer = (kind.modifiers[0] if kind.modifiers else MICROSECONDS for kind in (given, wanted))
    return fewer < digits or (bool(wanted.fields) and wanted.fields != given.fields)
