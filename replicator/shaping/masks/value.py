"""What a mask is applied to: an SQL expression, its type, and what the result must fit into."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Family(StrEnum):
    """Types that a mask treats alike, named for people."""

    TEXT = "text"
    INTEGER = "integer"
    NUMERIC = "numeric"
    FLOAT = "float"
    DATE = "date"
    TIMESTAMP = "timestamp"
    UUID = "uuid"
    JSON = "json"
    INET = "inet"
    OTHER = "other"


FAMILIES = {
    **dict.fromkeys(("text", "varchar", "bpchar", "citext", "name"), Family.TEXT),
    **dict.fromkeys(("int2", "int4", "int8"), Family.INTEGER),
    "numeric": Family.NUMERIC,
    **dict.fromkeys(("float4", "float8"), Family.FLOAT),
    "date": Family.DATE,
    **dict.fromkeys(("timestamp", "timestamptz"), Family.TIMESTAMP),
    "uuid": Family.UUID,
    **dict.fromkeys(("json", "jsonb"), Family.JSON),
    **dict.fromkeys(("inet", "cidr"), Family.INET),
}
"""By the name of a base type in pg_catalog; citext is an extension's."""
NAME_LENGTH = 63


class Unfit(Exception):
    """A mask does not fit a column, or an option does not fit a mask."""

    def __init__(self, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Value:
    """A value to mask. `sql` is evaluated once or more for a row."""

    sql: str
    base: str
    """The name of its type; of a domain, of the type below; of an array, that of its elements."""
    type: str
    """What the result is cast to, with length or precision."""
    encoding: str = "UTF8"
    """Of the source database."""
    limit: int | None = None
    """How many characters the result may have."""
    precision: tuple[int, int] | None = None
    """Of a numeric: digits, and how many of them after the point."""
    others: tuple[tuple[str, str], ...] = ()
    """The columns of its row: names without quotes, and expressions."""

    @property
    def family(self) -> Family:
        """Which types are treated like this one."""
        return FAMILIES.get(self.base, Family.OTHER)

    @property
    def text(self) -> str:
        """The value as text. What a case-insensitive type holds equal is equal."""
        if self.base == "citext":
            return f"pg_catalog.lower(({self.sql})::pg_catalog.text)"
        return self.sql if self.base == "text" else f"({self.sql})::pg_catalog.text"

    def other(self, column: str) -> str:
        """Return another column of the row as text. Raises Unfit."""
        known = dict(self.others)
        if column not in known:
            raise Unfit(f"the table has no column {column}, which `by` names.")
        return f"({known[column]})::pg_catalog.text"

    def of(self, sql: str, base: str, type: str) -> "Value":
        """Return a part of it, of another type, that need not fit anything."""
        return replace(self, sql=sql, base=base, type=type, limit=None, precision=None)
