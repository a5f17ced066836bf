"""Run all unfinished steps; repeat those that a crash of the destination undid."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from replicator import events
from replicator.errors import StepFailed, Undone
from replicator.journal import crash
from replicator.model import READING_PHASES, CopyTable, Outcome, Phase, Plan, Step
from replicator.runs import resume
from replicator.runs.begin import Copy
from replicator.runs.resume.violations import repair_rows
from replicator.work import rejected
from replicator.work.executor import Done, execute
from replicator.work.step_runner import StepRunner

CRASHED = "The destination server crashed or was replaced; the lost part of the copy is done again."


def run_steps(copy: Copy) -> None:
    """Run all steps that are unfinished in the journal. Raises StepFailed, Incomplete, SourceChanged."""
    plan, settings, ends = copy.prepared.plan, copy.settings, copy.ends
    repairable = ends.previous is not None and bool(ends.previous.refused) and not settings.append
    replaceable_steps = resume.replaceable_steps(ends.previous)
    lost: set[str] | None = None  # what the last look found, while it is current
    while names := unfinished_steps(copy)[1] if lost is None else lost:
        lost = None
        todo = resume.remaining_steps(plan, names, replaceable_steps)
        with suppress(Undone):  # the journal tells which steps were undone
            refused = run_once(copy, todo, release=not settings.verify and not repairable)
            if refused:
                copy.retried(partial(end_refused, copy, todo, refused))
            crashed, lost = unfinished_steps(copy)
            if lost and not crashed:
                remaining = [step for step in todo if step.name in lost]
                about = [
                    step for step in remaining if step.name in refused and rejected.may_be_of_rows(refused[step.name])
                ]
                if not (repairable and about and repair_rows(about, copy.prepared, ends, settings, copy.emit)):
                    raise rejected.incomplete(
                        remaining,
                        refused,
                        rows_only=not copy.mode.whole,
                        appended=settings.append,
                        defined=bool(settings.definition),
                    )
                repairable = False
                copy.journal.undo(copy.control(), resume.outdated(plan, lost))
                lost = None


def run_once(copy: Copy, todo: Sequence[Step], *, release: bool) -> dict[str, StepFailed]:
    """Run these steps on all workers. Returns the rejected ones. `release` the snapshot after the last row."""
    settings, ends = copy.settings, copy.ends
    tables = {step.work.table.address.objid for step in copy.prepared.plan.steps if isinstance(step.work, CopyTable)}
    copy.emit(announcement(Plan(tuple(todo))))
    runner = StepRunner(
        ends.source.sessions,
        ends.destination.sessions,
        ends.snapshot,
        ends.control,
        copy.journal,
        copy.emit,
        relay=settings.relay,
        throttle=ends.throttle,
        sorting=ends.sorting,
        again=copy.retry,
    )
    return execute(
        todo,
        runner.run,
        jobs=settings.workers,
        lanes=settings.lanes,
        emit=copy.emit,
        cancel=runner.cancel,
        done=after_the_last_row(todo, partial(ends.all_read, tables, release=release)),
        # No batches under a rate limit or on tables in use: a batch holds all its locks until its last step is done.
        together=copy.mode.whole and not settings.max_rate,
    )


def after_the_last_row(todo: Sequence[Step], then: Callable[[], None]) -> Done:
    """Return a callback for finished steps that calls `then` after the last step that reads from the source.

    Planner statistics need no snapshot, so they do not count.
    """
    unread = {step.name for step in todo if step.phase in READING_PHASES}
    if not unread:
        then()

    def done(step: Step, outcome: Outcome) -> None:
        if step.name in unread:
            unread.remove(step.name)
            if not unread:
                then()

    return done


def end_refused(copy: Copy, todo: Sequence[Step], refused: Mapping[str, StepFailed]) -> None:
    """Record why steps were rejected; the copy is complete without the optional ones."""
    optional = [step.name for step in todo if step.optional and step.name in refused]
    copy.journal.refuse(copy.control(), {name: error.reason for name, error in refused.items()}, optional)


def unfinished_steps(copy: Copy) -> tuple[bool, set[str]]:
    """Tell whether the destination crashed since the last look, and return the unfinished steps."""

    def look() -> tuple[bool, set[str]]:
        control = copy.control()
        return crash.notice_crash(control), set(copy.journal.unfinished(control))

    crashed, names = copy.retried(look)
    if crashed:
        copy.emit(events.Note(CRASHED))
    return crashed, names


def announcement(plan: Plan) -> events.Planned:
    """Return the event that announces the number of steps and bytes."""
    copied = sum(step.cost for step in plan.steps if step.phase in (Phase.DATA, Phase.LARGE_OBJECTS))
    return events.Planned(dict(Counter(step.phase for step in plan.steps)), copied)
