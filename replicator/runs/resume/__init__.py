"""Resume an earlier run: steps that its journal lists as done are not repeated, if the source is unchanged.

In the same snapshot, every finished step is kept. In another one, complete tables are kept as of their own snapshot;
partly copied tables are emptied; sequences and large objects are copied again.
"""

import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from replicator.errors import PreflightFailed, SourceChanged
from replicator.events import listed
from replicator.journal import Journal, digest, read_run, read_steps
from replicator.journal.deferred import OPEN
from replicator.journal.ownership import damaged
from replicator.journal.run import CHANGED, Recorded, Run
from replicator.journal.unfinished import go_on
from replicator.model import (
    READING_PHASES,
    CarryStatistics,
    Catalog,
    CopyLargeObjects,
    CopyTable,
    Execute,
    LargeObjects,
    Phase,
    Plan,
    Step,
    shown,
)
from replicator.planning.parts import Parts, as_cut
from replicator.sessions import locks
from replicator.sessions.postgres import Connection
from replicator.work import sequences

SESSIONS_END_SECONDS = 30.0
UNLINKED_AT_ONCE = 1000  # each one holds a lock until its transaction ends
BOUND_TO_SNAPSHOT = (Phase.LARGE_OBJECTS, Phase.SEQUENCES)
"""Phases that are repeated in another snapshot."""
REPLACEABLE = re.compile("(function|view) ")
CREATE = re.compile("^CREATE (?!OR REPLACE )(?=FUNCTION |PROCEDURE |VIEW |RECURSIVE VIEW )")
COMPLETE = "Run `validate` to do the deferred work."
ABOUT_LARGE_OBJECTS = "(large object)"
"""The end of the names of their comments and privileges, which are dropped with them."""


@dataclass(frozen=True, slots=True)
class PreviousRun:
    """An earlier run, as its journal has it."""

    run: Run
    steps: tuple[Recorded, ...]

    @property
    def read(self) -> bool:
        """Whether it had read all rows, and its snapshot is released."""
        return not self.run.snapshot and self._all_done()

    @property
    def refused(self) -> bool:
        """Whether the destination rejected a step."""
        return any(step.refused is not None for step in self.steps)

    def without_snapshot(self) -> "PreviousRun | None":
        """Return this run without its snapshot; None if steps still need it."""
        return replace(self, run=replace(self.run, snapshot="")) if self.run.checked and self._all_done() else None

    def _all_done(self) -> bool:
        """Whether all reading steps are done; a crash or failover may have undone some."""
        return all(step.done for step in self.steps if step.phase in READING_PHASES)


def read_previous_run(destination: Connection) -> PreviousRun | None:
    """Return the earlier run; None without a journal."""
    run = read_run(destination)
    return PreviousRun(run, tuple(read_steps(destination))) if run else None


def check_source(previous: PreviousRun, system: str, database: str) -> None:
    """Raise PreflightFailed if the earlier run had another source, or the source changed during it."""
    if previous.run.state == OPEN:
        raise PreflightFailed("The copy is complete and in use: there is no clone to resume.", hint=COMPLETE)
    if previous.run.state == CHANGED:
        raise PreflightFailed("The source was altered while the earlier run copied it.", hint=locks.AGAIN)
    if (previous.run.system, previous.run.database) != (system, database):
        raise PreflightFailed(
            f"The unfinished clone on the destination is a copy of another database: {previous.run.source}.",
            hint="Use that database as the source.",
        )


def has_done(previous: PreviousRun | None, name: str) -> bool:
    """Tell whether the earlier run finished a step."""
    return previous is not None and any(step.done and step.name == name for step in previous.steps)


def end_sessions(previous: PreviousRun, *servers: Connection) -> None:
    """End the earlier run's sessions and wait until they have ended. Raises PreflightFailed."""
    if not re.fullmatch("[0-9a-f]{8}", previous.run.sessions):  # a wildcard would end everybody's sessions
        raise damaged("the names of the run's sessions")
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
    for conn in servers:
        deadline = time.monotonic() + SESSIONS_END_SECONDS
        while conn.execute(query, [f"replicator % {previous.run.sessions}"]).fetchall():
            if time.monotonic() > deadline:
                raise PreflightFailed(
                    f"Sessions of the earlier run do not end (application_name: replicator … {previous.run.sessions}).",
                    hint="See pg_stat_activity on both servers.",
                )
            time.sleep(0.1)


def with_earlier_sizes(previous: PreviousRun, catalog: Catalog) -> Catalog:
    """Return the catalog with the table sizes of when the earlier run began, on which the plan depends.

    A table without rows at that time stays empty: newer rows are not in the snapshot, and its indexes and foreign keys
    may exist already. If everything was read, large objects keep the earlier run's ranges.
    """
    sizes: defaultdict[str | None, int] = defaultdict(int)
    for step in previous.steps:
        sizes[step.relation] += step.cost
    return replace(
        catalog,
        large_objects=_earlier_ranges(previous, catalog) if previous.read else catalog.large_objects,
        tables=tuple(
            replace(t, empty=t.identity not in sizes, bytes=sizes.get(t.identity, t.bytes)) for t in catalog.tables
        ),
    )


def _earlier_ranges(previous: PreviousRun, catalog: Catalog) -> tuple[LargeObjects, ...]:
    """Return the ranges of large objects that the earlier run copied."""
    travelling = next(iter(catalog.large_objects), LargeObjects(0, 0, 0))
    copied = (step for step in previous.steps if step.phase == Phase.LARGE_OBJECTS)
    ranges = ((*large_object_range(step), step.rows or 0) for step in copied)
    return tuple(replace(travelling, first=first, last=last, count=count) for first, last, count in ranges)


def large_object_range(step: Recorded) -> tuple[int, int]:
    """Return the first and last OID of the large objects that a step copies."""
    found = re.fullmatch(r"large objects (\d{1,10})-(\d{1,10})", step.name)
    if not found:
        raise damaged(step.name)
    return int(found[1]), int(found[2])


def earlier_parts(previous: PreviousRun, catalog: Catalog) -> Parts:
    """Return how the earlier run split its tables. Raises PreflightFailed if the journal is damaged."""
    ends: defaultdict[str | None, list[tuple[str | None, str | None, str | None]]] = defaultdict(list)
    for step in previous.steps:
        if step.part_since is not None or step.part_before is not None:
            ends[step.relation].append((step.part_key, step.part_since, step.part_before))
    try:
        return {
            table.address: as_cut(table, ends[table.identity]) for table in catalog.tables if table.identity in ends
        }
    except ValueError as error:
        raise damaged(str(error)) from error


def check_unchanged(previous: PreviousRun, plan: Plan) -> set[str]:
    """Return the definitions that were corrected on the source after a step failed: they are created as they are now.

    Allowed are objects not yet created, those built on rows, and the text of a function or view. Raises SourceChanged,
    with names, for any other change of the source's schema.
    """
    then = {step.name: step for step in previous.steps if step.digest}
    now = {step.name: step for step in plan.steps if digest(step)}
    changed = {n for n in then.keys() & now.keys() if then[n].digest != digest(now[n])} | (then.keys() ^ now.keys())
    updated = {name for name in changed if previous.refused and _may_be_updated(then.get(name), now.get(name))}
    if others := sorted(changed - updated):
        raise SourceChanged(
            f"The source has changed since the clone began: {listed(list(map(shown, others)))}.",
            hint=go_on(previous.run.options, all_read=False, resume=False),
        )
    return updated


def _may_be_updated(then: Recorded | None, now: Step | None) -> bool:
    """Tell whether the copy can take over the new definition."""
    if then is None:
        return now is not None and now.phase in (Phase.BUILD, Phase.FINISH)
    return not then.done or (now is not None and REPLACEABLE.match(now.name) is not None)


def replaceable_steps(previous: PreviousRun | None) -> set[str]:
    """Return the functions and views that an earlier run created: they can be replaced."""
    return {step.name for step in previous.steps if step.done and REPLACEABLE.match(step.name)} if previous else set()


def outdated(plan: Plan, missing: Collection[str]) -> set[str]:
    """Return steps to repeat after a repair: they show the old rows, or ran without objects that were missing."""
    return {step.name for step in plan.steps if step.phase is Phase.REFRESH} | _gathered_without(plan, missing)


def _gathered_without(plan: Plan, missing: Collection[str]) -> set[str]:
    """Return statistics gathered before these steps: an index on expressions has statistics of its own."""
    return {s.name for s in plan.steps if s.phase is Phase.STATISTICS and not s.needs.isdisjoint(missing)}


def remaining_steps(plan: Plan, todo: Collection[str], made: Collection[str]) -> list[Step]:
    """Return the unfinished steps with their dependencies among each other; `made` functions and views are replaced.

    A dependency may pass through a finished step: a table's rows wait for the replaced function of a domain.
    """
    replaced = frozenset(made).intersection(todo)
    beneath: dict[str, frozenset[str]] = {}
    steps = []
    for step in plan.steps:
        needs = step.needs | step.builds_on
        if replaced:
            beneath[step.name] = needs & replaced
            beneath[step.name] = beneath[step.name].union(*(beneath.get(need, ()) for need in needs))
        if step.name in todo:
            step = replace(step, needs=needs.intersection(todo) | beneath.get(step.name, frozenset()))
            steps.append(_as_replacement(step) if step.name in replaced else step)
    return steps


def _as_replacement(step: Step) -> Step:
    """Return the step with CREATE OR REPLACE."""
    assert isinstance(step.work, Execute)
    statements = tuple(CREATE.sub("CREATE OR REPLACE ", text) for text in step.work.statements)
    return replace(step, work=Execute(statements))


def reusable_steps(previous: PreviousRun, plan: Plan, *, same_snapshot: bool) -> set[str]:
    """Return the names of the plan's steps that need not be repeated."""
    done = {step.name for step in previous.steps if step.done}
    if not all(step.done for step in previous.steps if step.phase in READING_PHASES):
        done -= {
            step.name for step in previous.steps if step.phase == Phase.REFRESH
        }  # it may have shown what is to come
    if not all(step.done for step in previous.steps if step.phase == Phase.SCHEMA):
        # Some sequences may not have existed.
        done -= {step.name for step in previous.steps if step.phase == Phase.SEQUENCES}
    done -= _gathered_without(plan, {step.name for step in previous.steps if not step.done})
    if same_snapshot:
        return {step.name for step in plan.steps if step.name in done}
    partly = _partly_copied(previous.steps)
    return {
        step.name
        for step in plan.steps
        if step.name in done
        and step.phase not in BOUND_TO_SNAPSHOT
        and not step.name.endswith(ABOUT_LARGE_OBJECTS)
        and not isinstance(step.work, CarryStatistics)  # its name depends on the earlier run's tables
        and not (isinstance(step.work, CopyTable) and step.work.table.identity in partly)
    }


def _partly_copied(steps: Iterable[Recorded]) -> set[str]:
    """Return the tables with both copied and missing parts."""
    of_tables = [step for step in steps if step.relation]
    complete, lacking = ({step.relation for step in of_tables if step.done is done} for done in (True, False))
    return {relation for relation in complete & lacking if relation}


def take_over(
    conn: Connection,
    previous: PreviousRun,
    record: Journal,
    run: Run,
    plan: Plan,
    reusable: Collection[str],
    moved: Mapping[str, tuple[int, bool]],
) -> None:
    """Take over the earlier run's journal, and remove what is copied again.

    `moved`: sequences that somebody used since, with the values to reset them to.
    """
    partly = _partly_copied(previous.steps)
    copies = [(s.work, s.name in reusable) for s in plan.steps if isinstance(s.work, CopyTable)]
    again, copied = (
        {work.target.relation for work, done in copies if done is wanted and work.table.identity in partly}
        for wanted in (False, True)
    )
    with conn.transaction():
        for relation in sorted(again - copied):
            conn.execute(f"TRUNCATE ONLY {relation}")  # as the source quoted it
        sequences.set_values(conn, moved)
        record.take_over(conn, run, reusable)
    if previous.read or (run.rows_only and not any(isinstance(step.work, CopyLargeObjects) for step in plan.steps)):
        return  # existing large objects are not ours
    ranges = [s.work.range for s in plan.steps if isinstance(s.work, CopyLargeObjects) and s.name in reusable]
    query = """SELECT count(lo_unlink(oid))
                 FROM (SELECT oid
                         FROM pg_largeobject_metadata
                        WHERE NOT EXISTS (SELECT FROM unnest(%s::bigint[], %s::bigint[]) AS kept (first, last)
                                           WHERE oid BETWEEN first AND last)
                        LIMIT %s) AS unwanted"""
    parameters = [[r.first for r in ranges], [r.last for r in ranges], UNLINKED_AT_ONCE]
    while conn.execute(query, parameters).fetchall() != [(0,)]:
        pass
