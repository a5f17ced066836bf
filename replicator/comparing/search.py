"""Searches tables whose fingerprints differ for the differing rows. Reports only what explains the difference."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from replicator import events
from replicator.comparing.attempts import DURING, Attempts
from replicator.comparing.fingerprint import Fingerprint, Hashing
from replicator.comparing.rows import Found, find_large_objects, find_rows, with_values
from replicator.comparing.sides import Mismatch, Pair, RowDifference
from replicator.comparing.sums import fingerprints
from replicator.errors import StepFailed
from replicator.events import Emit
from replicator.model import CompareLargeObjects, CompareTable, ComparingWork, Outcome, Step, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched(Outcome):
    """What differs in a table, if anything does, and the rows by which it does: of a table, as they can be repaired."""

    mismatch: Mismatch | None
    found: Found | None


class Search:
    """Finds the differing rows of tables."""

    def __init__(
        self,
        sides: Pair,
        hashing: Hashing,
        differing: Mapping[str, tuple[Fingerprint, Fingerprint]],
        show_rows: int,
        emit: Emit,
        attempts: Attempts,
    ) -> None:
        self._sides = sides
        self._hashing = hashing
        self._differing = differing
        self._show_rows = show_rows
        self._emit = emit
        self._attempts = attempts
        self.mismatches: list[Mismatch] = []
        self.tables: dict[str, tuple[CompareTable, Found]] = {}

    def run(self, batch: Sequence[Step], worker: int) -> dict[str, Outcome]:
        """Search one table, or the large objects."""
        (step,) = batch
        began = time.monotonic()
        mismatch, found = self._attempts.make(step, worker, lambda: self._mismatch(step))
        return {step.name: Searched(time.monotonic() - began, mismatch=mismatch, found=found)}

    def add(self, step: Step, outcome: Outcome) -> None:
        """Keep what was found, and the rows of a table for their repair."""
        assert isinstance(outcome, Searched)
        if outcome.mismatch:
            self.mismatches.append(outcome.mismatch)
        if outcome.found and isinstance(step.work, CompareTable) and not step.work.matview:
            self.tables[step.name] = (step.work, outcome.found)

    def _mismatch(self, step: Step) -> tuple[Mismatch | None, Found | None]:
        """Return the mismatch and its rows; nothing if reading the whole table again finds no difference.

        The pieces were read one after another. If somebody rewrote the table meanwhile (VACUUM FULL moves all rows, a
        TRUNCATE hides them even from older snapshots), their sum matches no point in time. Raises StepFailed if the
        second result cannot be explained either.
        """
        source, destination = self._differing[step.name]
        found = self._find(step, source, destination)
        if not _adds_up(source, destination, found):
            source, destination = fingerprints(self._sides, step, self._hashing)
            if source == destination:
                self._emit(events.Note(f"{shown(step.name)}: rewritten {DURING}; compared again: no difference."))
                return None, None
            found = self._find(step, source, destination)
            if not _adds_up(source, destination, found):
                raise StepFailed(
                    step.name,
                    f"{_difference(source, destination, 'rows')}, but the rows that were found do not explain it:"
                    f" {found}",
                    hint="Run `verify` again. If this recurs, it is a defect of replicator: please report it.",
                )
        if isinstance(step.work, CompareTable) and (altered := self._sides.altered(step.work)):
            raise StepFailed(step.name, f"it was truncated, rewritten or renamed on the {altered} {DURING}")
        noun = "rows" if isinstance(step.work, CompareTable) else "objects"
        how = f"{_difference(source, destination, noun)}: {found}"
        counts = f"{found} {noun if found.counts.total() > 1 else noun.rstrip('s')}"
        return Mismatch(step.name, how, self._shown(step, found), kind="rows", about="rows", counts=counts), found

    def _find(self, step: Step, source: Fingerprint, destination: Fingerprint) -> Found:
        assert isinstance(step.work, ComparingWork), f"a comparison copies nothing: {step.work}"
        match step.work:
            case CompareTable() as work:
                return find_rows(self._sides, work, self._hashing, source[0] + destination[0])
            case CompareLargeObjects() as work:
                return find_large_objects(self._sides, work, self._hashing)
            case _:
                assert_never(step.work)

    def _shown(self, step: Step, found: Found) -> tuple[RowDifference, ...]:
        """Return the differing rows, the first of them with their values."""
        if not isinstance(step.work, CompareTable):
            return found.rows
        shown = with_values(self._sides, step.work, self._hashing, found, self._show_rows)
        return shown + found.rows[len(shown) :]


def _adds_up(source: Fingerprint, destination: Fingerprint, found: Found) -> bool:
    """Tell whether the rows that were found explain the difference of the counts (any do, if there were too many)."""
    counts = found.counts
    return bool(found.rows) and (not found.all or source[0] - destination[0] == counts["missing"] - counts["extra"])


def _difference(expected: Fingerprint, found: Fingerprint, noun: str) -> str:
    if expected[0] != found[0]:
        return f"different: {expected[0]} {noun} on the source, {found[0]} on the destination"
    return f"different: {expected[0]} {noun} on both sides, but not the same"
