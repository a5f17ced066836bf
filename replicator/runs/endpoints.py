"""Both databases, open: the source in one snapshot, the destination claimed for this run alone."""

import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import psycopg

from replicator import checks, journal
from replicator.checks import dry_run
from replicator.errors import PreflightFailed, SnapshotLost
from replicator.journal import crash, ownership, unfinished
from replicator.journal.connection import ControlConnection
from replicator.model import READING_PHASES, Plan
from replicator.runs import resume
from replicator.runs.resume import PreviousRun
from replicator.sessions import failures, postgres
from replicator.sessions.claim import WAIT, ClaimHolder
from replicator.sessions.postgres import Connection
from replicator.sessions.snapshot import HOLDERS, Snapshot, take
from replicator.sessions.workers import Sessions
from replicator.settings import Copying, Settings
from replicator.work import index_memory
from replicator.work.index_memory import Sorting
from replicator.work.throttle import Throttle

SNAPSHOT_LOST = (
    "The earlier run's snapshot no longer exists (--hold-snapshot would have kept it), so the rest cannot be copied"
    " from the same point in time."
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Either server: the conninfo of its database, its facts, and the worker sessions on it."""

    dsn: str = field(repr=False)
    facts: checks.Facts
    sessions: Sessions


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Both databases, open. `control` is the connection for the journal; it holds the claim on the destination."""

    source: Endpoint
    destination: Endpoint
    snapshot: Snapshot
    """Of the source."""
    control: ControlConnection
    encoding: str
    """The client_encoding of all sessions on both servers."""
    sessions: str
    """The last word of the sessions' application names, unique to this run."""
    throttle: Throttle | None
    """The rate limit of the whole run; None without a limit."""
    sorting: Sorting | None
    """Memory for sorting; None if --maintenance-work-mem sets it."""
    previous: PreviousRun | None = None
    """The earlier run that this one resumes."""
    same_snapshot: bool = False
    """`snapshot` is the earlier run's, or all reading steps are done."""

    def warm(self, plan: Plan) -> None:
        """Open the workers' first connections while the plan is written to the journal."""
        self.source.sessions.warm(sum(step.phase in READING_PHASES for step in plan.steps))
        self.destination.sessions.warm(len(plan.steps))

    def all_read(self, tables: Collection[int], *, release: bool) -> None:
        """Check that no table changed in a way that affects how rows are read; record that. Raises SourceChanged.

        `release`: nothing else needs the snapshot, so release it.
        """
        if not (self.previous and self.previous.read):
            self.snapshot.check(tables)
        if release:
            self.release_snapshot()
        else:
            with suppress(psycopg.OperationalError):  # without this record, a resumed run checks again
                journal.checked(self.control.keep())

    def release_snapshot(self) -> None:
        """Release the snapshot: it blocks DDL on the source and keeps VACUUM from removing dead rows."""
        with suppress(psycopg.OperationalError):  # if the journal cannot record it, keep the snapshot to the end
            if crash.unlogged(control := self.control.keep()):  # a crash would empty these, so they must be read again
                journal.checked(control)
            elif journal.let_snapshot_go(control):
                self.snapshot.release()


@dataclass(frozen=True, slots=True)
class Opened:
    """The facts of both servers and the connections that were opened while waiting for them."""

    facts: dict[str, checks.Facts] = field(default_factory=dict)
    source: list[Connection] = field(default_factory=list)
    destination: list[Connection] = field(default_factory=list)

    def drop_lost(self) -> None:
        """Close lost connections: the source's are idle while the run waits for the destination."""
        for conns in (self.source, self.destination):
            for conn in [conn for conn in conns if not postgres.answers(conn)]:
                conns.remove(conn)
                conn.close()
                self.facts.clear()  # a different server may answer now

    def close(self) -> None:
        """Close all connections, used or not."""
        for conn in (*self.source, *self.destination):
            conn.close()


def _already_claimed(conn: Connection, holder: ClaimHolder) -> PreflightFailed:
    """Return the error that names what holds the claim: a clone, or `validate`."""
    status = journal.read_status(conn) if ownership.exists(conn) else None
    if status and status.open:
        return PreflightFailed(f"`validate` is running on the destination: {holder}.", hint="Wait until it ends.")
    return PreflightFailed(f"Another clone into this database is running: {holder}.", hint=WAIT)


@contextmanager
def open_both(settings: Settings, opened: Opened | None = None, *, claim: bool = True) -> Iterator[Endpoints]:
    """Open what a clone holds until it ends: the source's snapshot, the journal's connection, a pool for each side.

    `opened` connections are used. `claim`: lock out other runs. Raises PreflightFailed if another one has the claim.
    """
    sessions = uuid.uuid4().hex[:8]
    opened = opened or Opened()
    with ExitStack() as stack:
        stack.callback(opened.close)
        opened.drop_lost()
        connection = opened.destination[0] if opened.destination else None
        for unused in opened.destination[1:]:
            unused.close()
        control = stack.enter_context(ControlConnection(settings.destination, f"journal {sessions}", connection))
        if claim and (holder := control.claim(end_silent=settings.resume != "no")):
            raise _already_claimed(control.conn, holder)
        previous = resume.read_previous_run(control.conn) if claim and settings.resume != "no" else None
        if not opened.source:
            opened.source.append(postgres.connect(settings.source, application="probe"))
        source = opened.source[0]
        encoding = common_encoding(source, control.conn, settings.source_encoding)
        if previous:
            facts = checks.read_facts(source)
            resume.check_source(previous, facts.system, facts.identity)
            unfinished.check_options(previous.run.options, settings)
            resume.end_sessions(previous, source, control.conn)
            if crash.notice_crash(control.conn):
                previous = resume.read_previous_run(control.conn)
        control.set_encoding(encoding)
        snapshot, previous, same = stack.enter_context(take_snapshot(settings, encoding, previous, opened.source))
        sorting = index_memory.share(*index_memory.look(control.conn), settings.lanes["index"])
        pool = partial(postgres.pool, size=settings.workers, encoding=encoding, application=f"worker {sessions}")
        source_server, destination_server = (
            Endpoint(
                dsn,
                opened.facts.get(name) or checks.read_facts(conn),
                Sessions(stack.enter_context(pool(dsn, more=more)), name),
            )
            for name, dsn, conn, more in (
                ("source", settings.source, snapshot.holder, postgres.READER),
                ("destination", settings.destination, control.conn, of_writers(settings, sorting)),
            )
        )
        yield Endpoints(
            source_server,
            destination_server,
            snapshot,
            control,
            encoding,
            sessions,
            Throttle(settings.max_rate) if settings.max_rate else None,
            None if settings.maintenance_work_mem else sorting,
            previous,
            same,
        )


def of_writers(copying: Copying, sorting: Sorting) -> dict[str, str]:
    """Return the settings of the sessions that write to the destination."""
    memory = copying.maintenance_work_mem or sorting.most
    settings = {
        "maintenance_work_mem": f"{memory // 1024}kB",
        "max_parallel_maintenance_workers": str(sorting.workers),
    }
    if copying.toast_compression:
        settings["default_toast_compression"] = copying.toast_compression
    return settings | dry_run.TRYING  # a frozen database was refused before, so these sessions may write


@contextmanager
def take_snapshot(
    settings: Settings, encoding: str, previous: PreviousRun | None, opened: Sequence[Connection]
) -> Iterator[tuple[Snapshot, PreviousRun | None, bool]]:
    """Import the earlier run's snapshot if it is still held, else take a new one. The last value tells which.

    Snapshot names start over when the source restarts: the same name with other contents is another snapshot.
    If the earlier run had read everything, a new snapshot is enough to read the schema again.
    Raises PreflightFailed if a new snapshot is needed and --resume=per-table was not given.
    """
    with ExitStack() as stack:
        if previous and previous.run.snapshot:
            earlier = take(settings.source, encoding, holders=HOLDERS, imported=previous.run.snapshot)
            joined = None
            with suppress(SnapshotLost):
                joined = stack.enter_context(earlier)
            if joined and identity(joined) == (previous.run.moment, previous.run.source_start):
                yield joined, previous, True
                return
            stack.close()
        if previous:
            all_read = previous.without_snapshot()
            if not all_read and settings.resume != "per-table":
                hint = unfinished.go_on(previous.run.options, all_read=False)
                raise PreflightFailed(SNAPSHOT_LOST, hint=hint)
            previous = all_read or previous
        snapshot = stack.enter_context(take(settings.source, encoding, holders=HOLDERS, opened=opened))
        yield snapshot, previous, bool(previous and previous.read)


def identity(snapshot: Snapshot) -> tuple[str, str]:
    """Return what identifies a snapshot: its contents, and the start time of its server.

    On a standby, two snapshots may have the same contents, but names are unique while the server runs.
    """
    ((start,),) = snapshot.holder.execute("SELECT pg_postmaster_start_time()::text").fetchall()
    return snapshot.read_point.snapshot, start


def common_encoding(source: Connection, destination: Connection, declared: str | None = None) -> str:
    """Return the client_encoding for both servers: the source's, which saves a conversion there.

    Bytes in SQL_ASCII have no encoding. A UTF8 destination reads them as UTF8, or as the `declared` encoding; a
    SQL_ASCII destination stores them unchanged. Raises PreflightFailed if the declared encoding is impossible.
    """
    of_source, of_destination = (str(conn.info.parameter_status("server_encoding")) for conn in (source, destination))
    if declared:
        return declared_encoding(declared, source, destination)
    if of_source == "SQL_ASCII" and of_destination != "SQL_ASCII":
        return of_destination
    return postgres.readable_encoding(of_source)


def declared_encoding(encoding: str, source: Connection, destination: Connection | None) -> str:
    """Return an encoding by the server's name, if both servers can convert it. Raises PreflightFailed."""
    conns = [conn for conn in (source, destination) if conn]
    of_source, *rest = (str(conn.info.parameter_status("server_encoding")) for conn in conns)
    of_destination = rest[0] if rest else "not known"
    if of_source != "SQL_ASCII":
        raise PreflightFailed(
            f"--source-encoding requires a source in SQL_ASCII; this one is in {of_source}.",
            hint="Leave it out.",
        )
    if of_destination == "SQL_ASCII":
        raise PreflightFailed(
            "The destination is in SQL_ASCII, too, where bytes are stored unchanged: --source-encoding would have no"
            " effect.",
            hint="Clone into a database with ENCODING 'UTF8'.",
        )
    try:
        for conn in conns:
            conn.execute("SELECT set_config('client_encoding', %s, false)", [encoding])
            _ = conn.info.encoding
    except (psycopg.DataError, psycopg.NotSupportedError) as error:
        raise PreflightFailed(
            f"--source-encoding {encoding} is not possible: {failures.one_line(error)}",
            hint=f"The destination's encoding is {of_destination}.",
        ) from error
    return str(source.info.parameter_status("client_encoding"))
