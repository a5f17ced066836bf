"""One database of many: whether an earlier run completed it, and what becomes of it now."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

from psycopg import conninfo

from replicator import events
from replicator.errors import Interrupted, PreflightFailed, ReplicatorError, StepFailed
from replicator.events import Emit, InDatabase
from replicator.journal import ownership
from replicator.runs.all_databases.record import Record
from replicator.sessions import postgres
from replicator.settings import Settings
from replicator.work import emptying

R = TypeVar("R")
Action = Callable[[Settings, Emit], R]
COMPLETE = "An earlier run has completed it."
KILLED = (
    "It was empty when the earlier run began it, and has contents and no journal now: so its copy is complete, and that"
    " run was killed right after it. `verify` compares it."
)


@dataclass(frozen=True, slots=True)
class Ended(Generic[R]):
    """What became of a database: a result or an error. Neither: an earlier run had completed it."""

    name: str
    result: R | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class One(Generic[R]):
    """What is done for each database. With a record, it is skipped if an earlier run completed it."""

    action: Action[R]
    emit: Emit
    record: Record | None = None
    there: Collection[str] = ()
    """The databases that the destination had at the beginning."""

    def run(self, name: str, settings: Settings) -> Ended[R]:
        """Work for a database; any error is returned, not raised. `settings` name other databases of both servers."""

        def emit(event: events.Event) -> None:
            self.emit(InDatabase(name, event))

        began = time.monotonic()
        ended: Ended[R]
        try:
            source, destination = (
                conninfo.make_conninfo(d, dbname=name) for d in (settings.source, settings.destination)
            )
            own = replace(settings, source=source, destination=destination)
            ended = Ended(name, self._run(name, own, emit))
        except KeyboardInterrupt as error:
            ended = Ended(name, error=Interrupted(str(error)))
        except Exception as error:
            ended = Ended(name, error=error)
        emit(events.Finished(ended.error is None, time.monotonic() - began))
        return ended

    def _run(self, name: str, settings: Settings, emit: Emit) -> R | None:
        if not self.record:
            return self.action(settings, emit)
        before = self.record.states.get(name) if name in self.there and settings.resume != "no" else None
        if before == "complete":
            emit(events.Note(COMPLETE))
            return None
        found = _look(settings.destination) if name in self.there else "empty"
        if before == "begun in an empty database" and found == "occupied":
            emit(events.Note(KILLED))
            self.record.set(name, "complete")
            return None
        if before and settings.append and found != "journal":
            raise PreflightFailed(
                "The earlier run was killed as it began or ended this database: it may have appended its rows.",
                hint="Count them. Then copy it with a command of its own, or leave it out with --exclude-database.",
            )
        if found != "journal":
            self.record.set(name, "begun in an empty database" if found == "empty" else "begun")
        try:
            result = self.action(settings, emit)
        except ReplicatorError as error:
            if not before and error.exit_code < StepFailed.exit_code:  # nothing was written
                self.record.forget(name)
            raise
        self.record.set(name, "complete")
        return result


def _look(dsn: str) -> Literal["empty", "journal", "occupied"]:
    """Return what is in a database of the destination."""
    with postgres.connect(dsn, application="probe") as conn:
        if ownership.exists(conn):
            return "journal"
        return "occupied" if emptying.occupied(conn) else "empty"
