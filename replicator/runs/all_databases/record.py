"""Which databases of a run are complete: in the comment of a small database on the destination's server.

A complete copy has no journal any more, so it looks like a database that was there before. Only this record tells them
apart. It is read without connecting to that database, so nothing in it is run; only the owner of a database can
change its comment, so the owner decides whether to trust it. The session in it shows that a run is at work.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from psycopg import conninfo

from replicator.errors import PreflightFailed, ReplicatorError
from replicator.events import Emit, Note
from replicator.journal import unfinished
from replicator.journal.connection import ControlConnection
from replicator.runs import create, databases
from replicator.sessions import postgres
from replicator.sessions.postgres import Connection, quoted
from replicator.settings import Settings

RECORD = "replicator__all_databases"
MARK = "replicator: an unfinished clone of all databases "
"""The start of the comment; what follows is JSON, in ASCII: a comment is read in any encoding."""
READ = """
SELECT pg_catalog.shobj_description(d.oid, 'pg_database')
     , r.rolname::text
     , r.rolsuper OR r.rolname = current_user
  FROM pg_catalog.pg_database d
  JOIN pg_catalog.pg_roles r ON r.oid = d.datdba
 WHERE d.datname = %s
"""
State = Literal["begun", "begun in an empty database", "complete"]


@dataclass(slots=True)
class Record:
    """The states of the databases. Any thread may set them."""

    source: str
    """Identifies the source's server."""
    options: unfinished.Options
    states: dict[str, State]
    control: ControlConnection = field(repr=False)
    earlier: dict[str, State] = field(default_factory=dict)
    """What a run with the same source and options left that this one does not continue."""
    finished: bool = False
    """Whether no database of this run failed."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, name: str, state: State) -> None:
        """Set the state of a database."""
        self._write(name, {name: state})

    def forget(self, name: str) -> None:
        """Forget that this run began a database, in which nothing was written: what an earlier run left is there."""
        self._write(name, {name: self.earlier[name]} if name in self.earlier else {})

    def _write(self, name: str, state: dict[str, State]) -> None:
        with self.lock:
            self.states.pop(name, None)
            self.states |= state
            self.write()

    def write(self) -> None:
        """Write all states, in place of those of an earlier run."""
        said = {"source": self.source, "options": self.options, "databases": self.states}
        databases.comment_on(self.control.keep(), RECORD, MARK + json.dumps(said))


@contextmanager
def opened(conn: Connection, settings: Settings, source: str, emit: Emit) -> Iterator[Record]:
    """Open the record of an unfinished run to continue it, or begin a new one; drop it at the end if nothing is left.

    `conn` and the destination of `settings` are another database of its server. Raises PreflightFailed.
    """
    options = json.loads(json.dumps(unfinished.options_of(settings)))
    said = _read(conn)
    if said is None:
        if settings.resume != "no":
            raise PreflightFailed(
                "There is no unfinished clone of all databases on the destination: none was begun, or it is complete.",
                hint="Compare with `verify --all-databases`. To begin, leave out --resume.",
            )
        for finding in create.check_creator(conn):
            raise PreflightFailed(finding.text, hint=finding.remedy, findings=[finding])
        conn.execute(f"CREATE DATABASE {RECORD} TEMPLATE template0")
    record = None
    try:
        with _claimed(settings) as control:
            states: dict[str, State] = {}
            earlier: dict[str, State] = {}
            if said and settings.resume != "no":
                _check(said, source, settings)
                states = said["databases"]
            elif said and (said["source"], said["options"]) == (source, options):
                earlier = said["databases"]
            record = Record(source, options, states, control, earlier)
            record.write()
            yield record
    finally:
        if record and (not record.states or (record.finished and {*record.states.values()} == {"complete"})):
            drop(settings.destination, emit)


@contextmanager
def _claimed(settings: Settings) -> Iterator[ControlConnection]:
    """Connect to the record. Raises PreflightFailed if another run has it."""
    with ControlConnection(conninfo.make_conninfo(settings.destination, dbname=RECORD), "all databases") as control:
        if holder := control.claim(end_silent=settings.resume != "no"):
            raise PreflightFailed(
                f"Another clone of all databases into this server is running: {holder}.",
                hint="Wait until it ends. If its process or host died, use --resume.",
            )
        yield control


def drop(dsn: str, emit: Emit) -> None:
    """Drop the record, which no database needs any more. If that fails, a note says so."""
    for name in (postgres.database_name(dsn), *create.MAINTENANCE):  # a copied one may be frozen by its settings
        with suppress(psycopg.Error, ReplicatorError):
            return databases.drop(conninfo.make_conninfo(dsn, dbname=name), RECORD)
    emit(Note(f'Database "{RECORD}" is not needed any more, but it could not be dropped: DROP DATABASE {RECORD};'))
    return None


def _check(said: dict[str, Any], source: str, settings: Settings) -> None:
    """Raise PreflightFailed if the earlier run had another source or other options."""
    if said["source"] != source:
        raise PreflightFailed(
            "The unfinished clone of all databases on the destination is of another server.",
            hint="Use that server as the source, or begin a new run: leave out --resume.",
        )
    if said["options"].keys() != unfinished.options_of(settings).keys():
        raise PreflightFailed(
            "The unfinished clone of all databases was begun by another version of replicator.",
            hint="Use that version, or begin a new run: leave out --resume.",
        )
    unfinished.check_options(said["options"], settings)


def _read(conn: Connection) -> dict[str, Any] | None:
    """Return what the record of an earlier run says, {} if it says nothing; None if there is no such database."""
    rows = conn.execute(READ, [RECORD]).fetchall()
    if not rows:
        return None
    ((comment, owner, trusted),) = rows
    if not trusted:
        raise PreflightFailed(
            f'Database "{RECORD}" on the destination belongs to "{owner}", so role "{conn.info.user}" does not trust'
            " what it says.",
            hint=f'Connect as "{owner}" to continue that run, or drop it: DROP DATABASE {quoted(RECORD)};',
        )
    with suppress(ValueError):
        said = json.loads((comment or "").removeprefix(MARK))
        if isinstance(said, dict) and said.keys() == {"source", "options", "databases"}:
            return said
    return {}
