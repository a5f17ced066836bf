"""Differences to be planted in one of two databases, drawn anew by each run: of rows, and of what else there is.

Both databases run the same SQL but for what a plant has made different, so that nothing but the plants is, and a copy
is not needed. Each plant owns its objects: the number in their names says whose a mismatch is.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Name = Callable[[str], str]
"""From what follows xN in a template to the object's name, quoted."""
Rows = Counter[tuple[str, str]]
"""How many rows differ: how, and the key's value."""
STYLES = ["x{0}{1}"] * 6 + ['"x{0} Odd{1}"', '"x{0} %s ""{{}} ;--{1}"', '"x{0}Ä.é{1}"', '"x{0}""{1}"']
OWNER = re.compile(r"(?<![a-z0-9])x(\d{1,4})(?!\d)")
ANY = "any"
"""A kind: all that one side has and the other has not."""
NOTHING = "SELECT 1"
FIRST_OID = 1_000_000
"""The large object of plant 7 has this OID and 7."""


@dataclass(frozen=True)
class Plant:
    """What both sides run, and what must be found there: nothing of a plant whose sides are the same."""

    number: int
    kind: str
    sides: tuple[str, str]
    objects: frozenset[str] = frozenset()
    """Each mismatch of objects must be of one of these kinds, and there must be one."""
    rows: dict[str, Rows] = field(default_factory=dict)
    """By the table's name."""
    dumped: bool = True
    """pg_dump tells, too."""

    @property
    def differs(self) -> bool:
        return bool(self.objects or self.rows)

    def __str__(self) -> str:
        return f"{self.number} ({self.kind})\n  source: {self.sides[0]}\n  destination: {self.sides[1]}"


def name_of(number: int, dice: random.Random, *, plain: bool = False) -> Name:
    """Return how the objects of a plant are named: some have odd names."""
    style = STYLES[0] if plain else dice.choice(STYLES)
    return lambda suffix="": style.format(number, suffix)


def owners(text: str) -> set[int]:
    """Return whose objects are named in a text.

    >>> owners('acl public."x17 Odd_i" (table)')
    {17}
    """
    return {int(number) for number in OWNER.findall(text)}


def scripts(plants: Iterable[Plant]) -> tuple[str, str]:
    """Return what either side runs."""
    one, other = (";\n".join(plant.sides[side] for plant in plants) for side in (0, 1))
    return one, other
