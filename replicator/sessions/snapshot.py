"""One exported snapshot that every reader of the source imports, so that the copy is consistent.

A session that imported a snapshot can export it again, and that export outlives the first. So as long as one holder is
alive, lost ones are replaced. Reference: PostgreSQL docs, "Snapshot Synchronization Functions".
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import psycopg

from replicator.errors import PreflightFailed, ReplicatorError, SnapshotLost, SourceChanged
from replicator.model import ReadPoint
from replicator.sessions import failures, locks, postgres
from replicator.sessions.changes import changed_contents
from replicator.sessions.holder import LOST, NO_SUCH_SNAPSHOT, end, hold, join
from replicator.sessions.idle import Spare
from replicator.sessions.locks import Relation
from replicator.sessions.postgres import Connection
from replicator.sessions.watch import Session, inherited

FORGET = "ROLLBACK TO SAVEPOINT read"
"""All that a holder reads comes after this savepoint; the tables' locks were taken before it."""
HOLDERS = 3
CHECK_SECONDS = 2.0
RELOCK_SECONDS = 5.0
"""How long to wait for the locks if the session that held them was ended: somebody may be changing a table."""
ATTEMPTS, ATTEMPT_SECONDS = 10, 1.0
TAKEN_BACK = (
    "Another server took the destination's place and lacks part of the copy, but the source's snapshot was released"
    " already, since everything had been read."
)


class Snapshot:
    """A snapshot of a database, held by connections that keep their transactions open.

    `imported` is the name of a snapshot that another process holds. Raises SnapshotLost if nobody holds it. `connect`
    opens a holder, `first` is one that is open already; other sessions come from `spare`.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        where: str,
        *,
        spare: Spare,
        first: Connection | None = None,
        holders: int = 1,
        imported: str | None = None,
    ) -> None:
        self._connect = connect
        self._spare = spare
        self._where = where
        self._wanted = holders
        self._joined = imported is not None
        self._released = False
        self._conflict = False
        self._lock = threading.Lock()
        self._locked: Collection[int] | None = None
        """OIDs of the tables protected against DDL; None: none are."""
        self.only: Collection[int] | None = None
        """OIDs of the tables to protect; None: all."""
        self._held: Collection[int] = ()
        """Those of them that are locked until the release."""
        self._joining: threading.Thread | None = None
        self._lending = threading.Lock()
        self._lent: Connection | None = None
        self.tell: Callable[[str], None] = lambda text: None
        """Called with a note about a table that is read in an unusual way."""
        self._holders = [hold(first or connect(), imported, where)]
        self._read_point = self._holders[0].read_point
        self._checked = 0.0

    @property
    def holder(self) -> Connection:
        """A connection that holds the snapshot and the tables' locks."""
        return self._holders[0].conn

    @property
    def id(self) -> str:
        """The name under which other sessions of the server can import it."""
        return self._holders[0].id

    @property
    def read_point(self) -> ReadPoint:
        """The snapshot itself, and a WAL position that was read right after it was taken.

        For a joined snapshot only a later position is known. All holders have the same snapshot.
        """
        return self._read_point

    def lock_tables(self, timeout_seconds: float = 0.0, only: Collection[int] | None = None) -> None:
        """Protect the tables against DDL until the snapshot is released. Waits this long for each lock, 0: forever.

        `only`: the OIDs of the tables to protect; None: all.

        If the lock table has no room for all of them, the remaining tables are locked only while they are read.

        Raises PreflightFailed if a lock is not available in time, psycopg.Error if it is refused.
        """
        self.wait_for_holders()  # so that the locks survive the loss of any session
        self.only = only
        self._lock_tables(timeout_seconds)

    def wait_for_holders(self) -> None:
        """Wait until all holders have the snapshot: see keep_soon."""
        if self._joining:
            self._joining.join()

    def _lock_tables(self, timeout_seconds: float) -> None:
        # The process whose snapshot we joined may hold the locks too: a wait for it would not end while it lives.
        timeout_seconds = timeout_seconds or (RELOCK_SECONDS if self._joined else 0.0)
        statements, oids = locks.what_fits(self.holder, self.only)
        limit = f"SET LOCAL lock_timeout = '{round(timeout_seconds * 1000)}ms'"
        try:
            self.holder.execute(f"{FORGET}; RELEASE SAVEPOINT read; {limit}".encode())
            self._held = locks.take(self.holder, statements)
            self.holder.execute("SAVEPOINT read")
        except psycopg.errors.LockNotAvailable as error:
            raise self.blocked() from error
        self._locked = oids

    def forget(self) -> None:
        """Release the locks left by reading the catalogs, but not those on tables. Nobody may be reading.

        VACUUM FULL of a catalog would wait for them, and every new session, including ours, would wait for it.
        """
        for holder in self._holders:
            with suppress(psycopg.OperationalError):  # lost: `keep` will notice
                holder.conn.execute(FORGET)

    def blocked(self) -> PreflightFailed:
        """Return the error for a lock that was not available in time, with the sessions that block it."""
        with self.now() as now:
            sessions = "; ".join(map(str, locks.in_the_way(now))) or "a session that has ended since"
        return PreflightFailed(
            f"The tables of {self.holder.info.dbname} could not be locked in time (--lock-timeout). Blocked by:"
            f" {sessions}.",
            hint="Wait until it ends, or raise --lock-timeout.",
        )

    def keep(self) -> None:
        """Check now and then whether the holders are alive, and replace lost ones. Raises SnapshotLost."""
        with self._lock:
            if time.monotonic() - self._checked < CHECK_SECONDS and self._lives(self.holder):
                return
            living = [holder for holder in self._holders if self._lives(holder.conn)]
            if not living:
                message = TAKEN_BACK if self._released else LOST.format(self._where)
                raise SnapshotLost(message, hint=failures.CONFLICT if self._conflict else None)
            promoted = living[0] is not self._holders[0]
            self._holders = living
            if promoted and self._locked is not None:
                self._lock_again(self._locked)
            self._complete()
            self._checked = time.monotonic()

    def keep_soon(self) -> None:
        """Open the other holders in the background."""

        def complete() -> None:
            with self._lock, suppress(psycopg.Error, ReplicatorError):  # `keep` will raise it again
                self._complete()

        self._joining = threading.Thread(target=inherited(complete), name="holders", daemon=True)
        self._joining.start()

    def _complete(self) -> None:
        """Open holders until there are enough. One would do, the others are for safety."""
        with suppress(psycopg.OperationalError):
            while len(self._holders) < self._wanted and not self._released:
                self._holders.append(hold(self._connect(), self.id, self._where))

    @contextmanager
    def imported(self, conn: Connection, relations: Sequence[Relation] = ()) -> Iterator[Connection]:
        """Put a connection into this snapshot during the `with`, to read these relations and no others.

        If somebody waits to change one of them, the connection would queue behind that session, which waits for the
        holder: a deadlock. Then the holder's own connection is lent. Raises SourceChanged if other relations were
        read. In a snapshot whose tables are not locked, nothing is locked or checked here.
        """
        relations = relations if self._locked is not None else ()
        entered = self._enter(conn, relations)
        if not entered and not all(relation.oid in self._held for relation in relations):
            entered = self._enter(conn, relations, wait=True)
        if entered:
            try:
                with self._naming(relations):
                    yield conn
                if relations:
                    many = len(self._locked or ()) > locks.MANY
                    (locks.prove_names if many else locks.prove)(conn, relations)
            finally:
                end(conn)
            return
        in_the_way = locks.in_the_way(
            conn, [r.oid for r in relations]
        )  # asked here: the holder's transaction sees old statistics
        with self._borrowed(relations, in_the_way) as holder:
            yield holder

    @contextmanager
    def _naming(self, relations: Sequence[Relation]) -> Iterator[None]:
        """After an error about names or values, check whether the relations were changed. Raises SourceChanged."""
        try:
            yield
        except Exception as error:
            state = getattr(error.__cause__ or error, "sqlstate", None) or ""
            if relations and state.startswith(OF_NAMES):
                with self.now() as now, self.another() as then:
                    locks.prove_names(now, relations)
                    changed = changed_contents(then, now, [r.oid for r in relations]) if then else []
                if changed:
                    raise _changed(changed, "source") from error
            raise

    def _enter(self, conn: Connection, relations: Sequence[Relation], *, wait: bool = False) -> bool:
        """Begin a transaction in this snapshot and lock what it will read. Returns False if a lock is not available."""
        lock = locks.lock(relations, wait=wait)
        try:
            join(conn, self.id, lock)
        except psycopg.errors.LockNotAvailable:
            conn.rollback()
            return False
        except psycopg.errors.DatabaseError as error:
            conn.rollback()
            if error.sqlstate in NAME_IS_GONE:
                with self.now() as now:
                    locks.prove_names(now, relations)
                raise locks.replaced([r.identity for r in relations]) from error
            if error.sqlstate not in NO_SUCH_SNAPSHOT:
                raise
            self._checked = 0.0  # its holder was lost just now
            self.keep()
            join(conn, self.id, lock)
        return True

    @contextmanager
    def _borrowed(self, relations: Sequence[Relation], in_the_way: Sequence[Session]) -> Iterator[Connection]:
        """Lend the holder's connection, which has the locks, to one reader at a time."""
        with self._lending:
            with self._lock:
                holder = self._lent = self.holder
            try:
                with holder.transaction(force_rollback=True):
                    self.tell(
                        f"{', '.join(r.identity for r in relations)}: reading in the session that holds its lock, since"
                        " others"
                        f" are waiting to alter it: {'; '.join(map(str, in_the_way)) or 'ended since'}."
                    )
                    locks.prove_names(holder, relations)
                    yield holder
                    locks.prove_names(holder, relations)
            finally:
                self._lent = None

    @contextmanager
    def another(self) -> Iterator[Connection | None]:
        """Open another connection in this snapshot; None if the server refuses it."""
        with ExitStack() as stack:
            try:
                conn = stack.enter_context(self.now())
            except psycopg.OperationalError:  # too many of them
                yield None
                return
            yield stack.enter_context(self.imported(conn))

    @contextmanager
    def now(self) -> Iterator[Connection]:
        """Lend a connection outside the snapshot, whose session settings must not be changed."""
        with self._spare.lend() as conn:
            yield conn

    def renew(self) -> None:
        """Replace this snapshot by a new one, without locks. Nobody may use the old one."""
        with self._lock:
            for holder in self._holders:
                end(holder.conn)
                holder.conn.close()
            self._locked, self._held = None, ()
            self._joined = False
            self._holders = [hold(self._connect(), None, self._where)]
            self._read_point = self._holders[0].read_point
            self._checked = 0.0

    def check(self, tables: Collection[int], where: str = "source", names: Sequence[Relation] = ()) -> None:
        """Check that nothing changed that affects how rows of these tables are read. Raises SourceChanged.

        If the tables are not locked, their files may be new ones: a comparison of rows would show the effect. But
        `names` must still refer to them. Nobody may be reading. Raises SnapshotLost if nobody holds the snapshot.
        """
        for attempt in range(ATTEMPTS):
            try:
                self.keep()
                self.forget()
                locked = self._locked is not None
                with self.now() as now:
                    changed = changed_contents(self.holder, now, tables, files=locked)
                    if names and not locked:
                        locks.prove_names(now, names)
                self.forget()
            except psycopg.OperationalError as error:
                if attempt + 1 == ATTEMPTS or not failures.may_pass(error):
                    raise
                time.sleep(ATTEMPT_SECONDS)
            else:
                break
        if changed:
            raise _changed(changed, where)

    def _lock_again(self, before: Collection[int]) -> None:
        """Lock the tables in another holder. Raises SourceChanged if one was changed while they were unlocked."""
        reason = "The session that held the locks on the source's tables was terminated"
        try:
            self._lock_tables(RELOCK_SECONDS)
        except PreflightFailed as error:
            raise SourceChanged(f"{reason}, and somebody is altering one: {error}", hint=locks.AGAIN) from error
        with self.now() as now:
            if changed := changed_contents(self.holder, now, before):
                raise SourceChanged(f"{reason}, and these were altered: {', '.join(changed)}.", hint=locks.AGAIN)
        self.forget()

    def _lives(self, conn: Connection) -> bool:
        if conn is self._lent:  # in use: its reader would get the error
            return not conn.closed
        try:
            conn.execute("SELECT")
        except psycopg.Error as error:
            self._conflict = self._conflict or failures.conflicts(
                error
            )  # remembered: the next error is only that it is closed
            return False
        return True

    def release(self) -> None:
        """Release the snapshot and the locks, when all is read."""
        with self._lock:
            self._released = True
            for holder in self._holders:
                end(holder.conn)
                holder.conn.close()
            self._spare.close()


OF_NAMES = ("42", "22", "55000")
"""SQLSTATEs about missing or different objects, such as a view (postgres.READER), and about values."""
NAME_IS_GONE = ("42P01", "3F000", "42809")  # undefined_table, invalid_schema_name; wrong_object_type: not a table


@contextmanager
def take(
    dsn: str,
    encoding: str | None = None,
    *,
    holders: int = 1,
    imported: str | None = None,
    where: str = "source",
    opened: Sequence[Connection] = (),
) -> Iterator[Snapshot]:
    """Take a snapshot of a database, or join one that is held already, and hold it. `where` names the database.

    `opened` are idle connections to that database.
    """
    session: dict[str, Any] = {"encoding": encoding, "more": postgres.READER}
    holding, others = ({**session, "application": name} for name in ("snapshot", "probe"))
    first, rest = (opened[0], opened[1:]) if opened else (None, ())
    if first:
        postgres.reuse(first, dsn, **holding)
    for conn in rest:
        postgres.reuse(conn, dsn, **others)
    spare = Spare(partial(postgres.connect, dsn, **others), rest)
    connect = partial(postgres.connect, dsn, **holding)
    snapshot = Snapshot(connect, where, spare=spare, first=first, holders=holders, imported=imported)
    try:
        snapshot.keep_soon()
        yield snapshot
    finally:
        snapshot.release()


def _changed(names: Sequence[str], where: str) -> SourceChanged:
    return SourceChanged(f"Altered on the {where} while its rows were read: {', '.join(names)}.", hint=locks.AGAIN)
