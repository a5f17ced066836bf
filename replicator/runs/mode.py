"""How a run treats what the destination has: the ways in which runs of `clone` differ, each said here and nowhere else.

    copy       an empty destination: the whole database is copied
    drop       --replace drop: the first step drops what is there; the rest is `copy`
    swap       --replace swap: `copy` into a database beside the destination, which then takes its name (swap.py)
    rows only  --data-only: rows and sequences' values into a schema that belongs to somebody else (rows_only/)

Each of them can be resumed: see resume/.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from replicator.events import Emit
from replicator.runs import rows_only
from replicator.runs.endpoints import Endpoints
from replicator.runs.prepare import Prepared, prepare
from replicator.settings import Existing, Settings


@dataclass(frozen=True, slots=True)
class Mode:
    """What a run does otherwise than others."""

    prepare: Callable[[Endpoints, Settings, Emit], Prepared]
    drops: bool = False
    """What is there is dropped, the journal of an earlier run too."""
    whole: bool = True
    """The database is the copy's alone: nobody waits for its locks, and its settings are the source's at the end."""
    swapped_in: bool = False
    """It is marked as complete when its journal goes: so the swap can be done by another run."""


COPY = Mode(prepare)
DROP = Mode(partial(prepare, replacing=True), drops=True)
SWAP = Mode(prepare, swapped_in=True)
ROWS_ONLY = Mode(rows_only.prepare, whole=False)


def mode_of(existing: Existing) -> Mode:
    """Return the mode that the options ask for."""
    if existing.data_only:
        return ROWS_ONLY
    return {None: COPY, "drop": DROP, "swap": SWAP}[existing.replace]
