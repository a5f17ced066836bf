"""Run a plan's steps on threads: each when its needs are done, longest chain first, avoiding lock conflicts.

The scheduler runs in the calling thread only, so that signals reach it and it needs no locks. Steps of the phases
ROLES, SCHEMA and FINISH are small and many: a hundred of them share a transaction, in one worker at a time. Small
tables share one too, with the indexes built on them: a transaction of its own takes longer than some hundred rows.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from replicator import events
from replicator.errors import StepFailed
from replicator.events import Emit, listed
from replicator.model import Address, CopyTable, Execute, Lock, Outcome, Phase, Step, shown
from replicator.sessions.watch import current, inherited

BATCHED = {Phase.ROLES, Phase.SCHEMA, Phase.FINISH}
BATCH_STEPS = 100
SMALL = {Phase.DATA, Phase.BUILD, Phase.STATISTICS}
BUILT = {Phase.BUILD, Phase.STATISTICS}
GATE = Execute(())
"""A step that does nothing, for others to wait for."""
SMALL_STEPS = 64  # each holds several locks to the end of the batch, and the server has room for some thousands
SMALL_BYTES = 16 * 1024 * 1024  # to copy or to index, 50 to 100 ms
LEAST_STEPS, LEAST_BYTES = 8, 512 * 1024
"""Work that takes no longer than a transaction itself, some 3 ms, is not split among workers."""
CANCEL_AGAIN_SECONDS = 0.5

LANES = dict.fromkeys(BATCHED, "chain")
LANES |= {Phase.DATA: "copy", Phase.LARGE_OBJECTS: "copy", Phase.BUILD: "index", Phase.STATISTICS: "index"}
"""Steps of these phases share a lane, which may be limited to fewer workers. A chain has one."""

Run = Callable[[Sequence[Step], int], Mapping[str, Outcome | StepFailed]]
"""Runs a batch of steps in one transaction, as the worker of that number. Returns what each did, or why it failed.

A failed step stays pending; steps that do not depend on it continue.
"""

Done = Callable[[Step, Outcome], None]
"""Hears of a step that is done, and what it did."""


def execute(
    steps: Sequence[Step],
    run: Run,
    *,
    jobs: int,
    emit: Emit,
    cancel: Callable[[], None],
    done: Done = lambda step, outcome: None,
    lanes: Mapping[str, int] | None = None,
    together: bool = True,
) -> dict[str, StepFailed]:
    """Run all steps. Returns those that failed or depend on a failed one, and why. Raises the failures that end a run.

    `done` is called in this thread for each step that is done, after its event.
    `lanes` limits how many steps of the lane "copy" or "index" run at a time; `together`: small tables share a
    transaction, which locks all of them until it ends.
    `cancel` ends all running statements on the servers; it is called repeatedly until all workers have stopped.
    """
    watch = current()
    schedule = _Schedule(steps, jobs, lanes or {}, together=together)
    free = list(range(jobs))
    running: dict[Future[Mapping[str, Outcome | StepFailed]], tuple[list[Step], int]] = {}
    with ThreadPoolExecutor(jobs, thread_name_prefix="worker", initializer=inherited(lambda: None)) as threads:
        try:
            while schedule.unfinished:
                while free and (batch := schedule.take()):
                    worker = heapq.heappop(free)
                    emit(events.Started(batch[0].name, batch[0].phase, worker, _bytes(batch[0])))
                    running[threads.submit(run, batch, worker)] = (batch, worker)
                if not running:
                    for step, error in schedule.give_up():
                        emit(_refused(step, error, 0))
                    continue
                wait((*running, watch.waking), return_when=FIRST_COMPLETED)
                watch.check()
                ended = [future for future in running if future.done()]
                for future in sorted(ended, key=lambda f: f.exception() is not None):  # report successes first
                    batch, worker = running.pop(future)
                    outcomes = _report(future, batch, worker, emit, done)
                    for step, error in schedule.finish(batch, outcomes):
                        emit(_refused(step, error, worker))
                    heapq.heappush(free, worker)
        except BaseException:
            with events.saying(emit, "Waiting for the servers to end this run's statements"):
                _bring_home(running, cancel)
            raise
    return schedule.refused


def _lane(step: Step) -> str:
    return LANES.get(step.phase, "")


def _joins(step: Step) -> bool:
    """Return whether a step may share a transaction. Parts of a table may not: they are meant to run in parallel."""
    alone = step.rounds or (isinstance(step.work, CopyTable) and step.work.part)
    return step.phase in SMALL and not alone and step.cost <= SMALL_BYTES


def _bytes(step: Step) -> int:
    """Return the bytes that a step moves; the cost of an index is not an amount of data."""
    return 0 if isinstance(step.work, Execute) else step.cost


def _report(
    future: Future[Mapping[str, Outcome | StepFailed]],
    batch: list[Step],
    worker: int,
    emit: Emit,
    done: Done,
) -> Mapping[str, Outcome | StepFailed]:
    """Report what a batch did, and return the outcome of each step. Raises the batch's error."""
    try:
        outcomes = future.result()
    except StepFailed as error:
        emit(events.Failed(error.step, batch[0].phase, worker, error.reason))
        raise
    for step in batch:
        outcome = outcomes[step.name]
        if isinstance(outcome, Outcome):
            table = step.work.table.identity if isinstance(step.work, CopyTable) else ""
            emit(events.Done(step.name, step.phase, worker, outcome.seconds, outcome.rows, outcome.bytes, table))
            done(step, outcome)
    return outcomes


def _refused(step: Step, error: StepFailed, worker: int) -> events.Event:
    if step.optional:
        return events.Note(f"Left out: {error}", left_out=True)
    return events.Failed(step.name, step.phase, worker, error.reason)


def blocked(step: Step, refused: Collection[str]) -> StepFailed | None:
    """Return why a step is skipped, if it depends on a failed one."""
    missing = sorted(step.builds_on.intersection(refused))
    names = listed([shown(name) for name in missing])
    return StepFailed(step.name, f"it depends on {names}, which failed.") if missing else None


def _bring_home(running: Iterable[Future[Mapping[str, Outcome | StepFailed]]], cancel: Callable[[], None]) -> None:
    """Cancel until no worker is busy: a cancel between two statements of a worker has no effect."""
    waiting = set(running)
    while waiting:
        cancel()
        waiting = wait(waiting, timeout=CANCEL_AGAIN_SECONDS).not_done


class _Schedule:
    """Which steps can run now, and in which order."""

    def __init__(self, steps: Sequence[Step], jobs: int, lanes: Mapping[str, int], *, together: bool) -> None:
        self._jobs = jobs
        self._together = together
        self._most = {"": jobs, "copy": jobs, "index": jobs, **lanes, "chain": 1}
        self._running: Counter[str] = Counter()
        self.unfinished = {step.name: step for step in steps}
        self.refused: dict[str, StepFailed] = {}
        self._missing: set[str] = set()
        self._aside: dict[str, StepFailed] = {}
        self._progress: Counter[Phase] = Counter()  # steps with `rounds` that are done
        self._began: dict[str, int] = {}
        self._let_go: set[tuple[str, str]] = set()
        self._waiting = {step.name: len(step.needs) for step in steps}
        self._wanted_by: dict[str, list[Step]] = {step.name: [] for step in steps}
        for step in steps:
            for need in step.needs:
                self._wanted_by[need].append(step)
        chain: dict[str, int] = {}  # the cost of the longest chain that starts with a step
        for step in reversed(steps):
            if any(later.name not in chain for later in self._wanted_by[step.name]):
                raise AssertionError(f"steps wait for one another, or are out of order: {step.name}")
            chain[step.name] = step.cost + max((chain[s.name] for s in self._wanted_by[step.name]), default=0)
        ordered = sorted(steps, key=lambda step: -chain[step.name])  # ties keep the plan's order
        self._order = {step.name: number for number, step in enumerate(ordered)}
        self._ready: dict[str, list[tuple[int, str]]] = {lane: [] for lane in self._most}
        self._ready_cost: Counter[str] = Counter()
        for step in steps:
            if not step.needs:
                self._make_ready(step)
        self._shared: Counter[Address] = Counter()
        self._exclusive: set[Address] = set()

    def take(self) -> list[Step]:
        """Return the steps to run next, in one transaction; empty if nothing can run now."""
        passed: list[Step] = []
        batch: list[Step] = []
        open_lanes = [ready for lane, ready in self._ready.items() if self._running[lane] < self._most[lane]]
        while not batch and (waiting := [ready for ready in open_lanes if ready]):
            step = self._pop(min(waiting))
            if self._lockable(step):
                batch = self._batch(step)
                self._running[_lane(step)] += 1
            else:
                passed.append(step)
        for step in passed:
            self._make_ready(step)
        for step in batch:
            self._lock(step)
            self._began[step.name] = self._progress[step.phase]
        return batch

    def _make_ready(self, step: Step) -> None:
        heapq.heappush(self._ready[_lane(step)], (self._order[step.name], step.name))
        self._ready_cost[_lane(step)] += step.cost

    def _pop(self, ready: list[tuple[int, str]]) -> Step:
        step = self.unfinished[heapq.heappop(ready)[1]]
        self._ready_cost[_lane(step)] -= step.cost
        return step

    def _batch(self, first: Step) -> list[Step]:
        """Return a step together with the next ones of its chain that wait for nothing else."""
        if first.phase not in BATCHED:
            return self._small(first)
        batch = [first]
        names = {first.name}
        for step in batch:
            for next_step in self._wanted_by[step.name]:
                fits = next_step.phase is first.phase and len(batch) < BATCH_STEPS and next_step.name not in names
                fits = fits and self._intact(next_step)
                if fits and all(need in names or need not in self.unfinished for need in next_step.needs):
                    batch.append(next_step)
                    names.add(next_step.name)
        return batch

    def _small(self, first: Step) -> list[Step]:
        """Return a step together with the next small ones, and the indexes that can be built on them then.

        Each worker gets its share. Locks within one batch do not conflict.
        """
        batch = [first]
        size = first.cost
        if not self._together or not _joins(first):
            return batch
        ready = self._ready[_lane(first)]
        most = min(SMALL_STEPS, max(LEAST_STEPS, -(-(len(ready) + 1) // self._jobs)))
        room = min(SMALL_BYTES, max(LEAST_BYTES, -(-(self._ready_cost[_lane(first)] + size) // self._jobs)))
        passed: list[Step] = []
        while ready and len(batch) < most and len(passed) < SMALL_STEPS:
            step = self.unfinished[ready[0][1]]
            if step.phase is not first.phase or size + step.cost > room:
                break
            self._pop(ready)
            if not _joins(step) or not self._lockable(step):
                passed.append(step)
                continue
            size += step.cost
            batch.append(step)
        for step in passed:
            self._make_ready(step)
        return batch + self._built_on(batch, SMALL_BYTES - size)

    def _built_on(self, batch: Sequence[Step], room: int) -> list[Step]:
        """Return the small steps that need only this batch and one another, in a valid order.

        No steps after a gate: before user code runs on the rows, the batch is committed and the source released.
        """
        following: list[Step] = []
        missing: dict[str, int] = {}
        for step in itertools.chain(batch, following):  # `following` grows meanwhile
            for later in self._wanted_by[step.name]:
                missing[later.name] = missing.get(later.name, self._waiting[later.name]) - 1
                fits = later.phase in BUILT and _joins(later) and later.cost <= room and later.work != GATE
                fits = fits and len(batch) + len(following) < SMALL_STEPS and self._most[_lane(later)] >= self._jobs
                if fits and not missing[later.name] and self._lockable(later) and self._intact(later):
                    room -= later.cost
                    following.append(later)
        return following

    def _intact(self, step: Step) -> bool:
        """Return whether no step that this one depends on has failed."""
        return self._missing.isdisjoint(step.builds_on)

    def finish(
        self, batch: Sequence[Step], outcomes: Mapping[str, Outcome | StepFailed]
    ) -> list[tuple[Step, StepFailed]]:
        """Release a batch's locks and make its dependents ready. Returns the steps that fail thereby, and why."""
        members = {step.name for step in batch}
        refused: list[tuple[Step, StepFailed]] = []
        for step in batch:
            self._unlock(step)
            outcome = outcomes[step.name]
            if isinstance(outcome, Outcome):
                refused += self._end(step, members)
                if step.rounds:
                    self._next_round(step.phase)
            elif step.rounds:
                self._put_aside(step, outcome)
            else:
                refused += self._end(step, members, outcome)
        self._running[_lane(batch[0])] -= 1
        return refused

    def give_up(self) -> list[tuple[Step, StepFailed]]:
        """Fail the steps that were put aside, if no other step can help them. Returns all steps that fail thereby."""
        if not self._aside:
            raise AssertionError(f"steps wait for one another: {sorted(self.unfinished)[:5]}")
        refused = []
        for name in list(self._aside):
            refused += self._end(self.unfinished[name], (), self._aside.pop(name))
        return refused

    def _end(
        self, step: Step, members: Collection[str], error: StepFailed | None = None
    ) -> list[tuple[Step, StepFailed]]:
        """Make the dependents of a step ready, except members of its batch; if it failed, fail those that build on it.

        Returns the steps that fail thereby.
        """
        refused = []
        ended = [(step, error)]
        while ended:
            step, error = ended.pop()
            if error:
                self.refused[step.name] = error
                refused.append((step, error))
                if not step.optional:
                    self._missing.add(step.name)
            del self.unfinished[step.name]
            for dependent in self._wanted_by[step.name]:
                if (step.name, dependent.name) not in self._let_go and self._wait_no_more(dependent, members):
                    ended.append((dependent, blocked(dependent, self._missing)))
        return refused

    def _wait_no_more(self, step: Step, members: Collection[str] = ()) -> bool:
        """Record that one of the steps that this one waits for has ended. Returns whether this one fails, too."""
        self._waiting[step.name] -= 1
        if self._waiting[step.name] or step.name in members:
            return False
        if not self._intact(step):
            return True
        self._make_ready(step)
        return False

    def _put_aside(self, step: Step, error: StepFailed) -> None:
        """Start the steps that wait for this one only to keep an order: one of them may provide what it lacks."""
        if self._progress[step.phase] > self._began[step.name]:  # another step was done meanwhile
            self._make_ready(step)
            return
        self._aside[step.name] = error
        for dependent in self._wanted_by[step.name]:
            pair = step.name, dependent.name
            soft = dependent.rounds and step.name not in dependent.builds_on
            if soft and pair not in self._let_go:
                self._let_go.add(pair)
                self._wait_no_more(dependent)

    def _next_round(self, phase: Phase) -> None:
        """Retry the steps that were put aside."""
        self._progress[phase] += 1
        for name in [name for name in self._aside if self.unfinished[name].phase is phase]:
            del self._aside[name]
            self._make_ready(self.unfinished[name])

    def _lockable(self, step: Step) -> bool:
        return not any(
            address in self._exclusive or (lock is Lock.EXCLUSIVE and self._shared[address])
            for address, lock in step.locks.items()
        )

    def _lock(self, step: Step) -> None:
        for address, lock in step.locks.items():
            if lock is Lock.EXCLUSIVE:
                self._exclusive.add(address)
            else:
                self._shared[address] += 1

    def _unlock(self, step: Step) -> None:
        for address, lock in step.locks.items():
            if lock is Lock.EXCLUSIVE:
                self._exclusive.discard(address)
            else:
                self._shared[address] -= 1
