"""All databases of a server: what they share, once; then each as a run of its own, several at the same time.

list them ─► roles, tablespaces ─► copy each, the largest first; `postgres` alone, at the end ─► drop the record
(listing)        (shared)                     (one, side_by_side)                                  (record)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar

from replicator import checks, events
from replicator.cluster import server
from replicator.errors import Interrupted, PreflightFailed
from replicator.events import Emit, InDatabase
from replicator.model import Finding
from replicator.runs import create
from replicator.runs.all_databases import listing, record, shared, side_by_side
from replicator.runs.all_databases.listing import Database, Patterns
from replicator.runs.all_databases.one import Action, Ended, One
from replicator.runs.all_databases.side_by_side import Task
from replicator.sessions.postgres import Connection
from replicator.settings import Settings

R = TypeVar("R")
ABSENT = "Name one that exists, such as postgres: the first connection goes there."
"""The hint where the database to connect to does not exist."""
__all__ = ["Ended", "Patterns", "clone_each", "verify_each"]


class Servers(NamedTuple):
    """Both servers, each through one database, and the databases of the source."""

    settings: Settings
    """With these two databases."""
    source: Connection
    destination: Connection
    facts: checks.Facts
    """Of the source."""
    databases: list[Database]


def clone_each(
    settings: Settings,
    patterns: Patterns,
    action: Action[R],
    emit: Emit,
    on_end: Callable[[Ended[R]], None],
    *,
    roles: bool,
) -> list[Ended[R]]:
    """Create roles and tablespaces, then copy each database with `action`. Returns what became of each.

    The failure of one database does not stop the others. Raises a ReplicatorError if none could begin. If the run is
    cancelled, the databases that did not end are Interrupted.
    """
    whole = _about_servers(emit)
    with ExitStack() as stack:
        with opened(settings, patterns, whole) as servers:
            own = replace(servers.settings, create=not settings.data_only, roles=False, create_tablespaces=False)
            kept = stack.enter_context(record.opened(servers.destination, own, servers.facts.system, whole))
            if not settings.data_only:
                wanted = replace(own, roles=roles, create_tablespaces=settings.tablespaces)
                shared.create(servers.source, servers.destination, wanted, whole)
            there = listing.names(servers.destination)
            alone = {*create.MAINTENANCE, servers.destination.info.dbname}  # others are created and dropped from there
            tasks = side_by_side.tasks(servers.databases, own, alone)
        ended = _each(tasks, own, One(action, emit, kept, there), on_end)
        kept.finished = not any(each.error for each in ended)
    return ended


def verify_each(
    settings: Settings, patterns: Patterns, action: Action[R], emit: Emit, on_end: Callable[[Ended[R]], None]
) -> list[Ended[R]]:
    """Compare each database of the source with `action`. Notes tell which roles and tablespaces differ."""
    whole = _about_servers(emit)
    with opened(settings, patterns, whole) as servers:
        for finding in _differing(servers, settings):
            whole(events.Note(finding.text))
        tasks = side_by_side.tasks(servers.databases, servers.settings)
    return _each(tasks, servers.settings, One(action, emit), on_end)


@contextmanager
def opened(settings: Settings, patterns: Patterns, emit: Emit) -> Iterator[Servers]:
    """Connect to both servers, and list the databases. Raises a ReplicatorError."""
    dsn, to = (listing.with_database(each) for each in (settings.source, settings.destination))
    settings = replace(settings, source=dsn, destination=to)
    answering = partial(
        checks.answering, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=emit, absent=ABSENT
    )
    with answering("source", dsn) as (source, facts), answering("destination", to) as (destination, other):
        if facts.server == other.server:
            raise PreflightFailed("Source and destination are the same server.", hint="Choose another destination.")
        found = listing.read(dsn, source, patterns, allow_empty=settings.allow_empty_patterns)
        for text in found.left_out:
            emit(events.left_out(text))
        yield Servers(settings, source, destination, facts, found.databases)


def _each(tasks: Sequence[Task], settings: Settings, one: One[R], on_end: Callable[[Ended[R]], None]) -> list[Ended[R]]:
    """Work for each database. Returns what became of each, in the order of their names."""
    ended: dict[str, Ended[R]] = {}

    def work(task: Task) -> None:
        ended[task.name] = one.run(task.name, side_by_side.share(settings, task))
        on_end(ended[task.name])

    try:
        side_by_side.run(tasks, side_by_side.capacity(settings), work)
    except (KeyboardInterrupt, Interrupted) as error:
        for task in tasks:
            if task.name not in ended:
                ended[task.name] = Ended(task.name, error=Interrupted(str(error) or "Interrupted before it began."))
                on_end(ended[task.name])
    return [ended[name] for name in sorted(ended)]


def _differing(servers: Servers, settings: Settings) -> Iterator[Finding]:
    wanted = replace(servers.settings, roles=settings.owners or settings.privileges, create_tablespaces=False)
    steps, findings = server.everything(servers.source, servers.destination, wanted)
    yield from (Finding(f"Missing on the destination: {step.name}.") for step in steps)
    yield from (finding for finding in findings if not finding.fatal)


def _about_servers(emit: Emit) -> Emit:
    return lambda event: emit(InDatabase("", event))
