"""All masks by name: which types each fits, its options, and the SQL that it becomes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from replicator.settings.definition import MaskRule
from replicator.shaping.masks import amounts, documents, people
from replicator.shaping.masks.hashing import literal
from replicator.shaping.masks.value import Family, Unfit, Value

Check = Callable[[object], bool]
Option = tuple[Any, str, Check]
"""The default, what it takes in words, and whether a value is right. No default: it must be given."""
MUST = object()


def _one_of(default: str, *others: str) -> Option:
    choices = (default, *others)
    return default, f"one of {', '.join(choices)}", lambda value: value in choices


def _count(default: int, least: int, most: int) -> Option:
    def right(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return default, f"a whole number from {least} to {most}", right


def _percent(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100


def _constant(value: object) -> bool:
    return isinstance(value, str | int | float) and "\0" not in str(value)


@dataclass(frozen=True, slots=True)
class Mask:
    """A kind of mask. `make` gets a value and the options by name."""

    make: Callable[..., str]
    families: frozenset[Family]
    options: Mapping[str, Option] = field(default_factory=dict)
    few: bool = False
    """It gives so few different values that two rows often get the same."""
    keyed: bool = True


TEXT = frozenset({Family.TEXT})
ANY = frozenset(Family)
FIGURES = frozenset({Family.TEXT, Family.INTEGER, Family.NUMERIC})
BY = ("", "the name of a column", lambda value: isinstance(value, str))
PATHS = (MUST, "a table of paths and masks", lambda value: isinstance(value, Mapping) and bool(value))
CONSTANT = (MUST, "a text or a number", _constant)
SQL = (MUST, "an SQL expression", lambda value: isinstance(value, str) and bool(value))


def _const(into: Value, /, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if into.limit is not None and len(text) > into.limit:
        raise Unfit(f"{text!r} is longer than {into.limit} characters.")
    return literal(text)


def _json(value: Value, paths: Mapping[str, Any]) -> str:
    return documents.document(value, {path: _leaf(path, rule) for path, rule in paths.items()})


MASKS: Mapping[str, Mask] = {
    "email": Mask(people.email, TEXT),
    "name": Mask(people.name, TEXT, {"part": _one_of("full", "first", "last")}, few=True),
    "phone": Mask(amounts.phone, FIGURES),
    "address": Mask(people.address, TEXT, {"part": _one_of("full", "street", "city")}, few=True),
    "text": Mask(amounts.text, TEXT),
    "digits": Mask(
        amounts.digits,
        FIGURES,
        {"keep_first": _count(0, 0, 20), "keep_last": _count(0, 0, 20), "check": _one_of("auto", "none")},
    ),
    "uuid": Mask(people.uuid, frozenset({Family.UUID, Family.TEXT})),
    "date": Mask(
        amounts.date, frozenset({Family.DATE, Family.TIMESTAMP}), {"days": _count(180, 1, 36500), "by": BY}, few=True
    ),
    "number": Mask(
        amounts.noise,
        frozenset({Family.INTEGER, Family.NUMERIC, Family.FLOAT}),
        {"percent": (10, "a number above 0, at most 100", _percent)},
        few=True,
    ),
    "json": Mask(_json, frozenset({Family.JSON}), {"paths": PATHS}),
    "inet": Mask(people.inet, frozenset({Family.INET, Family.TEXT})),
    "constant": Mask(_const, ANY, {"value": CONSTANT}, few=True, keyed=False),
    "null": Mask(lambda value: "NULL", ANY, keyed=False),
    "sql": Mask(lambda value, sql: f"({sql}\n)", ANY, {"sql": SQL}, keyed=False),
    "plain": Mask(lambda value: value.sql, ANY, keyed=False),
}
PLAIN = "plain"


def options(rule: MaskRule) -> dict[str, Any]:
    """Return a rule's options with their defaults. Raises Unfit if the mask or an option is unknown or wrong."""
    mask = MASKS.get(rule.mask)
    if mask is None:
        alike = get_close_matches(rule.mask, MASKS, 1)
        hint = f"Did you mean {alike[0]}?" if alike else f"Possible: {', '.join(MASKS)}."
        raise Unfit(f"there is no mask {rule.mask!r}." if rule.mask else "the key `mask` is missing.", hint)
    for name in rule.options:
        if name not in mask.options:
            alike = get_close_matches(name, mask.options, 1)
            known = ", ".join(mask.options) or "none"
            hint = f"Did you mean {alike[0]}?" if alike else f"Possible: {known}."
            raise Unfit(f"the mask {rule.mask} has no option {name}.", hint)
    for name, (default, takes, right) in mask.options.items():
        if name not in rule.options and default is MUST:
            raise Unfit(f"the mask {rule.mask} needs the option {name}: {takes}.")
        if name in rule.options and not right(rule.options[name]):
            raise Unfit(f"{name} must be {takes}.")
    return {name: default for name, (default, *_) in mask.options.items()} | dict(rule.options)


def masked(value: Value, rule: MaskRule) -> str:
    """Return the SQL of a masked value, in the value's type; NULL for NULL, but of a constant. Raises Unfit."""
    given = options(rule)
    mask = MASKS[rule.mask]
    if value.family not in mask.families:
        fits = ", ".join(sorted(name for name, each in MASKS.items() if value.family in each.families))
        raise Unfit(f"the mask {rule.mask} does not fit the type {value.type}.", f"These fit: {fits}.")
    if rule.mask == PLAIN:
        return value.sql
    return f"({mask.make(value, **given)})::{value.type}"


def _leaf(path: str, given: object) -> documents.Leaf:
    rule = _inner(path, given)
    mask = MASKS[rule.mask]
    if rule.mask in ("sql", "json") or not mask.families & {Family.TEXT, Family.NUMERIC}:
        raise Unfit(f"the mask {rule.mask} is not possible at a path ({path}).")

    def leaf(value: Value) -> str:
        if rule.mask == "constant":
            return f"{literal(json.dumps(rule.options['value']))}::pg_catalog.jsonb"
        if rule.mask == PLAIN:
            return f"pg_catalog.to_jsonb({value.sql})"
        if value.family not in mask.families and Family.TEXT in mask.families:
            value = value.of(value.text, "text", "pg_catalog.text")
        if rule.mask == "null" or value.family not in mask.families:  # a number's mask, at a text
            return "'null'::pg_catalog.jsonb"
        return f"pg_catalog.to_jsonb({masked(value, rule)})"

    return leaf


def _inner(path: str, given: object) -> MaskRule:
    if isinstance(given, str):
        given = {"mask": given}
    if not isinstance(given, Mapping) or not isinstance(given.get("mask"), str):
        raise Unfit(f'a mask is needed for {path}, as "email" or {{ mask = "digits" }}.')
    rule = MaskRule(given["mask"], {name: value for name, value in given.items() if name != "mask"})
    options(rule)
    return rule
