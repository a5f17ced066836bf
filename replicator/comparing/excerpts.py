"""Where two definitions differ: long ones are cut to the differing parts, with a few words around them.

>>> words("SELECT a", "SELECT b")
([('SELECT ', False), ('a', True)], [('SELECT ', False), ('b', True)])
"""

import re
from difflib import SequenceMatcher

from replicator.secrets import STARS, without_secrets

WHOLE_CHARACTERS = 200  # shorter definitions are shown whole
AROUND = 12  # words, blanks and signs
MOST_WORDS = 4000
"""Longer definitions are compared by lines, since the time grows with the square of the number."""
WORD = re.compile(r"\w+|\s+|[^\w\s]")
LINE = re.compile(r"[^\n]*\n|[^\n]+")

Excerpt = list[tuple[str, bool]]
"""Pieces of a text in order; True: it differs."""


def described(source: str, destination: str) -> str:
    """Describe how two definitions differ, also if only their secrets do."""
    one, other = without_secrets(source), without_secrets(destination)
    if one == other and source != destination:
        return f"{one} on both sides, but with another secret ({STARS})"
    left, right = words(one, other)
    return f"{text(left)} on the source, {text(right)} on the destination"


def text(excerpt: Excerpt) -> str:
    """Return an excerpt's text."""
    return "".join(piece for piece, _ in excerpt)


def words(one: str, other: str) -> tuple[Excerpt, Excerpt]:
    """Return the excerpts of both texts."""
    pieces = WORD if len(WORD.findall(one)) + len(WORD.findall(other)) < MOST_WORDS else LINE
    left, right = pieces.findall(one), pieces.findall(other)
    ones: list[tuple[list[str], bool]] = []
    others: list[tuple[list[str], bool]] = []
    for tag, i, j, k, m in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        ones.append((left[i:j], tag != "equal"))
        others.append((right[k:m], tag != "equal"))
    return _shortened(ones, len(one)), _shortened(others, len(other))


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
