"""What stands in the way of a copy, and what the destination cannot hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loss:
    """What the destination cannot hold of an object, or that it cannot hold it at all (`whole`), and why."""

    what: str
    why: str
    whole: bool = False
    fatal: bool = True
    """False for what is said of a built-in object that the other server does not have: nothing of the user's."""
    rows: int | None = None
    """Of a table that is left out: how many rows it has, as the planner estimates."""

    def __str__(self) -> str:
        rows = "" if self.rows is None else f" WITH ALL ITS ROWS{f' (about {self.rows:,})' if self.rows else ''}"
        return f"{self.what}: {'left out' + rows + ', ' if self.whole else 'without '}{self.why}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the way of a clone, or worth knowing. `hint` says in words what to do."""

    text: str
    hint: str = ""
    fatal: bool = True
    object: str = ""
    """What it is about, where that is one thing."""
    run: str = ""
    """The statements, each with its semicolon, that an administrator would run on `server`."""
    server: str = "destination"

    @property
    def remedy(self) -> str:
        """What to do, in one line."""
        return f"{f'Run on the {self.server}: {self.run}' if self.run else ''} {self.hint}".strip()
