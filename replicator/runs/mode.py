"""How a run treats existing objects on the destination. All differences between modes of `clone` are defined here.

    copy       an empty destination: the whole database is copied
    drop       --replace drop: the first step drops everything; the rest is `copy`
    swap       --replace swap: `copy` into a second database, which then takes the destination's name (swap.py)
    rows only  --data-only: rows and sequence values into an existing schema (rows_only/)

Each mode can be resumed: see resume/.
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
    """How a run differs from others."""

    prepare: Callable[[Endpoints, Settings, Emit], Prepared]
    drops: bool = False
    """Drop existing objects, including an earlier run's journal."""
    whole: bool = True
    """The copy has the database to itself: nobody waits for its locks, and it gets the source's settings."""
    swapped_in: bool = False
    """Mark the copy as complete when its journal is dropped, so that another run can swap it in."""


COPY = Mode(prepare)
DROP = Mode(partial(prepare, replacing=True), drops=True)
SWAP = Mode(prepare, swapped_in=True)
ROWS_ONLY = Mode(rows_only.prepare, whole=False)


def mode_of(existing: Existing) -> Mode:
    """Return the mode that the options select."""
    if existing.data_only:
        return ROWS_ONLY
    return {None: COPY, "drop": DROP, "swap": SWAP}[existing.replace]
