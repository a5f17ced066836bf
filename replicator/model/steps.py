"""A plan as frozen data: its steps, the work of each step, and its outcome."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from replicator.model.address import Address
from replicator.model.findings import Loss
from replicator.model.objects import Phase
from replicator.model.tables import Column, LargeObjects, Reading, Sequence, Table, Target


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
    """Create a tablespace unless it exists, outside any transaction, then run the other statements."""

    name: str
    create: str
    in_place: bool
    then: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DropExisting:
    """Drop everything on the destination except these schemas, in several transactions; it can be restarted."""

    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Part `number` of `of` parts of a table: the rows from `since` on and before `before`.

    Both are block numbers, or values of `key` (a quoted column name), as text; None: no bound.
    """

    number: int
    of: int
    key: str | None
    since: str | None
    before: str | None


@dataclass(frozen=True, slots=True)
class CopyTable:
    """Copy a table's rows, or those of one of its parts, from the source to the destination."""

    table: Table
    reading: Reading
    target: Target
    binary: bool
    fresh: bool = True
    """The table has no other rows: it can be truncated and filled in one transaction, and frozen."""
    before: tuple[str, ...] = ()
    """Statements for the destination, in the same transaction, like `after`."""
    after: tuple[str, ...] = ()
    part: Part | None = None
    path: str = ""
    """The search_path that functions called by the copy rely on."""


@dataclass(frozen=True, slots=True)
class SetSequences:
    """Set these sequences to their values on the source."""

    sequences: tuple[Sequence, ...]
    forward: bool = False
    """Never set them back: rows on the destination may have higher values than the source."""


@dataclass(frozen=True, slots=True)
class CopyLargeObjects:
    """Copy the large objects of an OID range."""

    range: LargeObjects


class Format(StrEnum):
    """The format in which rows are copied."""

    AUTO = "auto"
    TEXT = "text"
    BINARY = "binary"


class Statistics(StrEnum):
    """Where the destination's planner statistics come from."""

    TRANSFER = "transfer"
    ANALYZE = "analyze"
    NONE = "none"


class Deferral(NamedTuple):
    """What is deferred until the copy is in use: validating foreign keys, building indexes that are not unique."""

    keys: bool = False
    indexes: bool = False


NOTHING_DEFERRED = Deferral()


@dataclass(frozen=True, slots=True)
class CarryStatistics:
    """Transfer the planner statistics of these tables and their indexes, of each to a table of this name."""

    tables: Mapping[Address, str]


@dataclass(frozen=True, slots=True)
class CompareTable:
    """Count and hash a piece of a table on both sides. If it is loaded through its root, that is compared."""

    reading: Reading
    target: Target
    columns: tuple[Column, ...]
    """Those that are copied: the target's columns, without `stored`."""
    piece: int = 0
    pieces: int = 1
    blocks: tuple[int | None, int | None] = (None, None)
    """The blocks of the heap on source and destination when it was divided into pieces: it may grow later.
    None if it cannot be scanned by block."""
    bytes: tuple[int, int] = (0, 0)
    """Its size on both sides at that time."""
    stored: tuple[Column, ...] = ()
    """Generated columns: compared, not copied."""
    matview: bool = False

    @property
    def compared(self) -> tuple[Column, ...]:
        """All columns whose values have to be equal."""
        return self.columns + self.stored

    @property
    def name(self) -> str:
        """The name of the object that holds its rows on the destination."""
        return f"{'matview' if self.matview else 'table'} {self.target.relation}"


@dataclass(frozen=True, slots=True)
class CompareLargeObjects:
    """Count and hash the large objects of an OID range on both sides; `role` is ours on the destination."""

    range: LargeObjects
    role: str


CopyingWork = Execute | CreateTablespace | DropExisting | CopyTable | SetSequences | CopyLargeObjects | CarryStatistics
"""What the steps of a copy do: work/step_runner.py handles each."""
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
    """The bytes that it reads or writes, as far as known."""
    locks: Mapping[Address, Lock] = field(default_factory=dict)
    """The tables that it locks on the destination: conflicting steps are not run at the same time."""
    optional: bool = False
    """The copy is complete without it: a failure is reported, and the others continue."""
    builds_on: frozenset[str] = frozenset()
    """The steps that it depends on: if one of them failed, it is skipped."""
    rounds: bool = False
    """It calls functions that may need the result of another such step: if it fails, it is retried after each."""
    indispensable: bool = False
    """All others depend on it: a failure ends the run."""
    instead: tuple[str, ...] | None = None
    """Statements to run instead if existing rows violate it, if the user allowed that; may be empty."""
    reason: str = ""
    """Why it is done in this way, if there are several."""
    kind: str = ""
    """The kind of the object that it creates or completes; empty for other steps."""
    sorts: int = 0
    """The memory that sorts its B-tree fastest, in bytes: see planning/sorting.py. 0: as much as available."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps, each after those that it needs.

    `losses` are unsupported on the destination, `excluded` depends on something that the user excluded.
    """

    steps: tuple[Step, ...]
    losses: Several[Loss] = ()
    excluded: Several[Loss] = ()
    along: Mapping[str, str] = field(default_factory=dict)
    """The names of objects that were not chosen themselves, and why they are copied: `needed by …`."""
    deferred: Several[Step] = ()
    """The steps that run after the copy is in use: see planning/deferred.py."""
    encoding: str = "UTF8"
    """The source's. SQL_ASCII's bytes are read as LATIN1: see postgres.readable_encoding."""


@dataclass(frozen=True, slots=True)
class ReadPoint:
    """A snapshot of the source: pg_current_snapshot(), and a WAL position at or before which it was taken."""

    snapshot: str
    lsn: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did."""

    seconds: float
    rows: int = 0
    bytes: int = 0
    read_point: ReadPoint | None = None
