"""Which brackets of an expression mean something. A server prints them all, and some are gone when it has read that.

`((a AND b) AND c)` is read as one AND of three; a cast that is left out of a comparison leaves its brackets behind.
All others say what belongs together, and count.
"""

import re
from collections.abc import Iterator, Sequence

Group = list["str | Group"]
TOKEN = re.compile(r"[()\[\],]|[^\s()\[\],]+")
CONNECTIVES = ("AND", "OR")
BEFORE_AN_OPERAND = {None, "AND", "OR", "NOT", "[", ","}


def structure(parts: Sequence[str]) -> str:
    """Return a definition, its literals and quoted names at the odd places, without the brackets that mean nothing.

    >>> structure(["((a AND b) AND c)"]) == structure(["(a AND b AND c)"])
    True
    >>> structure(["(a AND (b OR c))"]) == structure(["((a AND b) OR c)"])
    False
    >>> structure(["((a) = ", "'x'", ")"]) == structure(["(a = ", "'x'", ")"])
    True
    >>> len(structure(["(" * 9999 + "a" + " || b)" * 9999]))
    89992
    """
    tokens = [*_tokens(parts)]
    try:
        return " ".join(_words(_grouped(iter([*tokens, ")"]))))
    except RecursionError:  # deeper than Python goes: all count
        return " ".join(tokens)


def _tokens(parts: Sequence[str]) -> Iterator[str]:
    for number, part in enumerate(parts):
        if number % 2:
            yield part
        else:
            yield from TOKEN.findall(part)


def _grouped(tokens: Iterator[str]) -> Group:
    """Return what is within brackets, down to the one that closes them, as a list in which groups are lists."""
    group: Group = []
    for token in tokens:
        if token == ")":
            break
        group.append(_grouped(tokens) if token == "(" else token)
    while len(group) == 1 and isinstance(group[0], list):
        group = group[0]
    return _flat(group)


def _flat(group: Group) -> Group:
    """Take the brackets off operands that need none: single words, and an AND within an AND."""
    connectives = _connectives(group)
    flat: Group = []
    for before, element, after in zip([None, *group], group, [*group[1:], None], strict=False):
        if isinstance(element, list) and (
            (len(element) == 1 and _takes_operand(before))
            or (len(connectives) == 1 and _connectives(element) == connectives and _between(connectives, before, after))
        ):
            flat += element
        else:
            flat.append(element)
    return flat


def _between(connectives: set[str], before: "str | Group | None", after: "str | Group | None") -> bool:
    return all(side is None or (isinstance(side, str) and side in connectives) for side in (before, after))


def _takes_operand(before: "str | Group | None") -> bool:
    """Tell whether what follows this is an operand, and not the arguments of a function, a list, a query."""
    return not isinstance(before, list) and (before in BEFORE_AN_OPERAND or not re.search(r"[\w'\"]", before or ""))


def _connectives(group: Group) -> set[str]:
    return {word for word in group if isinstance(word, str) and word in CONNECTIVES}


def _words(group: Group) -> Iterator[str]:
    for element in group:
        if isinstance(element, list):
            yield "("
            yield from _words(element)
            yield ")"
        else:
            yield element
