"""Is the copy the original? Objects are compared one by one, rows by count and hash, computed on both servers at once.

    objects (schema) · sequences ─► fingerprints of all tables ─► of those that differ, the rows ─► repair, if wanted

The hash of a table is the sum of its rows' hashes, so the order of rows does not matter, the rows stay where they are,
and a big table is read in pieces: on each side its own, which need not hold the same rows.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from replicator import events
from replicator.comparing import matviews
from replicator.comparing.attempts import Attempts
from replicator.comparing.fingerprint import PIECE_BYTES, Hashing
from replicator.comparing.repair import Repaired, repair_tables
from replicator.comparing.reread import reading_again
from replicator.comparing.rows import Found
from replicator.comparing.schema import SequenceValues, compare_schemas, compare_sequences, initial
from replicator.comparing.search import Search
from replicator.comparing.sides import Mismatch, Pair, RowDifference, Side, most_quoted, same_names
from replicator.comparing.states import compare_states
from replicator.comparing.sums import Sums, called
from replicator.events import NAMED, Emit, counted, listed
from replicator.model import (
    Column,
    CompareLargeObjects,
    CompareTable,
    Execute,
    Phase,
    Reading,
    Step,
    Table,
    Target,
    counted_kind,
    shown,
)
from replicator.work.executor import execute
from replicator.work.large_objects import without_gaps
from replicator.work.throttle import Throttle

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
    """What a comparison found: all differences, and by name each table whose rows differ."""

    mismatches: list[Mismatch]
    tables: Mapping[str, tuple[CompareTable, Found]]
    sides: Pair
    hashing: Hashing
    emit: Emit
    unproven: Sequence[str] = ()
    """Tables copied `earlier` that the source has changed since: whether their copies are right cannot be told."""

    def repair(self) -> dict[str, Repaired]:
        """Copy the differing rows again."""
        with events.saying(self.emit, "Copying the differing rows again"):
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
    cloned: bool = False,
) -> Verification:
    """Return all differences between two databases; none if the copy is complete. Raises StepFailed.

    `sequence_values` are those that the copy was given; without them the source's own are expected. `show_rows`: of how
    many rows a table the values are read; `only`: the tables to compare, named as a mismatch names them; `earlier`:
    those that were copied before the source's snapshot was taken, `large objects` for all of these.
    `cloned`: the destination was filled just now, so intended deviations of a clone are notes, not differences.
    """
    sides = Pair(source, destination)
    encodings = source.encoding, destination.encoding
    hashing = Hashing(encodings, since_18=sides.older.major >= 18, declared=source.declared)
    attempts = Attempts(sides, emit, retry_seconds)
    mismatches = _compare_definitions(sides, sequence_values, attempts, emit, cloned=cloned)
    unread = matviews.read(sides) if only is None else []
    steps, incomparable = _steps(sides, only)
    _note_what_is_not_compared(sides, unread, emit)
    emit(events.Planned({Phase.VERIFY: len(steps)}, sum(step.cost for step in steps)))
    sums = Sums(sides, hashing, emit, throttle, attempts)
    execute(steps, sums.run, jobs=jobs, emit=emit, cancel=attempts.cancel, done=sums.add)
    differing = {name: pair for name, pair in sums.by_name.items() if pair[0] != pair[1]}
    unproven = sorted(name for name in differing if not {name, name.rpartition(" ")[0]}.isdisjoint(earlier))
    differing = {name: pair for name, pair in differing.items() if name not in unproven}
    search = Search(sides, hashing, differing, show_rows, emit, attempts)
    searches = [step for step in (_whole(step) for step in steps) if step and step.name in differing]
    if searches:
        emit(events.Note(f"Searching for the differing rows of {listed([shown(step.name) for step in searches])}."))
        emit(events.Planned({Phase.VERIFY: len(searches)}, 0))
        execute(searches, search.run, jobs=jobs, emit=emit, cancel=attempts.cancel, done=search.add)
    found, notes = matviews.judge(sides, search.mismatches, cloned=cloned)
    for note in notes:
        emit(events.Note(note))
    mismatches += incomparable + found
    if only is None and not cloned:
        mismatches += matviews.populated_on_destination_only(sides)
    if only is None:
        emit(events.Note(_compared(sides, sums)))
    return Verification(
        sorted(mismatches, key=lambda m: (m.what, m.how)), search.tables, sides, hashing, emit, unproven
    )


def _compare_definitions(
    sides: Pair, sequence_values: SequenceValues | None, attempts: Attempts, emit: Emit, *, cloned: bool
) -> list[Mismatch]:
    """Return the differences of all but rows."""
    source, destination = sides.source, sides.destination
    reread = reading_again(
        destination.sessions, lambda text: emit(events.Note(text)), destination.renamed.undone.statements
    )
    with events.saying(emit, "Comparing all definitions and sequences"):
        return attempts.make(
            Step("verify definitions and sequences", Phase.VERIFY, Execute(())),
            0,
            lambda: [
                *(
                    replace(mismatch, fix=destination.renamed.fixing(mismatch.fix))
                    for mismatch in compare_schemas(source.catalog, destination.catalog, reread)
                ),
                *compare_sequences(source, destination, sequence_values),
                *compare_states(sides, emit, cloned=cloned),
            ],
        )


def after_repair(found: Verification, outcomes: Mapping[str, Repaired], again: Verification) -> list[Mismatch]:
    """Return the differences with the outcome of their repair, and new ones.

    Only rows are repaired; the definition of the same table may differ, too.
    """
    still = {(mismatch.what, mismatch.about) for mismatch in again.mismatches}
    before = {(mismatch.what, mismatch.about) for mismatch in found.mismatches}
    result = []
    for mismatch in found.mismatches:
        if outcome := outcomes.get(mismatch.what):
            if mismatch.about == "rows":
                done = outcome.done and (mismatch.what, "rows") not in still
                but = ", but rows differ again" if outcome.done and not done else ""
                mismatch = replace(mismatch, repaired=done, repair=outcome.text + but)
            elif mismatch.how.startswith(DIFFERENT):
                how = f"its definition still differs: {mismatch.how.removeprefix(DIFFERENT)}"
                mismatch = replace(mismatch, how=how)
        result.append(mismatch)
    return result + [mismatch for mismatch in again.mismatches if (mismatch.what, mismatch.about) not in before]


def _note_what_is_not_compared(sides: Pair, matviews: Sequence[str], emit: Emit) -> None:
    source, destination = sides.source, sides.destination
    foreign = [o.identity for o in source.catalog.objects if o.kind == "foreign_table"]
    routed = sorted({table.root for table in source.tables if table.root})
    tables = (*source.tables, *destination.tables)
    read_otherwise = {t.identity: [c.name for c in t.columns if c.read_as] for t in tables}
    narrowed = [f"{name} ({', '.join(columns)})" for name, columns in read_otherwise.items() if columns]
    if narrowed:
        emit(events.Note(f"Compared in the destination's narrower types: {listed(narrowed)}."))
    for names, words in (
        (foreign, "the rows of foreign tables: {}"),
        (
            matviews,
            "the rows of materialized views that are empty, not readable, or filled from fewer rows, on one side: {}",
        ),
        (routed, "in which partition rows of {} are, since the servers may choose different ones"),
    ):
        if names:
            emit(events.Note(f"Not compared: {words.format(listed(names))}."))
    if initial(source.catalog, destination.catalog):
        emit(events.Note("The destination has an empty schema public, as every new database; the source has none."))


def _compared(sides: Pair, sums: Sums) -> str:
    """Return a note about how much was compared."""
    catalog = sides.source.catalog
    tables = {
        name: fingerprint for name, (fingerprint, _) in sums.by_name.items() if not name.startswith("large objects ")
    }
    rows = sum(count for count, _ in tables.values())
    objects = sum(count for name, ((count, _), _) in sums.by_name.items() if name not in tables)
    kinds = Counter(o.kind for o in catalog.objects)
    parts = [
        f"{counted(rows, 'row')} of {counted(len(tables), 'table')}, {events.size_text(sums.bytes)} read",
        counted(len(catalog.sequences), "sequence"),
        counted(objects, "large object"),
        f"{counted(kinds.total(), 'definition')}"
        f" ({', '.join(counted_kind(kinds[kind], kind) for kind in sorted(kinds))})",
    ]
    return f"Compared: {'; '.join(part for part in parts if not part.startswith('0 '))}."


def _steps(sides: Pair, only: Collection[str] | None) -> tuple[list[Step], list[Mismatch]]:
    """Return the steps for all tables on both sides, in pieces, largest first, and for the large objects.

    Tables with different columns are returned as mismatches.
    """
    source, destination = sides.source.catalog, sides.destination.catalog
    others = {_counterpart(table): table for table in sides.destination.tables}
    same = same_names((_counterpart(table) for table in sides.source.tables), others)
    routed: defaultdict[str | None, list[Table]] = defaultdict(list)
    for table in sides.source.tables:
        routed[table.root].append(table)
    steps: dict[str, list[Step]] = {}
    mismatches = []
    for table in sorted(sides.source.tables, key=lambda table: -table.bytes):
        name = table.name
        if _counterpart(table) not in same or name in steps or (only is not None and name not in only):
            continue
        other = others[same[_counterpart(table)]]
        older, newer = (table, other) if sides.older is sides.source else (other, table)
        columns, stored = _columns(older.columns, newer.columns), _columns(older.stored, newer.stored)
        if table.reading.expressions != table.target.columns:
            stored = ()  # generated from other values
        if not len(table.columns) == len(other.columns) == len(columns):
            common = {c.name.strip('"') for c in columns}
            all = {c.name.strip('"') for c in (*table.columns, *other.columns)}
            names = ", ".join(sorted(all - common)[:NAMED])
            reason = f"rows not compared: only one side has the columns {names}"
            mismatches.append(Mismatch(name, reason, kind="columns", about="rows"))
            continue
        reading, target = _ends(table, other, (*columns, *stored), routed[table.root])
        work = CompareTable(
            reading,
            target,
            columns,
            blocks=(_blocks(table), _blocks(other)),
            bytes=(table.bytes, other.bytes),
            stored=stored,
            matview=table.matview,
        )
        steps[name] = _pieces(name, work)
    for r in without_gaps(source.large_objects, destination.large_objects) if only is None else ():
        name = f"large objects {r.first}-{r.last}"
        steps[name] = [Step(f"verify {name}", Phase.VERIFY, CompareLargeObjects(r, destination.role))]
    return [step for pieces in steps.values() for step in pieces], mismatches


def _counterpart(table: Table) -> str:
    """Return the name of the destination's table that is compared with this one, or of the same leaf of its root."""
    return table.identity if table.root else table.target.relation


def _ends(table: Table, other: Table, columns: Sequence[Column], leaves: Sequence[Table]) -> tuple[Reading, Target]:
    """Return how these columns are read on the source, and where they are on the destination.

    If a table is loaded through its root, all rows of the root are compared: only their partition may differ.
    """
    names = tuple(column.name for column in columns)
    if table.root and any(leaf.portions for leaf in leaves):
        readings = [_narrowed(leaf, leaf.reading, names) for leaf in leaves]
        reading = replace(readings[0], relation=table.root, only=False, condition="", keys=None, parts=tuple(readings))
    elif table.root:
        reading = replace(_narrowed(table, table.reading, names), relation=table.root, only=False)
    else:
        reading = _narrowed(table, table.reading, names)
    there = other.renamed or ((other.root or "") if table.root else other.identity)
    there = most_quoted(table.target.relation, there)
    return reading, replace(table.target, relation=there, columns=names)


def _narrowed(table: Table, reading: Reading, names: Sequence[str]) -> Reading:
    """Return how these columns of a table are read, copied ones and generated ones."""
    read = dict(zip((column.name for column in table.columns), reading.expressions, strict=True))
    read |= {column.name: column.name for column in table.stored}
    same = same_names(names, read)
    parts = tuple(_narrowed(table, part, names) for part in reading.parts)
    return replace(reading, expressions=tuple(read[same[name]] for name in names), parts=parts)


def _columns(older: Sequence[Column], newer: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns that both sides have. If their types differ, they are compared as text."""
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
    """Return how many blocks can be read in ranges. None: read all at once, for roots and tables with a condition."""
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
    """Return the step that reads all rows of a table, in place of its first piece; None in place of the others."""
    if not isinstance(step.work, CompareTable):
        return replace(step, name=called(step))
    if step.work.piece:
        return None
    return replace(step, name=called(step), work=replace(step.work, pieces=1), cost=step.cost * step.work.pieces)
