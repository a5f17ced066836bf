"""Which brackets of an expression mean something. A server prints them all, and some are gone when it has read that.

`((a AND b) AND c)` is read as one AND of three, `(ARRAY[a, b])::text[]` as `ARRAY[(a)::text, (b)::text]`: a column of
type varchar with IN comes back so; `(a::text)::name` is `a::text::name`. All others say what belongs together.
"""

import re
from collections.abc import Iterator, Sequence

Group = list["str | Group"]
TOKEN = re.compile(r"[()\[\],;]|(?:::)?(?:(?!::)[^\s()\[\],;])+")
CONNECTIVES = ("AND", "OR")
OF_TYPES = {"varying", "precision", "without", "with", "time", "zone"}
BEFORE_AN_OPERAND = {None, "AND", "OR", "NOT", "[", ","}


def structure(parts: Sequence[str]) -> str:
    """Return a definition, its literals and quoted names at the odd places, without the brackets that mean nothing.

    >>> structure(["((a AND b) AND c)"]) == structure(["(a AND b AND c)"])
    True
    >>> structure(["(a AND (b OR c))"]) == structure(["((a AND b) OR c)"])
    False
    >>> structure(["((a) = ", "'x'", ")"]) == structure(["(a = ", "'x'", ")"])
    True
    >>> structure(["((a)::text = ANY ((ARRAY[", "'x'", "::character varying, b])::text[]))"])
    "a ::text = ANY ( ARRAY [ 'x' ::character varying ::text , b ::text ] )"
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
    return _flat(_cast_one_by_one(group))


def _cast_one_by_one(group: Group) -> Group:
    """Write the cast of a list of values to an array as casts of the values."""
    result: Group = []
    place = 0
    group = _arrays_bracketed(group)
    while place < len(group):
        element = group[place]
        place += 1
        cast = _cast_to_array(group, place) if isinstance(element, list) else []
        if isinstance(element, list) and cast and (values := _values(element)):
            place += len(cast) + 2
            for number, value in enumerate(values):
                result += [",", value, *cast] if number else ["ARRAY", "[", value, *cast]
            result.append("]")
        else:
            result.append(element)
    return result


def _arrays_bracketed(group: Group) -> Group:
    """Put brackets around ARRAY[…], which a server leaves out where it prints prettily, before a cast."""
    if "ARRAY" not in group:
        return group
    result: Group = []
    place = 0
    while place < len(group):
        end = place
        if group[place : place + 2] == ["ARRAY", "["]:
            end = next((n for n in range(place, len(group)) if group[n] == "]"), place)
        inner = group[place : end + 1]
        result += [inner] if len(inner) > 1 and _cast_to_array(group, end + 1) else inner
        place = end + 1
    return result


def _cast_to_array(group: Group, place: int) -> Group:
    """Return the words of the cast that begins at this place, without the brackets that make its type an array."""
    end = place
    while end < len(group) and _is_of_cast(group[end], first=end == place):
        end += 1
    return group[place:end] if group[end : end + 2] == ["[", "]"] else []


def _is_of_cast(word: "str | Group", *, first: bool) -> bool:
    return isinstance(word, str) and (word.startswith("::") if first else word in OF_TYPES)


def _values(group: Group) -> list[Group]:
    """Return the values of ARRAY[…], if that is all there is, and none of them an array."""
    if group[:2] != ["ARRAY", "["] or "ARRAY" in group[1:] or group[2:].index("]") != len(group) - 3:
        return []
    values: list[Group] = [[]]
    for element in group[2:-1]:
        if element == ",":
            values.append([])
        else:
            values[-1].append(element)
    return [value[0] if len(value) == 1 and isinstance(value[0], list) else value for value in values]


def _flat(group: Group) -> Group:
    """Take the brackets off operands that need none: single words, and an AND within an AND."""
    connectives = _connectives(group)
    flat: Group = []
    for before, element, after in zip([None, *group], group, [*group[1:], None], strict=False):
        if isinstance(element, list) and (
            (len(element) == 1 and _takes_operand(before))
            or (isinstance(after, str) and after.startswith("::") and _takes_operand(before) and _is_cast(element))
            or (len(connectives) == 1 and _connectives(element) == connectives and _between(connectives, before, after))
        ):
            flat += element
        else:
            flat.append(element)
    return flat


def _is_cast(group: Group) -> bool:
    """Tell whether a group is one operand with casts and nothing else."""
    return str(group[1:2]).startswith("['::") and all(
        str(word[0]).isdigit() if isinstance(word, list) else word.startswith("::") or word in OF_TYPES | {"[", "]"}
        for word in group[1:]
    )


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
