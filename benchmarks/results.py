"""Figures of a contest: saved as JSON, shown as medians and ratios. Pure except for reading and writing the file."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from itertools import compress
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from benchmarks.measure import Usage
from replicator.events import size_text

FEWEST_ROWS = 100_000
"""With fewer rows, the CPU time per row would mostly measure everything else."""


@dataclass
class Runs:
    """One contender's rounds, and what was wrong with the last one."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    largest: list[int] = field(default_factory=list)
    total: list[int] = field(default_factory=list)
    servers: list[float] = field(default_factory=list)
    trips: list[int] = field(default_factory=list)
    wrong: str = ""

    def add(self, usage: Usage) -> None:
        """Add a round."""
        for name in ("wall", "cpu", "largest", "total", "servers", "trips"):
            getattr(self, name).append(getattr(usage, name))

    def median(self, figure: str) -> float:
        """Return the median of `wall`, `cpu`, `largest` and so on; 0 if it was not measured.

        >>> Runs("", wall=[3.0, 1.0, 2.5]).median("wall")
        2.5
        """
        return statistics.median(getattr(self, figure) or [0.0])

    @property
    def counts(self) -> bool:
        """Whether the work was complete, so that its figures may be compared."""
        return bool(self.wall) and not self.wrong


@dataclass
class Contest:
    """Contenders that did the same work; the others are compared with the first."""

    name: str
    about: str
    rows: int
    runs: list[Runs]

    def ratio(self, runs: Runs, figure: str = "wall") -> float | None:
        """Return the first contender's median over this one's: below 1, the first is better. None: not comparable."""
        first, other = self.runs[0].median(figure), runs.median(figure)
        return first / other if self.runs[0].counts and runs.counts and other else None

    def spread(self, runs: Runs) -> tuple[float, float] | None:
        """Return the smallest and the largest ratio of a single round."""
        if not (self.runs[0].counts and runs.counts):
            return None
        ratios = [first / other for first, other in zip(self.runs[0].wall, runs.wall, strict=False)]
        return min(ratios), max(ratios)


COLUMNS = ("wall", "least", "most", "CPU", "CPU a row", "servers' CPU", "round trips", "largest process",
           "all processes", "ratio", "rounds")  # fmt: skip


def table(contest: Contest) -> Table:
    """Return the contest as a table for the terminal."""
    shown = Table(
        title=f"{contest.name}: {contest.about}",
        caption="Medians. Ratio: the first's wall time to this one's, and that of the single rounds.",
    )
    shown.add_column("")
    cells = {runs.name: _cells(contest, runs) for runs in contest.runs if runs.counts}
    known = [any(column) for column in zip(*cells.values(), strict=True)]
    for name in compress(COLUMNS, known):
        shown.add_column(name, justify="right", no_wrap=True)
    for runs in contest.runs:
        if runs.counts:
            shown.add_row(runs.name, *compress(cells[runs.name], known))
        else:
            shown.add_row(f"{runs.name} [red]{escape(runs.wrong)}")
    return shown


def _cells(contest: Contest, runs: Runs) -> list[str]:
    wall, cpu, ratio, spread = runs.median("wall"), runs.median("cpu"), contest.ratio(runs), contest.spread(runs)
    return [
        f"{wall:.2f} s",
        f"{min(runs.wall):.2f} s",
        f"{max(runs.wall):.2f} s",
        f"{cpu:.2f} s" if cpu else "",
        f"{cpu / contest.rows * 1e6:.3f} µs" if cpu and contest.rows >= FEWEST_ROWS else "",
        f"{runs.median('servers'):.2f} s" if runs.median("servers") else "",
        f"{runs.median('trips'):,.0f}" if runs.median("trips") else "",
        *(size_text(int(runs.median(figure))) if runs.median(figure) else "" for figure in ("largest", "total")),
        f"{ratio:.2f}" if ratio else "",
        "{:.2f} to {:.2f}".format(*spread) if spread else "",
    ]


def save(contests: list[Contest], path: Path) -> None:
    """Write contests into a file, replacing those of the same name."""
    kept = {contest.name: contest for contest in [*(load(path) if path.exists() else []), *contests]}
    path.write_text(json.dumps([asdict(contest) for contest in kept.values()], indent=1) + "\n", "utf-8")


def load(path: Path) -> list[Contest]:
    """Read the contests of a file."""
    found = json.loads(path.read_text("utf-8"))
    return [Contest(**{**contest, "runs": [Runs(**runs) for runs in contest["runs"]]}) for contest in found]
