"""Is the copy the original? Objects are compared one by one, rows by count and hash, computed on both servers at once.

    objects (schema) · sequences ─► fingerprints of all tables ─► of those that differ, the rows ─► repair, if wanted

The hash of a table is the sum of its rows' hashes, so the order of rows does not matter, the rows stay where they are,
and a big table is read in pieces: on each side its own, which need not hold the same rows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from replicator import events
from replicator.events import NAMED, Emit, listed
from replicator.executor import execute
from replicator.large_objects import without_gaps
from replicator.model import Column, CompareLargeObjects, CompareTable, Execute, Phase, Step, Table
from replicator.throttle import Throttle
from replicator.verify.attempts import Attempts
from replicator.verify.fingerprint import PIECE_BYTES, Hashing
from replicator.verify.repair import Repaired, repair_tables
from replicator.verify.reread import reading_again
from replicator.verify.rows import Found
from replicator.verify.schema import SequenceValues, compare_schemas, compare_sequences, initial
from replicator.verify.search import Search
from replicator.verify.side import Mismatch, RowDifference, Side, Sides, most_quoted, same_names
from replicator.verify.sums import Sums, called

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

DIFFERENT = "different: "


@dataclass(frozen=True, slots=True)
class Verification:
    """What a comparison found: all differences, and by its name each table whose rows differ."""

    mismatches: list[Mismatch]
    tables: Mapping[str, tuple[CompareTable, Found]]
    sides: Sides
    hashing: Hashing
    emit: Emit
    unproven: Sequence[str] = ()
    """What was read `earlier`, and is not as the source is now: of that nothing can be told."""

    def repair(self) -> dict[str, Repaired]:
        """Copy the rows that differ again."""
        with events.saying(self.emit, "Copying the rows that differ again"):
            return repair_tables(self.sides, self.tables, self.hashing)


def verify(
    source: Side,
    destination: Side,
    *,
    jobs: int,
    emit: Emit,
    sequence_values: SequenceValues | None = None,
    show_rows: int = 0,
    only: Collection[str] | None = None,
    throttle: Throttle | None = None,
    retry_seconds: float = 0.0,
    earlier: Collection[str] = (),
) -> Verification:
    """Return all differences between two databases; none where the copy is complete. Raises StepFailed.

    `sequence_values` are those that the copy was given; without them the source's own are expected. `show_rows` is of
    how many rows of a table the values are read; `only` names the tables to compare, as a mismatch does;
    `earlier` those that were copied at an earlier moment than the source is compared at, `large objects` for all these.
    """
    sides = Sides(source, destination)
    hashing = Hashing((source.encoding, destination.encoding), since_18=sides.older.major >= 18)
    attempts = Attempts(sides, emit, retry_seconds)
    with events.saying(emit, "Comparing all definitions and sequences"):
        mismatches = attempts.make(
            Step("verify definitions and sequences", Phase.VERIFY, Execute(())),
            0,
            lambda: [
                *compare_schemas(source.catalog, destination.catalog, reading_again(destination)),
                *compare_sequences(source, destination, sequence_values),
            ],
        )
    steps, incomparable = _steps(sides, only)
    _say_what_is_not_compared(source, emit)
    if initial(source.catalog, destination.catalog):
        emit(events.Note("The destination has the schema public, empty, as every new database; the source has none."))
    emit(events.Planned({Phase.VERIFY: len(steps)}, sum(step.cost for step in steps)))
    sums = Sums(sides, hashing, emit, throttle, attempts)
    execute(steps, sums.run, jobs=jobs, emit=emit, cancel=attempts.cancel)
    differing = {name: pair for name, pair in sums.by_name.items() if pair[0] != pair[1]}
    unproven = sorted(name for name in differing if not {name, name.rpartition(" ")[0]}.isdisjoint(earlier))
    differing = {name: pair for name, pair in differing.items() if name not in unproven}
    search = Search(sides, hashing, differing, show_rows, emit, attempts)
    searches = [step for step in (_whole(step) for step in steps) if step and step.name in differing]
    if searches:
        emit(events.Note(f"Searching for the rows that differ: {listed([step.name for step in searches])}."))
        emit(events.Planned({Phase.VERIFY: len(searches)}, 0))
        execute(searches, search.run, jobs=jobs, emit=emit, cancel=attempts.cancel)
    mismatches += incomparable + search.mismatches
    return Verification(
        sorted(mismatches, key=lambda m: (m.what, m.how)), search.tables, sides, hashing, emit, unproven
    )


def after_repair(found: Verification, outcomes: Mapping[str, Repaired], left: Verification) -> list[Mismatch]:
    """Return what was found with what became of it, and what is new.

    Rows are repaired, definitions are not, though both may differ in one table.
    """
    still = {(mismatch.what, mismatch.about) for mismatch in left.mismatches}
    before = {(mismatch.what, mismatch.about) for mismatch in found.mismatches}
    told = []
    for mismatch in found.mismatches:
        if outcome := outcomes.get(mismatch.what):
            if mismatch.about == "rows":
                done = outcome.done and (mismatch.what, "rows") not in still
                again = ", but its rows differ again" if outcome.done and not done else ""
                mismatch = replace(mismatch, repaired=done, repair=outcome.text + again)
            elif mismatch.how.startswith(DIFFERENT):
                how = f"its definition still differs: {mismatch.how.removeprefix(DIFFERENT)}"
                mismatch = replace(mismatch, how=how)
        told.append(mismatch)
    return told + [mismatch for mismatch in left.mismatches if (mismatch.what, mismatch.about) not in before]


def _say_what_is_not_compared(source: Side, emit: Emit) -> None:
    for kind, words in (("matview", "materialized views"), ("foreign_table", "foreign tables")):
        names = [o.identity for o in source.catalog.objects if o.kind == kind]
        if names:
            emit(events.Note(f"Not compared: the rows of {words}: {listed(names)}."))


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
        name = f"table {table.target}"
        if table.identity not in same or name in steps or (only is not None and name not in only):
            continue
        other = there[same[table.identity]]
        older, newer = (table, other) if sides.older is sides.source else (other, table)
        columns, stored = _columns(older.columns, newer.columns), _columns(older.stored, newer.stored)
        if not len(table.columns) == len(other.columns) == len(columns):
            common = {c.name.strip('"') for c in columns}
            all = {c.name.strip('"') for c in (*table.columns, *other.columns)}
            names = ", ".join(sorted(all - common)[:NAMED])
            reason = f"rows not compared: only one side has the columns {names}"
            mismatches.append(Mismatch(name, reason, about="rows"))
            continue
        identity = (
            most_quoted(table.root, other.root or "") if table.root else most_quoted(table.identity, other.identity)
        )
        work = CompareTable(
            identity,
            columns,
            table.root is None,
            table.condition or "",
            blocks=(_blocks(table), _blocks(other)),
            bytes=(table.bytes, other.bytes),
            stored=stored,
        )
        steps[name] = _pieces(name, work)
    for r in without_gaps(source.large_objects, destination.large_objects) if only is None else ():
        name = f"large objects {r.first}-{r.last}"
        steps[name] = [Step(f"verify {name}", Phase.VERIFY, CompareLargeObjects(r, destination.role))]
    return [step for pieces in steps.values() for step in pieces], mismatches


def _columns(older: Sequence[Column], newer: Sequence[Column]) -> tuple[Column, ...]:
    """Return what columns both have. Where types differ, texts are compared."""
    others = {column.name: column for column in newer}
    columns = []
    for name, same in same_names((column.name for column in older), others).items():
        column = next(c for c in older if c.name == name)
        other = others[same]
        alike = bool(same_names([column.type], [other.type]))
        columns.append(
            replace(
                column,
                name=most_quoted(name, same),
                type=column.type if alike else "",
                read_as=column.read_as or other.read_as,
                send=column.send if alike and bool(same_names([column.send], [other.send])) else "",
            )
        )
    return tuple(columns)


def _blocks(table: Table) -> int | None:
    """Return how many blocks can be read in ranges. None: read it whole, a root or a table of which some rows count."""
    return None if table.root or table.condition else table.blocks


def _pieces(name: str, work: CompareTable) -> list[Step]:
    pieces = 1 if None in work.blocks else max(1, -(-max(work.bytes) // PIECE_BYTES))
    cost = sum(work.bytes) // pieces
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


def _whole(step: Step) -> Step | None:
    """Return the step that looks at all rows, for the first piece of a table."""
    if not isinstance(step.work, CompareTable):
        return replace(step, name=called(step))
    if step.work.piece:
        return None
    return replace(step, name=called(step), work=replace(step.work, pieces=1), cost=step.cost * step.work.pieces)
