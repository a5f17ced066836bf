"""Is the copy the original? Objects are compared one by one, rows by count and hash, computed on both servers at once.

    objects (schema) · sequences ─► fingerprints of all tables ─► of those that differ, the rows ─► repair, if wanted

The hash of a table is the sum of its rows' hashes, so the order of rows does not matter, the rows stay where they are,
and a big table is read in pieces: on each side its own, which need not hold the same rows.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from replicator import events
from replicator.events import Emit
from replicator.executor import execute
from replicator.large_objects import without_gaps
from replicator.model import Column, CompareLargeObjects, CompareTable, Outcome, Phase, Step, Table
from replicator.throttle import Throttle
from replicator.verify.fingerprint import (
    PIECE_BYTES,
    RANGES_SINCE,
    Hashing,
    fingerprint_large_objects,
    fingerprint_table,
)
from replicator.verify.repair import Repaired, repair_tables
from replicator.verify.rows import Found, find_large_objects, find_rows, with_values
from replicator.verify.schema import SequenceValues, compare_schemas, compare_sequences
from replicator.verify.side import Mismatch, RowDifference, Side, Sides, most_quoted, same_names
from replicator.work import Counter, naming

__all__ = [
    "Mismatch",
    "RowDifference",
    "SequenceValues",
    "Side",
    "Verification",
    "after_repair",
    "compare_schemas",
    "compare_sequences",
    "verify",
]

NAMED = 10  # materialized views, columns

Fingerprint = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Verification:
    """What a comparison found: all differences, and by its name each table whose rows differ."""

    mismatches: list[Mismatch]
    tables: Mapping[str, tuple[CompareTable, Found]]
    sides: Sides
    hashing: Hashing

    def repair(self) -> dict[str, Repaired]:
        """Copy the rows that differ again."""
        return repair_tables(self.sides, self.tables, self.hashing)


def verify(
    source: Side,
    destination: Side,
    *,
    jobs: int,
    emit: Emit,
    sequence_values: SequenceValues | None = None,
    exact: bool = False,
    show_rows: int = 0,
    only: Collection[str] | None = None,
    throttle: Throttle | None = None,
) -> Verification:
    """Return all differences between two databases; none where the copy is complete. Raises StepFailed.

    `sequence_values` are those that the copy was given; without them the source's own are expected. `show_rows` is of
    how many rows of a table the values are read; `only` names the tables to compare, as a mismatch does.
    """
    sides = Sides(source, destination)
    hashing = Hashing(recode=source.encoding != destination.encoding, exact=exact)
    mismatches = compare_schemas(source.catalog, destination.catalog)
    mismatches += compare_sequences(source, destination, sequence_values)
    steps, incomparable = _steps(sides, only)
    _say_what_is_not_compared(source, emit)
    emit(events.Planned({Phase.VERIFY: len(steps)}, 0))
    sums = _Sums(sides, hashing, emit, throttle)
    execute(steps, sums.run, jobs=jobs, emit=emit, cancel=sums.cancel)
    differing = {name: pair for name, pair in sums.by_name.items() if pair[0] != pair[1]}
    search = _Search(sides, hashing, differing, show_rows)
    searches = [step for step in (_whole(step) for step in steps) if step and step.name in differing]
    if searches:
        emit(events.Planned({Phase.VERIFY: len(searches)}, 0))
        execute(searches, search.run, jobs=jobs, emit=emit, cancel=sides.cancel)
    mismatches += incomparable + search.mismatches
    return Verification(sorted(mismatches, key=lambda m: (m.what, m.how)), search.tables, sides, hashing)


def after_repair(found: Verification, outcomes: Mapping[str, Repaired], left: Verification) -> list[Mismatch]:
    """Return what was found with what became of it, and what is new."""
    still = {mismatch.what for mismatch in left.mismatches}
    before = {mismatch.what for mismatch in found.mismatches}
    told = []
    for mismatch in found.mismatches:
        if outcome := outcomes.get(mismatch.what):
            done = outcome.done and mismatch.what not in still
            again = ", but it differs again" if outcome.done and not done else ""
            mismatch = replace(mismatch, repaired=done, repair=outcome.text + again)
        told.append(mismatch)
    return told + [mismatch for mismatch in left.mismatches if mismatch.what not in before]


def _say_what_is_not_compared(source: Side, emit: Emit) -> None:
    for kind, words in (("matview", "materialized views"), ("foreign_table", "foreign tables")):
        names = [o.identity for o in source.catalog.objects if o.kind == kind]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        if names:
            emit(events.Note(f"Not compared: the rows of {words}: {', '.join(names[:NAMED])}{more}."))


def _steps(sides: Sides, only: Collection[str] | None) -> tuple[list[Step], list[Mismatch]]:
    """Return the steps for all tables on both sides, piece by piece, largest first, and for the large objects.

    Tables whose columns have not the same names are returned as mismatches.
    """
    source, destination = sides.source.catalog, sides.destination.catalog
    there = {table.identity: table for table in destination.tables}
    same = same_names((table.identity for table in source.tables), there)
    steps: dict[str, list[Step]] = {}
    mismatches = []
    for table in sorted(source.tables, key=lambda table: -table.bytes):
        name = f"table {table.root or table.identity}"
        if table.identity not in same or name in steps or (only is not None and name not in only):
            continue
        other = there[same[table.identity]]
        columns = _columns(table, other) if sides.older is sides.source else _columns(other, table)
        if not len(table.columns) == len(other.columns) == len(columns):
            common = {c.name.strip('"') for c in columns}
            all = {c.name.strip('"') for c in (*table.columns, *other.columns)}
            names = ", ".join(sorted(all - common)[:NAMED])
            mismatches.append(Mismatch(name, f"rows not compared: only one side has the columns {names}"))
            continue
        identity = (
            most_quoted(table.root, other.root or "") if table.root else most_quoted(table.identity, other.identity)
        )
        work = CompareTable(identity, columns, table.root is None, table.condition or "")
        steps[name] = _pieces(name, work, sides, table.bytes, other.bytes)
    for r in without_gaps(source.large_objects, destination.large_objects) if only is None else ():
        name = f"large objects {r.first}-{r.last}"
        steps[name] = [Step(f"verify {name}", Phase.VERIFY, CompareLargeObjects(r))]
    return [step for pieces in steps.values() for step in pieces], mismatches


def _columns(older: Table, newer: Table) -> tuple[Column, ...]:
    """Return what columns both have, with what the older server can hash. Where types differ, texts are compared."""
    others = {column.name: column for column in newer.columns}
    columns = []
    for name, same in same_names((column.name for column in older.columns), others).items():
        column = next(c for c in older.columns if c.name == name)
        other = others[same]
        alike = bool(same_names([column.type], [other.type]))
        columns.append(
            replace(
                column,
                name=most_quoted(name, same),
                type=column.type if alike else "",
                hashable=column.hashable and alike,
                deterministic=column.deterministic and other.deterministic,
            )
        )
    return tuple(columns)


def _pieces(name: str, work: CompareTable, sides: Sides, here: int, there: int) -> list[Step]:
    pieces = max(1, -(-max(here, there) // PIECE_BYTES)) if sides.older.major >= RANGES_SINCE else 1
    cost = (here + there) // pieces
    if pieces == 1:
        return [Step(f"verify {name}", Phase.VERIFY, work, cost=cost)]
    return [
        Step(
            f"verify {name}, part {piece + 1} of {pieces}",
            Phase.VERIFY,
            replace(work, piece=piece, pieces=pieces),
            cost=cost,
        )
        for piece in range(pieces)
    ]


def _name(step: Step) -> str:
    """Return what a step's mismatch is called."""
    return f"table {step.work.identity}" if isinstance(step.work, CompareTable) else step.name.removeprefix("verify ")


def _whole(step: Step) -> Step | None:
    """Return the step that looks at all rows, for the first piece of a table."""
    if not isinstance(step.work, CompareTable):
        return replace(step, name=_name(step))
    if step.work.piece:
        return None
    return replace(step, name=_name(step), work=replace(step.work, pieces=1), cost=step.cost * step.work.pieces)


class _Sums:
    """Adds up the fingerprints of the pieces: `by_name` has the source's and the destination's."""

    def __init__(self, sides: Sides, hashing: Hashing, emit: Emit, throttle: Throttle | None) -> None:
        self._sides = sides
        self._hashing = hashing
        self._emit = emit
        self._throttle = throttle
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.by_name: defaultdict[str, tuple[Fingerprint, Fingerprint]] = defaultdict(lambda: ((0, 0), (0, 0)))

    def run(self, batch: Sequence[Step], worker: int) -> dict[str, Outcome]:
        """Compute one piece on both sides."""
        (step,) = batch
        began = time.monotonic()
        counter = Counter(self._emit, step, worker, self._wait)
        with naming(step):
            here, there = self._sides.together(
                self._fingerprint(step, _one_at_a_time(counter)), self._sides.source, self._sides.destination
            )
        counter.report()
        with self._lock:
            ours, theirs = self.by_name[_name(step)]
            self.by_name[_name(step)] = (_plus(ours, here), _plus(theirs, there))
        return {step.name: Outcome(time.monotonic() - began, here[0], counter.total)}

    def cancel(self) -> None:
        """Make every worker come home."""
        self._stopped.set()
        self._sides.cancel()

    def _wait(self, bytes: int) -> None:
        if self._throttle:
            self._throttle.wait(bytes, self._stopped)

    def _fingerprint(self, step: Step, moved: Callable[[int], None]) -> Callable[[Side], Fingerprint]:
        match step.work:
            case CompareTable() as work:
                return lambda side: fingerprint_table(side, work, self._hashing, step.cost // 2, moved)
            case CompareLargeObjects(range):
                return lambda side: fingerprint_large_objects(side, range)
            case _:
                raise AssertionError(f"not a verification's work: {step.work}")


def _one_at_a_time(moved: Callable[[int], None]) -> Callable[[int], None]:
    """Both sides report to the same counter; where it waits, to keep to a rate, both wait."""
    lock = threading.Lock()

    def locked(bytes: int) -> None:
        with lock:
            moved(bytes)

    return locked


def _plus(one: Fingerprint, other: Fingerprint) -> Fingerprint:
    return one[0] + other[0], one[1] + other[1]


class _Search:
    """Finds the rows that differ in the tables that do."""

    def __init__(
        self,
        sides: Sides,
        hashing: Hashing,
        differing: Mapping[str, tuple[Fingerprint, Fingerprint]],
        show_rows: int,
    ) -> None:
        self._sides = sides
        self._hashing = hashing
        self._differing = differing
        self._show_rows = show_rows
        self.mismatches: list[Mismatch] = []
        self.tables: dict[str, tuple[CompareTable, Found]] = {}

    def run(self, batch: Sequence[Step], worker: int) -> dict[str, Outcome]:
        """Search one table, or the large objects."""
        (step,) = batch
        began = time.monotonic()
        here, there = self._differing[step.name]
        noun = "rows" if isinstance(step.work, CompareTable) else "objects"
        with naming(step):
            match step.work:
                case CompareTable() as work:
                    found = find_rows(self._sides, work, self._hashing, here[0] + there[0])
                    self.tables[step.name] = (work, found)
                    shown = with_values(self._sides, work, self._hashing, found, self._show_rows)
                case CompareLargeObjects(range):
                    found, shown = find_large_objects(self._sides, range), ()
                case _:
                    raise AssertionError(f"not a verification's work: {step.work}")
        rows = shown + found.rows[len(shown) :]
        self.mismatches.append(Mismatch(step.name, f"{_difference(here, there, noun)}: {found}", rows))
        return {step.name: Outcome(time.monotonic() - began)}


def _difference(expected: Fingerprint, found: Fingerprint, noun: str) -> str:
    if expected[0] != found[0]:
        return f"different: {expected[0]} {noun} on the source, {found[0]} on the destination"
    return f"different: {expected[0]} {noun} on both sides, but not the same"
