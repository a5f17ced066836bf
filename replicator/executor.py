"""Run a plan's steps on threads: each when what it needs is done, longest chain first, never against another's locks.

The scheduler lives in the calling thread alone, so that signals reach it and nothing of it needs a lock. Steps of the
ROLES, SCHEMA and FINISH phases are small and many: a hundred of them go in one transaction, one worker at a time. So do
small tables, indexes and so on where there are many: a commit, and what goes with it, costs more than an empty table.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from replicator import events
from replicator.errors import StepFailed
from replicator.events import Emit
from replicator.model import Address, Execute, Lock, Outcome, Phase, Step

BATCHED = {Phase.ROLES, Phase.SCHEMA, Phase.FINISH}
BATCH_STEPS = 100
SMALL = {Phase.DATA, Phase.BUILD, Phase.STATISTICS}
SMALL_STEPS = 32  # each holds several locks to the end of the batch, and the server has room for some thousands
SMALL_BYTES = 4 * 1024 * 1024
CANCEL_AGAIN_SECONDS = 0.5

LANES = dict.fromkeys(BATCHED, "chain")
LANES |= {Phase.DATA: "copy", Phase.LARGE_OBJECTS: "copy", Phase.BUILD: "index", Phase.STATISTICS: "index"}
"""Steps of these phases share a lane, which may have fewer workers than there are. A chain has one."""

Run = Callable[[Sequence[Step], int], dict[str, Outcome]]
"""Does a batch of steps in one transaction, as the worker of that number. Returns what each did.

A step that is not in there was refused, and that told: it will have to be done another time, and the others go on.
"""


def execute(
    steps: Sequence[Step],
    run: Run,
    *,
    jobs: int,
    emit: Emit,
    cancel: Callable[[], None],
    lanes: Mapping[str, int] | None = None,
) -> set[str]:
    """Run all steps and return the names of those that did not fail. Raises StepFailed for the first that did.

    `lanes` says how many of the jobs may at a time be of the lane "copy" or "index".
    `cancel` ends, on the servers, whatever is running; it is called again and again until all workers have come home.
    """
    schedule = _Schedule(steps, jobs, lanes or {})
    free = list(range(jobs))
    running: dict[Future[dict[str, Outcome]], tuple[list[Step], int]] = {}
    with ThreadPoolExecutor(jobs, thread_name_prefix="worker") as threads:
        try:
            while schedule.unfinished:
                while free and (batch := schedule.take()):
                    worker = heapq.heappop(free)
                    emit(events.Started(batch[0].name, batch[0].phase, worker, _bytes(batch[0])))
                    running[threads.submit(run, batch, worker)] = (batch, worker)
                if not running:
                    raise AssertionError(f"steps wait for one another: {sorted(schedule.unfinished)[:5]}")
                ended = wait(running, return_when=FIRST_COMPLETED).done
                for future in sorted(ended, key=lambda f: f.exception() is not None):  # what is done is told first
                    batch, worker = running.pop(future)
                    _report(future, batch, worker, emit)
                    schedule.finish(batch)
                    heapq.heappush(free, worker)
        except BaseException:
            with events.saying(emit, "Waiting for the servers to end what they do for this run"):
                _bring_home(running, cancel)
            raise
    return schedule.done


def _lane(step: Step) -> str:
    return LANES.get(step.phase, "")


def _bytes(step: Step) -> int:
    """Return the bytes that a step moves; what an index costs is no such thing."""
    return 0 if isinstance(step.work, Execute) else step.cost


def _report(future: Future[dict[str, Outcome]], batch: list[Step], worker: int, emit: Emit) -> None:
    """Tell what became of a batch. Raises what it raised."""
    try:
        outcomes = future.result()
    except StepFailed as error:
        emit(events.Failed(error.step, batch[0].phase, worker, error.reason))
        raise
    for step in (s for s in batch if s.name in outcomes):
        outcome = outcomes[step.name]
        emit(events.Done(step.name, step.phase, worker, outcome.seconds, outcome.rows, outcome.bytes))


def _bring_home(running: Iterable[Future[dict[str, Outcome]]], cancel: Callable[[], None]) -> None:
    """Cancel until no worker is busy: a cancel that comes between two statements of a worker misses both."""
    waiting = set(running)
    while waiting:
        cancel()
        waiting = wait(waiting, timeout=CANCEL_AGAIN_SECONDS).not_done


class _Schedule:
    """What can run now, and what comes first."""

    def __init__(self, steps: Sequence[Step], jobs: int, lanes: Mapping[str, int]) -> None:
        self._jobs = jobs
        self._most = {"": jobs, "copy": jobs, "index": jobs, **lanes, "chain": 1}
        self._running: Counter[str] = Counter()
        self.unfinished = {step.name: step for step in steps}
        self.done: set[str] = set()
        self._waiting = {step.name: len(step.needs) for step in steps}
        self._wanted_by: dict[str, list[Step]] = {step.name: [] for step in steps}
        for step in steps:
            for need in step.needs:
                self._wanted_by[need].append(step)
        chain: dict[str, int] = {}  # the cost of the longest chain that begins with a step
        for step in reversed(steps):
            if any(later.name not in chain for later in self._wanted_by[step.name]):
                raise AssertionError(f"steps wait for one another, or are out of order: {step.name}")
            chain[step.name] = step.cost + max((chain[s.name] for s in self._wanted_by[step.name]), default=0)
        ordered = sorted(steps, key=lambda step: -chain[step.name])  # equals stay in the plan's order
        self._order = {step.name: number for number, step in enumerate(ordered)}
        self._ready: dict[str, list[tuple[int, str]]] = {lane: [] for lane in self._most}
        for step in steps:
            if not step.needs:
                self._make_ready(step)
        self._shared: Counter[Address] = Counter()
        self._exclusive: set[Address] = set()

    def take(self) -> list[Step]:
        """Return the steps to run next, in one transaction; empty where nothing can run at this moment."""
        passed = []
        batch: list[Step] = []
        open_lanes = [ready for lane, ready in self._ready.items() if self._running[lane] < self._most[lane]]
        while not batch and (waiting := [ready for ready in open_lanes if ready]):
            step = self.unfinished[heapq.heappop(min(waiting))[1]]
            if self._lockable(step):
                batch = self._batch(step)
                self._running[_lane(step)] += 1
            else:
                passed.append(step)
        for step in passed:
            self._make_ready(step)
        for step in batch:
            self._lock(step)
        return batch

    def _make_ready(self, step: Step) -> None:
        heapq.heappush(self._ready[_lane(step)], (self._order[step.name], step.name))

    def _batch(self, first: Step) -> list[Step]:
        """Return a step with, in a chain of small ones, those that wait for nothing else."""
        if first.phase not in BATCHED:
            return self._small(first)
        batch = [first]
        names = {first.name}
        for step in batch:
            for next_step in self._wanted_by[step.name]:
                fits = next_step.phase is first.phase and len(batch) < BATCH_STEPS and next_step.name not in names
                if fits and all(need in names or need in self.done for need in next_step.needs):
                    batch.append(next_step)
                    names.add(next_step.name)
        return batch

    def _small(self, first: Step) -> list[Step]:
        """Return a step with those that come next, while they are small and there is more than enough for all workers.

        What one step of a batch has locked does not hinder the others.
        """
        batch = [first]
        size = first.cost
        ready = self._ready[_lane(first)]
        share = len(ready) // self._jobs // SMALL_STEPS
        most = min(SMALL_STEPS, share) if first.phase in SMALL else 1
        while len(batch) < most:
            step = self.unfinished[ready[0][1]]
            size += step.cost
            if step.phase is not first.phase or size > SMALL_BYTES or not self._lockable(step):
                break
            heapq.heappop(ready)
            batch.append(step)
        return batch

    def finish(self, batch: Sequence[Step]) -> None:
        """Let go of a batch's locks and make ready what waited for it."""
        members = {step.name for step in batch}
        for step in batch:
            self._unlock(step)
            del self.unfinished[step.name]
            self.done.add(step.name)
            for dependent in self._wanted_by[step.name]:
                self._waiting[dependent.name] -= 1
                if not self._waiting[dependent.name] and dependent.name not in members:
                    self._make_ready(dependent)
        self._running[_lane(batch[0])] -= 1

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
