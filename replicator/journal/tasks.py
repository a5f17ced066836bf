"""Deferred steps as the journal stores them: a few types of statements, each run in a message of its own.

No other text of a journal becomes SQL. The journal belongs to this role or to a superuser (journal/ownership.py), but
even somebody who can write there must not get anything else executed. So each statement has to match one of these
patterns, and is sent in a message that accepts a single statement. Expressions in an index run as the table's owner.
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
    """A deferred step: `found` is its main statement, matched by INDEX, ATTACH or VALIDATE.

    `sorts`: see Step. Raises ValueError if this program cannot have written it.
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
        """The match of the main statement; its `re` is the type."""
        matches = (each.fullmatch(s) for s in self.statements for each in (INDEX, ATTACH, VALIDATE))
        return next(match for match in matches if match)

    @property
    def table(self) -> str:
        """The table that it locks against other deferred steps; "" for ATTACH, which locks a whole partition tree."""
        return self.found["table"] if self.found.re is not ATTACH else ""

    @property
    def index(self) -> str:
        """The index that is built or attached."""
        found = self.found
        return f"{found['schema']}.{found['index']}" if found.re is INDEX and found["schema"] else found["index"]
