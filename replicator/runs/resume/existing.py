"""Before resuming, check that everything the earlier run created on the destination still exists unchanged.

Definitions are compared as by `verify`, rows are counted, sequence values are read. What differs is named.
Comparing every value is left to --verify.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from replicator import events
from replicator.catalog import BY_NAME
from replicator.catalog.read import readable_kinds
from replicator.comparing.reread import reading_again
from replicator.comparing.schema import compare_schemas
from replicator.errors import PreflightFailed
from replicator.events import NAMED, Emit
from replicator.journal.run import read_given
from replicator.journal.unfinished import command, go_on
from replicator.model import Catalog, CopyTable, Execute, Kind, Outcome, Phase, Plan, Step
from replicator.planning import graph
from replicator.runs.resume import PreviousRun, large_object_range
from replicator.sessions import locks
from replicator.sessions.postgres import Connection
from replicator.sessions.workers import Sessions
from replicator.settings import Settings
from replicator.work import sequences
from replicator.work.executor import execute

COUNTED_AT_ONCE = 100
COUNTED_BYTES = 64 * 1024 * 1024
"""Tables up to this total size are counted in one query."""
COUNT = "count(*), count(*) FILTER (WHERE NOT xmin = ANY ('{{{}}}'::pg_catalog.xid[])) FROM {}"
"""The number of a row's transaction stays readable when the row is frozen. Reference: htup_details.h (18.6)."""
LARGE_OBJECTS = """
SELECT count(*)
  FROM pg_largeobject_metadata
 WHERE EXISTS (SELECT FROM unnest(%s::bigint[], %s::bigint[]) AS r (first, last) WHERE oid BETWEEN r.first AND r.last)
"""


@dataclass(frozen=True, slots=True)
class EarlierCopy:
    """The part of an earlier run that is kept: its `reusable` steps, and the catalog that they belong to.

    `there` is the destination's catalog; None with --data-only, whose schema is not ours.
    """

    previous: PreviousRun
    reusable: Collection[str]
    plan: Plan
    catalog: Catalog
    there: Catalog | None

    def check(self, control: Connection, destination: Sessions, settings: Settings, emit: Emit) -> None:
        """Raise PreflightFailed, with names, if what the kept steps created is missing or changed.

        If the number of rows matches but others wrote some of them, only a verification can tell: --verify is needed.
        """
        written: dict[str, int] = {}
        wrong = list(self._definitions(self.there, readable_kinds(control), destination)) if self.there else []
        options = self.previous.run.options
        if not wrong and not (options["append"] or options["upsert"]):  # such rows look like existing ones
            wrong += [*self._rows(destination, settings.workers, emit, written), *self._large_objects(control)]
        if wrong:
            more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
            raise PreflightFailed(
                f"The destination has changed since the earlier run: {'; '.join(wrong[:NAMED])}{more}.",
                hint=go_on(options, all_read=False, resume=False),
            )
        if written and not settings.verify:
            tables = ", ".join(f"{number} of {target}" for target, number in written.items())
            raise PreflightFailed(
                f"Somebody wrote rows on the destination after the earlier run copied them: {tables}.",
                hint=f"To have them compared, run `{command(options, f'--resume={settings.resume} --verify')}`.",
            )

    def moved_sequences(self, control: Connection) -> dict[str, tuple[int, bool]]:
        """Return the sequences that were used since the kept steps set them, with the values set then.

        With --data-only they may be used, so none is returned.
        """
        done = any(step.phase is Phase.SEQUENCES and step.name in self.reusable for step in self.plan.steps)
        if self.previous.run.rows_only or not done:
            return {}
        given = read_given(control)
        ours = [s for s in self.catalog.sequences if s.identity in given]
        now = sequences.read_values(control, ours, prove=False)  # addresses are the source's
        return {name: given[name] for name, value in now.items() if value != given[name]}

    def _definitions(self, there: Catalog, readable: Collection[Kind], destination: Sessions) -> Iterator[str]:
        """Yield the created objects that are missing or have another definition.

        While the schema is incomplete, tables will still be attached and altered: only their names are checked.
        """
        steps = {step.name: step for step in self.plan.steps}
        undone = steps.keys() - self.reusable
        schema_made = not any(steps[name].phase is Phase.SCHEMA for name in undone)
        made, final = set(), set()
        for o in (o for o in self.catalog.objects if BY_NAME[o.kind] in readable):
            own = {o.name, graph.stub_name(o), f"validate {o.name}"} & steps.keys()
            if own and own.isdisjoint(undone) and not any(steps[name].optional for name in own):
                made.add(o.name)
                if schema_made or BY_NAME[o.kind].phase is not Phase.SCHEMA:
                    final.add(o.name)
        for mismatch in compare_schemas(self.catalog, there, reading_again(destination)):
            match mismatch.how:
                case "missing on the destination":
                    wanted = mismatch.what in made
                case "not populated on the destination":
                    refresh = f"refresh {mismatch.what.partition(' ')[2]}"
                    wanted = refresh in self.reusable and not steps[refresh].optional
                case "extra on the destination" | "invalid on the destination":  # it may be about to be attached
                    wanted = False
                case _:
                    wanted = mismatch.what in final
            if wanted:
                yield str(mismatch)

    def _rows(self, destination: Sessions, jobs: int, emit: Emit, written: dict[str, int]) -> Iterator[str]:
        """Yield tables with a different number of rows; of the others, put rows that others wrote in `written`."""
        copied = {step.name: step for step in self.previous.steps if step.done}
        of_target: defaultdict[str, list[Step]] = defaultdict(list)
        rows_of: dict[str, str] = {}
        for step in self.plan.steps:
            if isinstance(step.work, CopyTable):
                target = step.work.target
                of_target[target.relation].append(step)
                rows_of[target.relation] = f"{target.reading.item} {target.condition}"
        expected: dict[str, int] = {}
        costs: dict[str, int] = {}
        queries: dict[str, str] = {}
        empty = all(step.name in self.reusable for step in self.plan.steps if step.phase is Phase.SCHEMA)
        for relation, steps in of_target.items():
            records = [copied[step.name] for step in steps if step.name in copied and step.name in self.reusable]
            untouched = empty and not any(step.name in copied for step in steps)
            # Repaired tables have no recorded number.
            if untouched or (len(records) == len(steps) and all(r.rows is not None for r in records)):
                expected[relation] = sum(r.rows or 0 for r in records)
                costs[relation] = sum(step.cost for step in steps)
                writers = {str(r.txid % 2**32) for r in records if r.txid}
                queries[relation] = COUNT.format(",".join(sorted(writers)), rows_of[relation])
        found = _count(queries, costs, destination, jobs, emit)
        for relation, rows_then in expected.items():
            rows_now, others = found[relation]
            if rows_now != rows_then:
                yield f"table {relation}: {rows_then} rows were copied, but it has {rows_now}"
            elif others:
                written[relation] = others

    def _large_objects(self, control: Connection) -> Iterator[str]:
        """Yield a text if the number of large objects differs from the number copied."""
        steps = [
            s
            for s in self.previous.steps
            if s.phase == Phase.LARGE_OBJECTS and s.done and (self.previous.read or s.name in self.reusable)
        ]
        ranges = [large_object_range(step) for step in steps]
        then = sum(step.rows or 0 for step in steps)
        if ranges:
            values = [[first for first, _ in ranges], [last for _, last in ranges]]
            ((now,),) = control.execute(LARGE_OBJECTS, values).fetchall()
            if now != then:
                yield f"{then} large objects were copied, but there are {now}"


def _count(
    queries: dict[str, str], costs: dict[str, int], destination: Sessions, jobs: int, emit: Emit
) -> dict[str, tuple[int, int]]:
    """Run the counting queries in parallel, those of small tables combined."""
    if queries:
        emit(events.Note(f"Counting the rows that {events.counted(len(queries), 'table')} already have."))
    batches: list[list[str]] = []
    size = 0
    for target in sorted(queries, key=lambda target: -costs[target]):
        size += costs[target]
        if not batches or size > COUNTED_BYTES or len(batches[-1]) == COUNTED_AT_ONCE:
            batches.append([])
            size = costs[target]
        batches[-1].append(target)
    found: dict[str, tuple[int, int]] = {}

    def run(batch: Sequence[Step], worker: int) -> dict[str, Outcome]:
        (step,) = batch
        assert isinstance(step.work, Execute)
        began = time.monotonic()
        names = batches[int(step.name)]
        with destination.use() as conn, locks.reading(conn, names):
            rows = conn.execute(step.work.statements[0]).fetchall()
        found.update((names[number], (count, others)) for number, count, others in rows)
        return {step.name: Outcome(time.monotonic() - began)}

    steps = [Step(str(n), Phase.VERIFY, Execute((_counting(batch, queries),))) for n, batch in enumerate(batches)]
    execute(steps, run, jobs=jobs, emit=lambda event: None, cancel=destination.cancel)
    return found


def _counting(targets: Iterable[str], queries: dict[str, str]) -> str:
    return " UNION ALL ".join(f"SELECT {n}, {queries[target]}" for n, target in enumerate(targets))
