"""The maker: a connection, a die, and the statements so far. Steps register themselves by subject, in their modules."""

import random
from collections.abc import Callable

import psycopg

Step = Callable[["Maker"], None]

STEPS: dict[Step, tuple[int, int]] = {}
"""Each step with its weight and the first version that knows its statements."""

WORDS = (
    "t", "name", "value", "Mixed", "with space", 'quo"te', "per%cent", "%s", "select", "user", "table", "dot.ted",
    "back\\slash", "it's", "$1", "{brace}", "semi;colon", "--dash", "/*star", "ünïcode", "名前", "tab\tbed",
    "new\nline", "json", "system_user", "merge_action", "n" * 61, "pg_like", "$$", ":colon", "ab cd", "MAX", "oid",
    "ctid2", "format",
)  # fmt: skip
PLAIN = "abcdefghijklmnopqrstuvwxyz"


def step(weight: int, since: int = 0) -> Callable[[Step], Step]:
    """Have the maker take this step, the more often the larger its weight."""

    def register(function: Step) -> Step:
        STEPS[function] = (weight, since)
        return function

    return register


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Maker:
    """Makes one database. `reading` lets checks, generated columns and indexes call functions that read tables."""

    def __init__(self, conn: psycopg.Connection, seed: int, *, major: int, reading: bool = False) -> None:
        self.conn = conn
        self.die = random.Random(seed)
        self.major = major
        self.reading = reading
        self.script: list[str] = []
        self.refused: list[tuple[str, str]] = []
        self._names = 0

    def do(self, statement: str) -> bool:
        """Run a statement and keep it if the server takes it."""
        try:
            self.conn.execute(statement)  # type: ignore[call-overload]
        except psycopg.Error as error:
            self.refused.append((str(error).partition("\n")[0], statement))
            return False
        self.script.append(statement)
        return True

    def rows(self, query: str) -> list[tuple]:
        """Ask the catalogs; the query orders its rows by what is the same in each run."""
        return self.conn.execute(query).fetchall()  # type: ignore[call-overload]

    def pick(self, query: str) -> tuple | None:
        """Return one of the rows."""
        found = self.rows(query)
        return self.die.choice(found) if found else None

    def name(self) -> str:
        """Make up a name, quoted; half of them need the quotes."""
        self._names += 1
        word = self.die.choice(WORDS) if self.maybe(0.5) else self.die.choice(PLAIN)
        return quoted(f"{word}{self._names}")

    def maybe(self, chance: float) -> bool:
        return self.die.random() < chance

    def some(self, text: str, chance: float = 0.5) -> str:
        """Return the text, or nothing."""
        return text if self.maybe(chance) else ""

    def schema(self) -> str:
        found = self.pick(
            "SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|information_)' ORDER BY 1"
        )
        return str(found[0]) if found else "public"

    def new(self) -> str:
        """Make up a name in one of the schemas."""
        return f"{self.schema()}.{self.name()}"

    def make(self, steps: int) -> None:
        """Take so many steps."""
        known = [(function, weight) for function, (weight, since) in STEPS.items() if self.major >= since]
        functions, weights = zip(*known, strict=True)
        for function in self.die.choices(functions, weights, k=steps):
            function(self)
