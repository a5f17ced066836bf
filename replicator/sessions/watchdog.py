"""Detects lost connections: a second connection asks a silent server whether it is still working.

Building an index may take hours without a single byte, so silence is not a failure. But a frozen server, or a proxy or
firewall that dropped a connection, shows no other sign; TCP timers (postgres.DEFAULTS) only detect hosts that are gone.
So after a period of silence we ask the server on another connection. If it waits for us while we wait for it, or does
not answer at all, the connection is lost, and its session is ended to release its locks.

Before that, after a few seconds, we ask whether the statement waits for a lock, and who holds it: see Watch.listener.
"""

import socket
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from replicator.sessions.setup import Safe, pid_of, server_of
from replicator.sessions.watch import Session, Wait, Watch, current

T = TypeVar("T")

ASKING_SECONDS = 10
LOOK_SECONDS = 2.0  # of silence until the first check for locks; the interval doubles after each
LONGEST_LOOK_SECONDS = 60.0
CANCEL_SECONDS = 5.0
LOOKING_SECONDS = 2  # the time limit of such a check
INTERVAL_SECONDS = 0.1  # psycopg's default: how often it checks for signals

WAITS_FOR_US = "SELECT wait_event_type IS NOT DISTINCT FROM 'Client' FROM pg_stat_activity WHERE pid = %s"
END = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE pid = %s AND application_name = current_setting('application_name')"""
LOOK = """
WITH RECURSIVE before (pid, level) AS (
    SELECT pid, 1 FROM unnest(pg_blocking_pids(%(pid)s)) AS blocking (pid)
     UNION
    SELECT blocking.pid, 2 FROM before, unnest(pg_blocking_pids(before.pid)) AS blocking (pid)
)
SELECT ours.query
     , coalesce((SELECT coalesce(quote_ident(n.nspname) || '.' || quote_ident(c.relname), l.locktype)
                   FROM pg_locks l
                   LEFT JOIN pg_class c ON c.oid = l.relation
                   LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE l.pid = ours.pid AND NOT l.granted
                  LIMIT 1), ours.wait_event, '')
     , before.pid
     , coalesce(theirs.application_name, '')
     , coalesce(theirs.query, '')
     , before.level > 1
  FROM pg_stat_activity ours
  LEFT JOIN (SELECT pid, min(level) AS level FROM before GROUP BY pid) AS before
    ON level = 1 OR pg_blocking_pids(before.pid) = '{}'
  LEFT JOIN pg_stat_activity theirs ON theirs.pid = before.pid
 WHERE ours.pid = %(pid)s
 ORDER BY before.pid"""
"""The sessions that directly block one of ours, and those at the root of the queue, which wait for nobody."""
WAITS = {"SyncRep": "a standby to confirm a commit (see synchronous_standby_names, pg_stat_replication)"}
"""Things other than locks that a session may wait for, by wait_event."""


class Silence:
    """Measures how long a connection's server has been silent, and acts when it is time."""

    def __init__(self, conn: psycopg.Connection[Any], watch: Watch) -> None:
        self._conn = conn
        self._watch = watch
        self._begun = self._asked = time.monotonic()
        self._look = LOOK_SECONDS

    def heard(self) -> None:
        """Start again: data arrived."""
        self._begun = self._asked = time.monotonic()
        self._look = LOOK_SECONDS

    @property
    def pause(self) -> float:
        """The number of seconds until the next action."""
        ask = self._asked + self._watch.stall_seconds
        return max(0.0, (min(ask, self._begun + self._look) if self._watch.listener else ask) - time.monotonic())

    def act(self) -> None:
        """Check for locks, or ask whether the server is still working, if it is time."""
        now = time.monotonic()
        if self._watch.listener and now - self._begun > self._look:
            look(self._conn, self._watch, now - self._begun)
            self._look += min(self._look, LONGEST_LOOK_SECONDS)
        if now - self._asked > self._watch.stall_seconds:
            inquire(self._conn, self._watch.stall_seconds)
            self._asked = time.monotonic()


class Patient(Safe):
    """A connection that checks on its server after a long silence."""

    server = ""
    """source or destination: named in errors, since several connections may be in use."""
    circle = ""
    """A wait that can never end, since the blocking session waits for this program: see Watch.holding."""

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Any:
        """Connect, unless the run is cancelled meanwhile."""
        return _patiently(super()._connect_gen(conninfo), lambda: None, current().check)

    def wait(self, gen: Any, interval: float = INTERVAL_SECONDS, timeout: float | None = None) -> Any:
        """Run a psycopg generator that waits. Raises OperationalError if the connection is lost."""
        silence = Silence(self, self.watch)
        self.circle = ""
        self.watch.check()
        cancelling: float | None = None

        def act() -> None:
            nonlocal cancelling
            if self.watch.cancelled and cancelling is None:
                cancelling = time.monotonic()
                with suppress(psycopg.Error):
                    self.cancel_safe(timeout=CANCEL_SECONDS)
            elif self.watch.cancelled and cancelling and time.monotonic() - cancelling > 2 * CANCEL_SECONDS:
                self.close()  # the server does not answer
                self.watch.check()
            silence.act()

        try:
            return super().wait(_patiently(gen, silence.heard, act), interval)
        except psycopg.Error as error:
            if cancelling and isinstance(error, psycopg.errors.QueryCanceled):
                self.watch.check()
            if self.circle and isinstance(error, psycopg.errors.QueryCanceled):
                error = psycopg.errors.DeadlockDetected(self.circle)
            if self.server and not getattr(error, "__notes__", None):
                error.add_note(f"on the {self.server}")
            raise error


class _Asking(Safe):
    """The connection for such questions: it has a time limit."""

    limit = ASKING_SECONDS

    def wait(self, gen: Any, interval: float = INTERVAL_SECONDS, timeout: float | None = None) -> Any:
        until = time.monotonic() + self.limit
        return super().wait(_patiently(gen, lambda: None, lambda: self._give_up(until)), interval)

    def _give_up(self, until: float) -> None:
        if time.monotonic() > until:
            self.close()
            raise psycopg.errors.ConnectionTimeout("no answer")


class _Looking(_Asking):
    limit = LOOKING_SECONDS


def watch_of(conn: psycopg.Connection[Any]) -> Watch:
    """Return the watch that a connection was opened with."""
    return conn.watch if isinstance(conn, Safe) else current()


def _patiently(gen: Generator[T, Any, Any], heard: Callable[[], None], silent: Callable[[], None]) -> Any:
    """Pass on what a generator waits for. Calls `heard` or `silent` each time it resumes."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready:
                heard()
            else:
                silent()
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value


def look(conn: psycopg.Connection[Any], watch: Watch, silent: float) -> None:
    """Tell the listener what the statement of a connection waits for. Nothing is told where that cannot be learnt."""
    if not watch.looking.acquire(blocking=False):
        return
    try:
        with suppress(psycopg.Error):
            more = {"connect_timeout": LOOKING_SECONDS, "application_name": "replicator look"}
            with _Looking.connect(same_server(conn, more), autocommit=True) as looking:
                rows = looking.execute(LOOK, {"pid": pid_of(conn)}).fetchall()
                if not rows or not watch.listener:
                    return
                holders, roots = (
                    tuple(Session(*who) for _, _, *who, root in rows if root is wanted) for wanted in (False, True)
                )
                where = f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}"
                what = rows[0][1] if holders else WAITS.get(rows[0][1], "")
                wait = Wait(where, rows[0][0], silent, what, holders, roots)
                watch.listener(wait)
                if isinstance(conn, Patient) and {who.pid for who in (*holders, *roots)} & _holding(conn, watch):
                    conn.circle = f"{wait}, which replicator itself holds until it ends"
                    looking.execute("SELECT pg_cancel_backend(%s)", [pid_of(conn)])
    finally:
        watch.looking.release()


def _holding(conn: psycopg.Connection[Any], watch: Watch) -> set[int]:
    """Return which sessions of the connection's server hold a snapshot of this run's own."""
    where = conn.info.host, conn.info.port
    return {
        pid_of(other)
        for other in list(watch.holding)
        if not other.closed and (other.info.host, other.info.port) == where
    }


def inquire(conn: psycopg.Connection[Any], silent: float) -> None:
    """Ask a silent server what it is doing. Closes the connection and raises OperationalError if it is lost.

    Returns if the server is working, or if nobody can tell: it answers, but refuses another connection.
    """
    try:
        with _Asking.connect(same_server(conn, {"connect_timeout": ASKING_SECONDS}), autocommit=True) as asking:
            pid = [pid_of(conn)]
            answer = asking.execute(WAITS_FOR_US, pid).fetchall()
            if answer == [(False,)]:
                return
            asking.execute(END, pid)
    except psycopg.errors.ConnectionTimeout:
        _lose(conn, silent, "the server does not answer on another connection either")
    except psycopg.OperationalError:
        return
    _lose(conn, silent, "the server is waiting for the client" if answer else "the server no longer has this session")


def _lose(conn: psycopg.Connection[Any], silent: float, reason: str) -> NoReturn:
    conn.close()
    raise psycopg.OperationalError(f"no data for {silent:g} s, and {reason}: connection considered dead")


def same_server(conn: psycopg.Connection[Any], more: dict[str, Any]) -> str:
    """Return the conninfo of a connection, with `more`, for the one of its hosts that it is connected to."""
    given: dict[str, Any] = {o.keyword.decode(): o.val.decode() for o in conn.pgconn.info if o.val}
    info = conn.info
    given |= {"host": info.host, "hostaddr": info.hostaddr or None, "port": info.port}
    conninfo = make_conninfo("", **{**given, **more})
    if isinstance(conn, Safe) and conn.fires:
        conn.watch.firing.add(server_of(conninfo))
    return conninfo


def hang_up(conn: psycopg.Connection[Any]) -> None:
    """Shut down a connection's socket from another thread, so that a waiting user gets an error and closes it."""
    if conn.pgconn.status == psycopg.pq.ConnStatus.OK:
        with socket.socket(fileno=socket.dup(conn.pgconn.socket)) as same:
            same.shutdown(socket.SHUT_RDWR)
