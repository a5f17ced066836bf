"""Lines as wide as the terminal: words are not broken. Elsewhere, a line stays one."""

import os
import re
import sys
from typing import TextIO
from unicodedata import east_asian_width

CONTROL = re.compile(r"\x1b\[[0-9;]*m")
WORD = re.compile(r"""(?:(?<!\w)E?'(?:[^']|'')*'|(?<!\w)"(?:[^"]|"")*"|\S)+""")
"""Quoted text is one word: a line break would change a statement that is copied from the terminal."""
INDENT = 4


def folded(line: str, width: int) -> str:
    """Break a line between words so that it fits; what follows is indented. A longer word stays as it is.

    >>> folded("  problem: it is not empty", 18)
    '  problem: it is\\n      not empty'
    """
    if columns(line) <= width:
        return line
    indent = len(line) - len(line.lstrip(" "))
    lines, now = [], " " * indent
    for found in WORD.finditer(line):
        space = "" if now.isspace() or not now else " "
        if space and columns(now) + 1 + columns(found[0]) > width:
            lines.append(now)
            now, space = " " * (indent + INDENT), ""
        now += space + found[0]
    return "\n".join([*lines, now])


def columns(text: str) -> int:
    """Return how many columns a text takes on a terminal."""
    plain = CONTROL.sub("", text)
    return len(plain) if plain.isascii() else sum(1 + (east_asian_width(c) in "WF") for c in plain)


def width_of(stream: TextIO) -> int | None:
    """Return the width of a terminal; None for anything else."""
    try:
        return (os.get_terminal_size(stream.fileno()).columns or None) if stream.isatty() else None
    except (OSError, ValueError):
        return None


def fitting(text: str, stream: TextIO | None = None) -> str:
    """Return a text of several lines as it fits a stream (default: the current sys.stdout)."""
    width = width_of(stream or sys.stdout)
    return "\n".join(folded(line, width) for line in text.split("\n")) if width else text
