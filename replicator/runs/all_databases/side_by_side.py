"""Work for several databases at the same time, in threads, within a common budget of jobs."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from threading import Thread
from typing import NamedTuple

from replicator.sessions.watch import Watch, current, prepared
from replicator.settings import Settings

MOST_AT_ONCE = 4
"""Each database needs half a dozen sessions besides its jobs."""


class Task(NamedTuple):
    """A database, and how many of the common jobs it takes."""

    name: str
    jobs: int


def capacity(settings: Settings) -> int:
    """Return how many jobs there are to share: every database gets at least one of each kind."""
    return min(settings.jobs, *settings.lanes.values())


def tasks(sizes: Sequence[tuple[str, int]], settings: Settings, alone: Iterable[str] = ()) -> list[Task]:
    """Give each database jobs in proportion to its size; those that are to be `alone` come last, each with all jobs.

    With a limit of the rate, they are copied one after another: it holds for all together.

    >>> settings = Settings("dbname=a", "dbname=b", jobs=8)
    >>> tasks([("big", 700), ("small", 100), ("tiny", 0), ("postgres", 8)], settings, ["postgres"])
    [Task(name='big', jobs=7), Task(name='small', jobs=2), Task(name='tiny', jobs=2), Task(name='postgres', jobs=8)]
    """
    every = capacity(settings)
    least = -(-every // MOST_AT_ONCE)
    total = sum(size for _, size in sizes) or 1
    single = {*alone} if not settings.max_rate else {name for name, _ in sizes}
    shared = [Task(name, max(least, round(every * size / total))) for name, size in sizes if name not in single]
    return [*shared, *(Task(name, every) for name, _ in sizes if name in single)]


def share(settings: Settings, task: Task) -> Settings:
    """Return the settings with the task's part of all jobs."""
    every = capacity(settings)

    def part(jobs: int | None) -> int | None:
        return jobs and jobs * task.jobs // every

    copying, indexing = part(settings.copy_jobs), part(settings.index_jobs)
    return replace(settings, jobs=part(settings.jobs) or 1, copy_jobs=copying, index_jobs=indexing)


def run(todo: Iterable[Task], jobs: int, work: Callable[[Task], None]) -> None:
    """Call `work`, which must not raise anything, for each task as soon as its jobs are free, in a thread of its own.

    If the run is cancelled, cancel those in work, wait until they have ended, and raise what ends the run.
    """
    watch, waiting, free = current(), list(todo), jobs
    running: dict[Future[None], tuple[Task, Watch]] = {}
    try:
        while waiting or running:
            for task in list(waiting):
                if task.jobs <= free:
                    waiting.remove(task)
                    free -= task.jobs
                    ended, own = _start(task, work)
                    running[ended] = task, own
            wait([watch.waking, *running], return_when=FIRST_COMPLETED)
            watch.check()
            for ended in [each for each in running if each.done()]:
                task, _ = running.pop(ended)
                free += task.jobs
    finally:
        for _, own in running.values():
            own.cancel()
        wait(running)


def _start(task: Task, work: Callable[[Task], None]) -> tuple[Future[None], Watch]:
    ended: Future[None] = Future()
    own = Watch()

    def act() -> None:
        prepared.set(own)
        try:
            work(task)
        finally:
            ended.set_result(None)

    Thread(target=act, name=f"replicator {task.name}", daemon=True).start()
    return ended, own
