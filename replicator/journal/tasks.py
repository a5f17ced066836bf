"""What is left to do, as the journal keeps it: few sorts of statements, each run by itself.

No other text of a journal becomes SQL. It belongs to this role or to a superuser (trust), but even who can write there
all the same must not have more than these done: so each statement has to be of one of these sorts, and goes in a
message that takes one statement alone. What an index computes, the server runs as the table's owner.
"""

import re
from dataclasses import dataclass

NAME = r'(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
QUALIFIED = rf"(?:{NAME}\.)?{NAME}"
INDEX = re.compile(
    rf"CREATE INDEX CONCURRENTLY (?P<index>{NAME}) ON (?P<table>(?:(?P<schema>{NAME})\.)?{NAME}) USING .+", re.DOTALL
)
ATTACH = re.compile(rf"ALTER INDEX (?P<parent>{QUALIFIED}) ATTACH PARTITION (?P<index>{QUALIFIED})")
VALIDATE = re.compile(rf"ALTER TABLE ONLY (?P<table>{QUALIFIED}) VALIDATE CONSTRAINT (?P<key>{NAME})")
SPACE = re.compile(r"SET default_tablespace = E?'(?:[^']|'')*'")
OTHERS = (
    SPACE,
    re.compile(rf"ALTER INDEX {QUALIFIED} DEPENDS ON EXTENSION {NAME}"),
    re.compile(rf"ALTER TABLE ONLY {QUALIFIED} ALTER COLUMN [0-9]+ SET STATISTICS [0-9]+"),
    re.compile(rf"ALTER TABLE {QUALIFIED} CLUSTER ON {NAME}"),
    re.compile(rf"COMMENT ON INDEX {QUALIFIED} IS .+", re.DOTALL),
    re.compile("SET enable_hashjoin = off|RESET enable_hashjoin"),
)


@dataclass(frozen=True, slots=True)
class Task:
    """A thing to do: `found` is its main statement, taken apart by one of INDEX, ATTACH, VALIDATE.

    `sorts`: see Step. Raises ValueError where this program cannot have written it.
    """

    name: str
    statements: tuple[str, ...]
    needs: frozenset[str]
    sorts: int = 0

    def __post_init__(self) -> None:
        main = [s for s in self.statements if any(each.fullmatch(s) for each in (INDEX, ATTACH, VALIDATE))]
        rest = [s for s in self.statements if s not in main]
        if len(main) != 1 or not all(any(each.fullmatch(s) for each in OTHERS) for s in rest):
            raise ValueError(f"{self.name} cannot be what was deferred")

    @property
    def found(self) -> re.Match[str]:
        """The main statement; `re` tells the sort."""
        matches = (each.fullmatch(s) for s in self.statements for each in (INDEX, ATTACH, VALIDATE))
        return next(match for match in matches if match)

    @property
    def table(self) -> str:
        """The table that it locks against others of these; of an attachment, which locks up and down a tree, none."""
        return self.found["table"] if self.found.re is not ATTACH else ""

    @property
    def index(self) -> str:
        """The index that is built or attached."""
        found = self.found
        return f"{found['schema']}.{found['index']}" if found.re is INDEX and found["schema"] else found["index"]
