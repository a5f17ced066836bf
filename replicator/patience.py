"""Is a server that says nothing at work, or does nothing come through any more? It is asked on another connection.

An index may take hours in which no byte comes, so silence is no failure. But a server that was frozen, and a proxy or a
firewall that forgot a connection, show no other sign; TCP's own timers (postgres.DEFAULTS) tell of hosts that are gone,
no more. So after a while of silence the server is asked on another connection: where it waits for us while we wait for
it, or does not answer at all, the connection is lost, and its session is ended so that its locks go.
"""

import socket
import time
from collections.abc import Callable, Generator
from typing import Any, NoReturn, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

T = TypeVar("T")

ASKING_SECONDS = 10
INTERVAL_SECONDS = 0.1  # psycopg's own: so often it looks whether a signal came
seconds = 300.0
"""How long a server may be silent before it is asked. Set once, before anything is connected."""

WAITS_FOR_US = "SELECT wait_event_type IS NOT DISTINCT FROM 'Client' FROM pg_stat_activity WHERE pid = %s"
END = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE pid = %s AND application_name = current_setting('application_name')"""


class Patient(psycopg.Connection[tuple[Any, ...]]):
    """A connection that inquires about its server when it has waited for too long."""

    def wait(self, gen: Any, interval: float = INTERVAL_SECONDS, timeout: float | None = None) -> Any:
        """Let a generator of psycopg's do its waiting. Raises OperationalError where that is in vain."""
        return super().wait(_patiently(gen, seconds, lambda: inquire(self)), interval)


class _Asking(psycopg.Connection[tuple[Any, ...]]):
    """The connection to ask on: it does not wait for long."""

    def wait(self, gen: Any, interval: float = INTERVAL_SECONDS, timeout: float | None = None) -> Any:
        return super().wait(_patiently(gen, ASKING_SECONDS, self._give_up), interval)

    def _give_up(self) -> None:
        self.close()
        raise psycopg.errors.ConnectionTimeout("no answer")


def _patiently(gen: Generator[T, Any, Any], limit: float, then: Callable[[], None]) -> Generator[T, Any, Any]:
    """Pass on what a generator waits for and what came; call `then` whenever nothing has come for so many seconds."""
    heard = time.monotonic()
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready:
                heard = time.monotonic()
            elif time.monotonic() - heard > limit:
                then()
                heard = time.monotonic()
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value


def inquire(conn: psycopg.Connection[Any]) -> None:
    """Ask the server of a connection that is silent what it does. Raises OperationalError, and closes, if it is lost.

    Returns where the server is at work, and where that cannot be known: it answers, but has no connection to spare.
    """
    try:
        with _Asking.connect(_same_server(conn), autocommit=True) as asking:
            pid = [conn.info.backend_pid]
            answer = asking.execute(WAITS_FOR_US, pid).fetchall()
            if answer == [(False,)]:
                return
            asking.execute(END, pid)
    except psycopg.errors.ConnectionTimeout:
        _lose(conn, "the server does not answer on another connection either")
    except psycopg.OperationalError:
        return
    _lose(conn, "the server waits for this program" if answer else "the server has no such session any more")


def _lose(conn: psycopg.Connection[Any], reason: str) -> NoReturn:
    conn.close()
    raise psycopg.OperationalError(f"nothing came for {seconds:g} s, and {reason}: the connection is lost")


def _same_server(conn: psycopg.Connection[Any]) -> str:
    """Return the conninfo of a connection, for that one of its hosts to which it leads."""
    given: dict[str, Any] = {o.keyword.decode(): o.val.decode() for o in conn.pgconn.info if o.val}
    info = conn.info
    given |= {"host": info.host, "hostaddr": info.hostaddr or None, "port": info.port}
    return make_conninfo("", **{**given, "connect_timeout": ASKING_SECONDS})


def hang_up(conn: psycopg.Connection[Any]) -> None:
    """Cut a connection from another thread, so that whoever waits on it is told. It is closed by who uses it."""
    if conn.pgconn.status == psycopg.pq.ConnStatus.OK:
        with socket.socket(fileno=socket.dup(conn.pgconn.socket)) as same:
            same.shutdown(socket.SHUT_RDWR)
