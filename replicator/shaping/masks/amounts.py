"""Masks of numbers, dates and digits: a value near the original, or one of the same form."""

from replicator.shaping.masks.hashing import digest, number, once
from replicator.shaping.masks.shape import ascii_of, keeping, shaped
from replicator.shaping.masks.value import Family, Value

MICROSECONDS = 86_400_000_000
LIMITS = {"int2": 2**15 - 1, "int4": 2**31 - 1, "int8": 2**63 - 1}
DIGITS = {"int2": 5, "int4": 10, "int8": 19}
STEPS = 1_000_000
"""In how many steps up or down a number is changed."""
IBAN = "^[A-Za-z]{2}[0-9]{2}[A-Za-z0-9 ]{11,36}$"
CARD = "^(?:[^0-9]*[0-9]){12,19}[^0-9]*$"


def text(value: Value) -> str:
    """Return a text of the same shape."""
    return shaped(ascii_of(value.text, value.encoding), digest(value.text, "text", value.encoding), letters=True)


def phone(value: Value) -> str:
    """Return a number in the same format."""
    return _digits(value, "phone", 0, 0, check=False)


def digits(value: Value, keep_first: int, keep_last: int, check: str) -> str:
    """Return other digits in the same format; if check digits are kept, cards and IBANs are valid if they were."""
    return _digits(value, "digits", keep_first, keep_last, check=check == "auto")


def _digits(value: Value, label: str, first: int, last: int, *, check: bool) -> str:
    plain = ascii_of(value.text, value.encoding)
    other = shaped(plain, digest(value.text, label, value.encoding), letters=False)
    if value.family is Family.INTEGER:
        other = once(f"{other} AS m", _without_zero(DIGITS[value.base]), "z")
    kept = keeping(plain, other, first, last)
    return with_check_digits(plain, kept, last) if check else kept


def _without_zero(most: int) -> str:
    """Return a whole number of as many digits that fits into its type: as long as it was, no zero in front."""
    longest = f"pg_catalog.char_length(z.m) >= {most}"
    first = r"pg_catalog.regexp_replace(z.m, '^(-?)0(?=[0-9])', '\11')"
    return rf"CASE WHEN {longest} THEN pg_catalog.regexp_replace(z.m, '^(-?)[0-9]', '\11') ELSE {first} END"


def with_check_digits(original: str, masked: str, last: int) -> str:
    """Return the masked text with the check digit of a card or an IBAN, if the original had a right one.

    The last digits may be kept: then the one before them makes the sum right.
    """
    iban = f"c.a ~ '{IBAN}' AND {_mod_97('c.a')} = 1"
    card = f"c.a ~ '{CARD}' AND pg_catalog.mod({_luhn('c.a')}, 10) = 0"
    zeros = "pg_catalog.\"overlay\"(c.m, '00', 3)"
    sum = f"98 - {_mod_97(zeros)}"
    checked = f"pg_catalog.\"overlay\"(c.m, pg_catalog.lpad(({sum})::pg_catalog.text, 2, '0'), 3)"
    place = rf"pg_catalog.regexp_replace(c.m, '[0-9]((?:[^0-9]*[0-9]){{{last}}}[^0-9]*)$', '0\1')"
    missing = f"pg_catalog.mod(10 - pg_catalog.mod({_luhn('l.z')}, 10), 10)::pg_catalog.int4"
    # A digit at every second place counts twice, and 5 counts as 1: what gives 0, 1, 2 …
    figure = f"pg_catalog.substr('{'0516273849' if last % 2 else '0123456789'}', 1 + {missing}, 1)"
    replaced = rf"pg_catalog.regexp_replace(l.z, '0((?:[^0-9]*[0-9]){{{last}}}[^0-9]*)$', {figure} || '\1')"
    return once(
        f"{original} AS a, {masked} AS m",
        f"CASE WHEN {iban} THEN {checked} WHEN {card} THEN {once(f'{place} AS z', replaced, 'l')} ELSE c.m END",
        "c",
    )


def _luhn(text: str) -> str:
    """Return the sum of a card's digits, every second one from the right twice."""
    digit = "(pg_catalog.ascii(pg_catalog.substr(s.t, i, 1)) - 48)"
    twice = f"{digit} * 2 - CASE WHEN {digit} > 4 THEN 9 ELSE 0 END"
    each = f"CASE pg_catalog.mod(pg_catalog.char_length(s.t) - i, 2) WHEN 1 THEN {twice} ELSE {digit} END"
    sum = f"(SELECT pg_catalog.sum({each}) FROM pg_catalog.generate_series(1, pg_catalog.char_length(s.t)) AS i)"
    return once(f"pg_catalog.regexp_replace({text}, '[^0-9]', '', 'g') AS t", sum, "s")


def _mod_97(text: str) -> str:
    """Return what an IBAN leaves when divided by 97, its letters read as numbers from 10 on."""
    character = "pg_catalog.substr(s.t, i, 1)"
    letter = f"(pg_catalog.ascii({character}) - 55)::pg_catalog.text"
    figure = f"CASE WHEN {character} ~ '[0-9]' THEN {character} ELSE {letter} END"
    figures = (
        f"(SELECT pg_catalog.string_agg({figure}, '' ORDER BY i)"
        " FROM pg_catalog.generate_series(1, pg_catalog.char_length(s.t)) AS i)"
    )
    turned = f"pg_catalog.upper(pg_catalog.replace({text}, ' ', ''))"
    moved = once(f"{turned} AS u", "pg_catalog.substr(u.u, 5) || pg_catalog.substr(u.u, 1, 4)", "u")
    return once(f"{moved} AS t", f"pg_catalog.mod({figures}::pg_catalog.numeric, 97)", "s")


def date(value: Value, days: int, by: str) -> str:
    """Return a date at most so many days away, never the same. `by`: one distance for all rows with the same value.

    A row that has no such value has a distance of its own.
    """
    of = f"COALESCE({value.other(by)}, {value.text})" if by else value.text
    made = digest(of, "date by" if by else "date", value.encoding)
    steps = days if value.family is Family.DATE else days * MICROSECONDS
    moved = f"(1 + pg_catalog.mod(h.n >> 1, {steps}::pg_catalog.int8)) * (1 - 2 * (h.n & 1::pg_catalog.int8))"
    if value.family is Family.DATE:
        added = f"({moved})::pg_catalog.int4"
    else:
        added = f"({moved})::pg_catalog.float8 * '00:00:00.000001'::pg_catalog.interval"
    return once(f"{number(made)} AS n, {value.sql} AS v", f"h.v + {added}")


def noise(value: Value, percent: float) -> str:
    """Return a number at most so many percent away."""
    made = digest(value.text, "number", value.encoding)
    part = f"(pg_catalog.mod({number(made)}, {2 * STEPS + 1}::pg_catalog.int8) - {STEPS})::pg_catalog.numeric"
    factor = f"(1 + {part} * {percent!r}::pg_catalog.numeric / {100 * STEPS})"
    if value.family is Family.FLOAT:
        return f"({value.sql})::pg_catalog.float8 * {factor}::pg_catalog.float8"
    number_ = f"({value.sql})::pg_catalog.numeric"
    if value.family is Family.INTEGER:
        return _within(number_, f"pg_catalog.round({number_} * {factor})", str(LIMITS[value.base]))
    # The scale of NaN is NULL.
    rounded = f"pg_catalog.round({number_} * {factor}, pg_catalog.scale({number_}))"
    made = f"COALESCE({rounded}, {number_} * {factor})"
    if value.precision is None or value.precision[1] < 0:
        return made
    digits, after = value.precision
    return _within(number_, made, f"{'9' * (digits - after) or '0'}.{'9' * after}".rstrip("."))


def _within(original: str, changed: str, most: str) -> str:
    """Return the changed number; what would be too large for the type is changed by as much the other way."""
    too_large = f"pg_catalog.abs(h.m) > {most} AND h.v <> 'NaN'"
    return once(f"{original} AS v, {changed} AS m", f"CASE WHEN {too_large} THEN 2 * h.v - h.m ELSE h.m END")
