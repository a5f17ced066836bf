"""What all connections of a run share: the stall timeout, who is told of lock waits, whether the run was cancelled.

Each run has its own `Watch`, which each of its connections keeps: two runs in one process do not affect each other. A
thread that opens connections for a run is started with `inherited`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, ParamSpec, TypeVar
from weakref import WeakSet

P = ParamSpec("P")
T = TypeVar("T")

STALL_SECONDS = 300.0
STATEMENT_CHARACTERS = 120


class Session(NamedTuple):
    """A session on a server, and its current or last statement. `pid` 0: a prepared transaction."""

    pid: int
    application: str
    statement: str

    def __str__(self) -> str:
        if not self.pid:
            return "a prepared transaction"
        name = f" ({self.application})" if self.application else ""
        statement = " ".join(self.statement.split())
        short = statement if len(statement) <= STATEMENT_CHARACTERS else f"{statement[:STATEMENT_CHARACTERS]} …"
        return f"session {self.pid}{name}" + (f": {short}" if short else "")


@dataclass(frozen=True, slots=True)
class Wait:
    """A statement of ours that the server has not answered for some seconds, and the sessions that block it."""

    database: str
    """Where: host:port/database."""
    statement: str
    seconds: float
    """How long the server has been silent."""
    what: str
    """The locked relation, else the type of lock or the standby. Empty if it waits for nothing but its own work."""
    holders: tuple[Session, ...]
    """The sessions that hold the lock, or requested it before us."""
    roots: tuple[Session, ...] = ()
    """The sessions at the root of the queue."""

    def __str__(self) -> str:
        if not self.holders:
            return f"{self.database}: waiting for {self.what}"
        before = "; ".join(map(str, self.holders))
        roots = "; ".join(map(str, self.roots))
        said = f"{self.database}: waiting for a lock on {self.what}; held, or requested earlier, by {before}"
        return f"{said}, which waits for {roots}" if roots else said


class Watch:
    """The watch of one run. `stall_seconds`: how long a server may be silent before it is asked.

    `lock_waits` is called in the thread that waits, once for each lock and its holders.
    """

    def __init__(
        self, *, stall_seconds: float = STALL_SECONDS, lock_waits: Callable[[str], None] | None = None
    ) -> None:
        self.configure(stall_seconds, lock_waits)
        self.holding: WeakSet[Any] = WeakSet()
        """Connections that hold a snapshot and locks until the run ends: what of ours waits for them never ends."""
        self.firing: set[frozenset[tuple[str, Any]]] = set()
        """Servers, with the user, where login event triggers (17+) fire in our sessions, if there are any.

        They might write into the copy. Only an attempt shows whether a role may disable them.
        """
        self.secret: tuple[frozenset[tuple[str, Any]], Mapping[str, str]] = frozenset(), {}
        """A database, as `setup.database_of` names it, and the settings that its sessions get in their startup packet.

        No other session gets them. They are in no statement, so no log of the server has them."""
        self.direct = False
        """No pooler stands before that database."""
        self.lending: dict[str, bool] = {}
        """By connection string, whether a pooler lends backends for no longer than a transaction."""
        self.looking = threading.Lock()
        """One session at a time looks for locks: sessions are scarce."""
        self.thread = 0
        """The thread that runs the command, in which a cancelled run raises an exception, as on Ctrl-C."""
        self._cancelled: Future[None] = Future()
        self._reason: BaseException | None = None
        self._ending = False

    def configure(self, stall_seconds: float, lock_waits: Callable[[str], None] | None) -> None:
        """Set both, before anything is connected."""
        self.stall_seconds = stall_seconds
        self.listener = self._once(lock_waits) if lock_waits else None

    @staticmethod
    def _once(tell: Callable[[str], None]) -> Callable[[Wait], None]:
        told = set()

        def hear(wait: Wait) -> None:
            key = (wait.database, wait.what, wait.holders)
            if wait.what and key not in told:
                told.add(key)
                tell(str(wait))

        return hear

    def cancel(self, reason: BaseException | None = None) -> None:
        """End the run: cancel its statements on both servers, and raise the reason there, or KeyboardInterrupt.

        For any thread, repeatedly: only the first call has an effect.
        """
        if not self._ending and not self._cancelled.done():
            self._reason = reason
            self._cancelled.set_result(None)

    @property
    def waking(self) -> Future[Any]:
        """A future that completes when the run is cancelled, to wait for together with others."""
        return self._cancelled

    @property
    def cancelled(self) -> bool:
        """Whether the calling thread has to end the run."""
        return self._cancelled.done() and not self._ending and threading.get_ident() == self.thread

    def check(self) -> None:
        """Raise the reason if the run was cancelled, but only once, so that the cleanup is not interrupted."""
        if self.cancelled:
            self._ending = True
            self._cancelled = Future()
            raise self._reason or KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise KeyboardInterrupt as soon as the run is cancelled."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            waking = self._cancelled
            if threading.get_ident() != self.thread:
                time.sleep(left)
            else:
                wait([waking], left)
            self.check()


prepared: ContextVar[Watch] = ContextVar("prepared")
"""The watch of a command that another thread may cancel before its first connection."""
_watch: ContextVar[Watch] = ContextVar("watch")
_of_no_run = Watch()


def current() -> Watch:
    """Return the watch of the run that this thread works for."""
    return _watch.get(_of_no_run)


@contextmanager
def watched(watch: Watch) -> Iterator[Watch]:
    """Run a command with this watch, in this thread."""
    watch.thread = threading.get_ident()
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


def inherited(action: Callable[P, T]) -> Callable[P, T]:
    """Return an action for another thread that gives it the watch of this thread."""
    watch = current()

    def run(*args: P.args, **more: P.kwargs) -> T:
        _watch.set(watch)
        return action(*args, **more)

    return run
