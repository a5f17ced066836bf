"""Patterns of names as in psql: `*` and `?` are wildcards; text in double quotes is literal, the rest lower case."""

import re
from dataclasses import dataclass

from replicator.errors import UsageError
from replicator.settings.definition import split

QUOTED = re.compile(r'"((?:[^"]|"")*)"')
WILD = {"*": ".*", "?": "."}


def matcher(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for a whole unquoted name.

    >>> [bool(matcher(pattern).fullmatch("uuid-ossp")) for pattern in ("uuid-ossp", "UUID*", '"UUID-ossp"', '"uuid*"')]
    [True, True, False, False]
    """
    parts = QUOTED.split(pattern)  # odd elements were quoted
    parts[1::2] = [re.escape(part.replace('""', '"')) for part in parts[1::2]]
    parts[::2] = ["".join(WILD.get(c, re.escape(c)) for c in part.lower()) for part in parts[::2]]
    return re.compile("".join(parts), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Qualified:
    """A pattern for a schema and a name; without a dot, for a name in any schema."""

    schema: re.Pattern[str]
    name: re.Pattern[str]
    whole: re.Pattern[str] | None
    """A regular expression that is searched for in `schema.name`, instead."""
    all_of_schema: bool

    def matches(self, schema: str, name: str) -> bool:
        """Tell whether an object's unquoted schema and name match."""
        if self.whole:
            return self.whole.search(f"{schema}.{name}") is not None
        return self.schema.fullmatch(schema) is not None and self.name.fullmatch(name) is not None


def qualified(pattern: str) -> Qualified:
    """Read `name`, `schema.name`, or `/regular expression/`, as Python writes them.

    >>> sales = qualified('sales.*')
    >>> sales.matches("sales", "Order Lines"), sales.matches("Sales", "x"), sales.all_of_schema
    (True, False, True)
    >>> qualified('"a.b".c?').matches("a.b", "c1"), qualified("log").matches("any", "log")
    (True, True)
    >>> qualified(r'/^audit[.]|_old$/').matches("public", "t_old")
    True

    Raises UsageError.
    """
    if len(pattern) > 2 and pattern.startswith("/") and pattern.endswith("/"):
        try:
            return Qualified(matcher("*"), matcher("*"), re.compile(pattern[1:-1]), all_of_schema=False)
        except re.error as error:
            raise UsageError(f"The pattern {pattern} is no regular expression: {error}.") from None
    parts = split(pattern)
    if len(parts) > 2 or not all(parts) or pattern.count('"') % 2:
        raise UsageError(
            f"{pattern!r} is no pattern for an object.",
            hint="Write NAME, SCHEMA.NAME or /REGULAR EXPRESSION/; names with dots or capitals in double quotes.",
        )
    schema, name = parts if len(parts) == 2 else ("*", parts[0])
    return Qualified(matcher(schema), matcher(name), None, all_of_schema=len(parts) == 2 and name == "*")
