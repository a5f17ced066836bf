"""What blocks a copy, and what the destination does not support."""

from dataclasses import dataclass

from replicator.model.words import shown


@dataclass(frozen=True, slots=True)
class Loss:
    """An object that the destination does not support, as a `whole` or in part, and why."""

    what: str
    why: str
    whole: bool = False
    fatal: bool = True
    """False if it is about a built-in object that the other server lacks: nothing of the user's is lost."""
    rows: int | None = None
    """For a table that is left out: the planner's estimate of its rows."""

    def __str__(self) -> str:
        rows = "" if self.rows is None else f" WITH ALL ITS ROWS{f' (about {self.rows:,})' if self.rows else ''}"
        return f"{shown(self.what)}{rows}: {self.reason}"

    @property
    def reason(self) -> str:
        """Why the object is left out, or what it is copied without."""
        return self.why if self.whole or " becomes " in self.why else f"without {self.why}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that blocks a clone (`fatal`), or a warning. `hint` says in words what to do."""

    text: str
    hint: str = ""
    fatal: bool = True
    object: str = ""
    """What it is about, if that is one thing."""
    run: str = ""
    """The statements, each with its semicolon, for an administrator to run on `server`."""
    server: str = "destination"

    @property
    def remedy(self) -> str:
        """What to do, in one line."""
        return f"{f'Run on the {self.server}: {self.run}' if self.run else ''} {self.hint}".strip()
