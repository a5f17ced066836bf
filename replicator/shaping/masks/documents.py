"""Masks inside a JSON document: paths, each with a mask of its own. The rest of the document stays as it is."""

import re
from collections.abc import Callable, Mapping, Sequence

from replicator.shaping.masks.hashing import literal, once
from replicator.shaping.masks.value import Unfit, Value

STEP = re.compile(r"""\s*(?:\$|"((?:[^"\\]|\\.)*)"|([^\s."\[\]$]+)|\[\s*\*\s*\])\s*(?:\.|(?=\[)|\Z)""")
ANY = "*"

Leaf = Callable[[Value], str]
"""Return the masked form of a text, or of a number, as jsonb."""


def steps(path: str) -> tuple[str, ...]:
    """Return the keys of a path; `*` for any. Elements of arrays need no step of their own. Raises Unfit.

    >>> steps('$.users[*].email'), steps('"a.b".*')
    (('users', 'email'), ('a.b', '*'))
    """
    found: list[str] = []
    place = 0
    while place < len(path):
        step = STEP.match(path, place)
        if not step:
            raise Unfit(f"{path!r} is no path into a document.", 'Write keys with dots between them: "user.email".')
        found += [key for key in (step[1], step[2]) if key is not None]
        place = step.end()
    return tuple(found)


def document(value: Value, paths: Mapping[str, Leaf]) -> str:
    """Return the document with the values at these paths masked, wherever they are in arrays, too.

    A value that is neither text nor number becomes text, since it may hold anything; an array in an array becomes null.
    JSON's null stays.
    """
    made = f"({value.sql})::pg_catalog.jsonb"
    for path, leaf in paths.items():
        made = _at(value, made, steps(path), leaf, 0)
    return made


def _at(value: Value, part: str, keys: Sequence[str], leaf: Leaf, depth: int) -> str:
    """Return a part of a document, masked; of an array, each element. What is no array is read as an array of one."""
    whole, each = f"w{depth}.v", f"e{depth}"
    is_array = f"pg_catalog.jsonb_typeof({whole}) = 'array'"
    masked = _member(value, f"{each}.v", keys, leaf, depth) if keys else _scalar(value, f"{each}.v", leaf)
    array = f"CASE WHEN {is_array} THEN {whole} ELSE pg_catalog.jsonb_build_array({whole}) END"
    elements = (
        f"(SELECT pg_catalog.jsonb_agg({masked} ORDER BY {each}.n)"
        f" FROM pg_catalog.jsonb_array_elements({array}) WITH ORDINALITY AS {each} (v, n))"
    )
    result = once(
        f"{elements} AS v",
        f"CASE WHEN {is_array} THEN COALESCE(r{depth}.v, '[]') ELSE r{depth}.v -> 0 END",
        f"r{depth}",
    )
    return once(f"{part} AS v", f"CASE WHEN {whole} IS NOT NULL THEN {result} END", f"w{depth}")


def _scalar(value: Value, part: str, leaf: Leaf) -> str:
    """Return a value at the end of a path, masked."""
    text = value.of(f"{part} #>> '{{}}'", "text", "pg_catalog.text")
    number = value.of(f"({part} #>> '{{}}')::pg_catalog.numeric", "numeric", "pg_catalog.numeric")
    return (
        f"CASE pg_catalog.jsonb_typeof({part}) WHEN 'null' THEN {part} WHEN 'array' THEN 'null'"
        f" WHEN 'number' THEN {leaf(number)} ELSE {leaf(text)} END"
    )


def _member(value: Value, part: str, keys: Sequence[str], leaf: Leaf, depth: int) -> str:
    """Return an object with one of its members masked, or all."""
    key, *rest = keys
    if key == ANY:
        each = _at(value, "m.value", rest, leaf, depth + 1)
        members = f"pg_catalog.jsonb_each({part}) AS m"
        made = f"(SELECT COALESCE(pg_catalog.jsonb_object_agg(m.key, {each}), '{{}}') FROM {members})"
    else:
        name = literal(key)
        inner = _at(value, f"{part} -> {name}::pg_catalog.text", rest, leaf, depth + 1)
        made = (
            f"CASE WHEN pg_catalog.jsonb_exists({part}, {name}) THEN"
            f" pg_catalog.jsonb_set({part}, ARRAY[{name}]::pg_catalog.text[], {inner}) ELSE {part} END"
        )
    return f"CASE pg_catalog.jsonb_typeof({part}) WHEN 'object' THEN {made} WHEN 'array' THEN 'null' ELSE {part} END"
