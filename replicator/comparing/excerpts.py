"""Where two definitions differ: of long ones only that, with a few words around it.

>>> words("SELECT a", "SELECT b")
([('SELECT ', False), ('a', True)], [('SELECT ', False), ('b', True)])
"""

import re
from difflib import SequenceMatcher

from replicator.secrets import STARS, without_secrets

WHOLE_CHARACTERS = 200  # a definition of so many is shown whole
AROUND = 12  # words, blanks and signs
MOST_WORDS = 4000
"""The time goes with their square: of longer definitions lines are compared."""
WORD = re.compile(r"\w+|\s+|[^\w\s]")
LINE = re.compile(r"[^\n]*\n|[^\n]+")

Excerpt = list[tuple[str, bool]]
"""Pieces of a text in order; True: it differs."""


def told(here: str, there: str) -> str:
    """Say in what definitions differ; where only what is secret does, that it does."""
    one, other = without_secrets(here), without_secrets(there)
    if one == other and here != there:
        return f"{one} on both sides, but what is secret in it ({STARS}) differs"
    left, right = words(one, other)
    return f"{text(left)} on the source, {text(right)} on the destination"


def text(excerpt: Excerpt) -> str:
    """Return an excerpt's text."""
    return "".join(piece for piece, _ in excerpt)


def words(one: str, other: str) -> tuple[Excerpt, Excerpt]:
    """Return what is shown of either text."""
    pieces = WORD if len(WORD.findall(one)) + len(WORD.findall(other)) < MOST_WORDS else LINE
    left, right = pieces.findall(one), pieces.findall(other)
    here: list[tuple[list[str], bool]] = []
    there: list[tuple[list[str], bool]] = []
    for tag, i, j, k, m in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        here.append((left[i:j], tag != "equal"))
        there.append((right[k:m], tag != "equal"))
    return _shortened(here, len(one)), _shortened(there, len(other))


def _shortened(side: list[tuple[list[str], bool]], length: int) -> Excerpt:
    excerpt: Excerpt = []
    for number, (pieces, differs) in enumerate(side):
        words = "".join(pieces)
        if length > WHOLE_CHARACTERS and not differs:
            before = pieces[:AROUND] if number else []
            after = pieces[-AROUND:] if number + 1 < len(side) else []
            if len(before) + len(after) < len(pieces):
                words = f"{''.join(before).rstrip()} … {''.join(after).lstrip()}"
                words = words.lstrip() if not before else words.rstrip() if not after else words
        if words:
            excerpt.append((words, differs))
    return excerpt
