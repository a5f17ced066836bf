"""References that a definition declares."""

import re
from typing import NamedTuple

from replicator.settings.definition import DefinitionError, Name, split

VIRTUAL = ("subset", "virtual")
NAME = r'(?:"(?:[^"]|"")+"|[^\s".(),]+)'
SIDE = rf"\s*({NAME}\s*\.\s*{NAME})\s*\.\s*({NAME}|\(\s*{NAME}(?:\s*,\s*{NAME})*\s*\))\s*"
DECLARED = re.compile(rf"{SIDE}->{SIDE}(?:\bwhere\b(.+))?", re.IGNORECASE | re.DOTALL)


class Declared(NamedTuple):
    """A foreign key that a definition declares, as it is written."""

    child: Name
    columns: tuple[str, ...]
    parent: Name
    referenced: tuple[str, ...]
    condition: str = ""


def declared(text: str) -> Declared:
    """Read `schema.table.column -> schema.table.column [where …]`; several columns in parentheses.

    >>> declared("public.events.user_id -> public.users.id where kind = 'x'").condition
    "kind = 'x'"
    >>> declared('"A".b.(c, "D") -> e.f.(g, h)')[:2]
    (Name(schema='A', table='b'), ('c', 'D'))

    Raises DefinitionError.
    """
    found = DECLARED.fullmatch(text)
    if not found:
        raise DefinitionError(
            VIRTUAL,
            f'"{text}" is no reference.',
            'Write "public.events.user_id -> public.users.id", or "public.t.(a, b) -> public.p.(c, d)".',
        )
    child, columns, parent, referenced, condition = found.groups()
    sides = [tuple(map(_unquoted, re.findall(NAME, names))) for names in (columns, referenced)]
    if len(sides[0]) != len(sides[1]):
        numbers = len(sides[0]), len(sides[1])
        raise DefinitionError(VIRTUAL, f'"{text}" has {numbers[0]} columns on the left, {numbers[1]} on the right.')
    tables = [Name(*(_unquoted(part.strip()) for part in split(name))) for name in (child, parent)]
    return Declared(tables[0], sides[0], tables[1], sides[1], (condition or "").strip())


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
