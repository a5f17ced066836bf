"""Masks that give names, addresses and the like: an entry of a list, which a digest chooses."""

from functools import cache
from importlib.resources import files

from replicator.shaping.masks.hashing import digest, literal, once
from replicator.shaping.masks.value import Family, Unfit, Value

DOMAINS = ("@example.com", "@x.test")
"""Reserved for examples and tests (RFC 2606): no mail arrives anywhere. The second one is for short columns."""
MOST_DIGITS, FEWEST_DIGITS = 20, 4
LONGEST_ADDRESS = 39
NAMES = 256
"""As many as a byte can choose."""


@cache
def lists() -> dict[str, tuple[str, ...]]:
    """Return the lists of words.txt: `first`, `last`, `street`, `city`; in ASCII, which every encoding has."""
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for line in files(__package__).joinpath("words.txt").read_text("ascii").splitlines():
        if line.startswith("["):
            words = found.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            words += filter(None, map(str.strip, line.split(",")))
    return {name: tuple(dict.fromkeys(words)) for name, words in found.items()}


def email(value: Value) -> str:
    """Return an address of a reserved domain, with as many digits as fit."""
    room = MOST_DIGITS + len(DOMAINS[0]) if value.limit is None else value.limit
    domain = DOMAINS[0] if room >= MOST_DIGITS - 4 + len(DOMAINS[0]) else DOMAINS[1]
    digits = min(MOST_DIGITS, room - len(domain))
    if digits < FEWEST_DIGITS:
        raise Unfit(f"an address does not fit into {room} characters.", 'Use { mask = "text" }.')
    made = digest(value.text, "email", value.encoding)
    return f"{_hex(made, digits)} || {literal(domain)}"


def _hex(digest: str, digits: int) -> str:
    whole = f"pg_catalog.encode(pg_catalog.substr({digest}, 1, {(digits + 1) // 2}), 'hex')"
    return f'pg_catalog."left"({whole}, {digits})' if digits % 2 else whole


def name(value: Value, part: str) -> str:
    """Return a first name, a last name, or both."""
    made = digest(value.text, "name", value.encoding)
    if part == "full":
        return _fitting(
            value, once(f"{made} AS d", f"{_entry('first', 'h.d', 0)} || ' ' || {_entry('last', 'h.d', 1)}")
        )
    return _fitting(value, _entry(part, made, 0 if part == "first" else 1))


def address(value: Value, part: str) -> str:
    """Return a street with a number, a city, or both."""
    made = digest(value.text, "address", value.encoding)
    street = f"{_entry('street', 'h.d', 0)} || ' ' || (pg_catalog.get_byte(h.d, 1) + 1)::pg_catalog.text"
    city = _entry("city", "h.d", 2)
    shown = {"full": f"{street} || ', ' || {city}", "street": street, "city": city}[part]
    return _fitting(value, once(f"{made} AS d", shown))


def _entry(list: str, digest: str, byte: int) -> str:
    words = lists()[list]
    array = literal("{" + ",".join(f'"{word}"' for word in words) + "}")
    place = f"pg_catalog.get_byte({digest}, {byte})"
    if len(words) < NAMES:
        place = f"pg_catalog.mod({place}, {len(words)})"
    return f"({array}::pg_catalog.text[])[1 + {place}]"


def _fitting(value: Value, text: str) -> str:
    return text if value.limit is None else f'pg_catalog."left"({text}, {value.limit})'


def uuid(value: Value) -> str:
    """Return a UUID of version 4."""
    made = digest(f"pg_catalog.lower({value.text})", "uuid", value.encoding)
    text = f"pg_catalog.encode(pg_catalog.substr({made}, 1, 16), 'hex')"
    made = f"pg_catalog.\"overlay\"(pg_catalog.\"overlay\"({text}, '4', 13), 'a', 17)::pg_catalog.uuid"
    if value.limit is not None and value.limit < 36:
        raise Unfit(f"a UUID does not fit into {value.limit} characters.")
    return made if value.base == "uuid" else f"{made}::pg_catalog.text"


def inet(value: Value) -> str:
    """Return an address of a private network (10.0.0.0/8, fd00::/8), with the netmask that it had."""
    if value.limit is not None and value.limit < LONGEST_ADDRESS:
        raise Unfit(f"an IPv6 address does not fit into {value.limit} characters.")
    bytes = (f"pg_catalog.get_byte(h.d, {n})::pg_catalog.text" for n in range(3))
    pairs = (f"pg_catalog.encode(pg_catalog.substr(h.d, {n}, 2), 'hex')" for n in range(2, 16, 2))
    four = " || '.' || ".join(["'10'", *bytes])
    six = " || ':' || ".join(["'fd' || pg_catalog.encode(pg_catalog.substr(h.d, 1, 1), 'hex')", *pairs])
    if value.family is Family.TEXT:
        made = digest(value.text, "inet", value.encoding)
        return once(f"{made} AS d, {value.text} AS v", f"CASE WHEN h.v ~ ':' THEN {six} ELSE {four} END")
    made = digest(f"pg_catalog.host({value.sql})", "inet", value.encoding)
    length = "pg_catalog.masklen(h.v)::pg_catalog.text"
    whole = f"(CASE pg_catalog.family(h.v) WHEN 4 THEN {four} ELSE {six} END || '/' || {length})::pg_catalog.inet"
    return once(f"{made} AS d, {value.sql} AS v", f"pg_catalog.network({whole})" if value.base == "cidr" else whole)
