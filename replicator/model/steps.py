"""A plan as frozen data: its steps, the work that each does, and what came of it."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from replicator.model.findings import Loss
from replicator.model.objects import Address, Column, LargeObjects, Phase, Reading, Sequence, Table, Target


class Lock(StrEnum):
    """How a step locks a table on the destination."""

    SHARED = "shared"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class Execute:
    """Run these statements on the destination, in one transaction."""

    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateTablespace:
    """Create a tablespace unless it is there, outside any transaction, then run the other statements."""

    name: str
    create: str
    in_place: bool
    then: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DropExisting:
    """Drop what the destination holds but these schemas, in several transactions; it may be begun again."""

    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table: which of how many, and which rows are in it: those from `since` on that are before `before`.

    Both are numbers of blocks, or values of `key`, a column by its quoted name, as text; None: there is no such end.
    """

    number: int
    of: int
    key: str | None
    since: str | None
    before: str | None


@dataclass(frozen=True, slots=True)
class CopyTable:
    """Stream a table's rows, or those of one of its parts, from the source into the destination."""

    table: Table
    reading: Reading
    target: Target
    binary: bool
    fresh: bool = True
    """It holds nothing of its own: it can be emptied and filled in one transaction, and frozen."""
    before: tuple[str, ...] = ()
    """Statements for the destination, in the same transaction; so too `after`."""
    after: tuple[str, ...] = ()
    part: Part | None = None
    path: str = ""
    """The search_path that functions rely on which the copy calls."""


@dataclass(frozen=True, slots=True)
class SetSequences:
    """Give these sequences the values that they have on the source."""

    sequences: tuple[Sequence, ...]
    forward: bool = False
    """Never back: the destination's rows may have values beyond the source's."""


@dataclass(frozen=True, slots=True)
class CopyLargeObjects:
    """Copy the large objects of an OID range."""

    range: LargeObjects


class Format(StrEnum):
    """In which form rows travel."""

    AUTO = "auto"
    TEXT = "text"
    BINARY = "binary"


class Statistics(StrEnum):
    """Where the destination's planner statistics come from."""

    TRANSFER = "transfer"
    ANALYZE = "analyze"
    NONE = "none"


class Deferral(NamedTuple):
    """What is put off until the copy is open: to validate foreign keys, to build indexes that are not unique."""

    keys: bool = False
    indexes: bool = False


NOTHING_DEFERRED = Deferral()


@dataclass(frozen=True, slots=True)
class CarryStatistics:
    """Tell the destination's planner what the source's knows of these tables and their indexes."""

    tables: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class CompareTable:
    """Count and hash one of several pieces of a table on both sides. One loaded through its root is compared as it."""

    identity: str
    columns: tuple[Column, ...]
    only: bool
    """Without its inheriting tables; False for a root, which has no rows but its partitions'."""
    condition: str = ""
    """WHERE …, or nothing."""
    piece: int = 0
    pieces: int = 1
    blocks: tuple[int | None, int | None] = (None, None)
    """How many the heap had on the source and on the destination when the pieces were cut. Asked once: it may grow.
    None where it cannot be read by block."""
    bytes: tuple[int, int] = (0, 0)
    """How large it was at that moment on either side."""
    stored: tuple[Column, ...] = ()
    """Generated columns: compared, not copied."""
    matview: bool = False

    @property
    def compared(self) -> tuple[Column, ...]:
        """All columns whose values are to be the same."""
        return self.columns + self.stored


@dataclass(frozen=True, slots=True)
class CompareLargeObjects:
    """Count and hash the large objects of an OID range on both sides; `role` is who compares on the destination."""

    range: LargeObjects
    role: str


CopyingWork = Execute | CreateTablespace | DropExisting | CopyTable | SetSequences | CopyLargeObjects | CarryStatistics
"""What the steps of a copy do: work/steps.py handles each."""
ComparingWork = CompareTable | CompareLargeObjects
"""What the steps of a comparison do: comparing/sums.py and comparing/search.py handle each."""
Work = CopyingWork | ComparingWork


@dataclass(frozen=True, slots=True)
class Step:
    """A unit of work: one transaction on the destination. `needs` names other steps."""

    name: str
    phase: Phase
    work: Work
    needs: frozenset[str] = frozenset()
    cost: int = 0
    """What it has to read or write, in bytes, as far as it can be told."""
    locks: Mapping[Address, Lock] = field(default_factory=dict)
    """Tables that it locks on the destination, so that no two steps wait for one another there."""
    optional: bool = False
    """The copy is complete without: when it fails, that is said, and the others go on."""
    builds_on: frozenset[str] = frozenset()
    """What comes before it and it cannot do without: where one of these was refused, it is not tried."""
    rounds: bool = False
    """It calls code that may want what another such step of its phase brings: it is tried again after each of them."""
    indispensable: bool = False
    """Nothing can be done without it: where it is refused, the run ends."""
    instead: tuple[str, ...] | None = None
    """What to do where the rows that are there violate it, if that was agreed: statements, perhaps none."""
    reason: str = ""
    """Why it is done in the way in which it is, where there are several."""
    kind: str = ""
    """The kind of the object that it creates or completes; empty where it does something else."""
    sorts: int = 0
    """The bytes of memory in which a B-tree is sorted soonest: see plan.sorting. 0: as much as there is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps; each comes after all that it needs.

    `losses` is what the destination cannot hold, `excluded` what goes with what the user leaves out.
    """

    steps: tuple[Step, ...]
    losses: Several[Loss] = ()
    excluded: Several[Loss] = ()
    deferred: Several[Step] = ()
    """What is done when the copy is open already: see planning/deferred.py."""
    encoding: str = "UTF8"
    """The source's. SQL_ASCII's bytes are read as LATIN1: see postgres.readable_encoding."""


@dataclass(frozen=True, slots=True)
class ReadPoint:
    """Which snapshot of the source: pg_current_snapshot(), and a WAL position at or before which it was taken."""

    snapshot: str
    lsn: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did."""

    seconds: float
    rows: int = 0
    bytes: int = 0
    read_point: ReadPoint | None = None
