"""How a session begins: first prove that it has a backend of its own, then set a safe search_path.

A pooler lends backends. A setting that was made in one is still there for its next client, perhaps another application.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Self

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from replicator.errors import Pooled, PreflightFailed
from replicator.sessions.watch import Watch, current

SESSIONS = 2
LOOKS = 2
PATH = "pg_catalog, pg_temp"
"""pg_temp last: unless the path names it, it is searched first, and other people's code may create objects there."""
OWN = f"""SET LOCAL statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '{PATH}', false)
 WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {{}}"""
"""Changes nothing lasting if another backend answers than the one announced when the session began."""
OUR_PATH = f"SELECT pg_catalog.set_config('search_path', '{PATH}', true)"
ANY_SESSION = ("application_name", "connect_timeout")
ANY_DATABASE = (*ANY_SESSION, "dbname")
ENDS_WORD, ESCAPED = re.compile(r"([\s\\])"), r"\\\1"
"""Characters that end a word of a command line, and their replacement inside one."""
AT_REST = (pq.TransactionStatus.IDLE, pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


class Safe(psycopg.Connection[tuple[Any, ...]]):
    """A connection with a search_path of pg_catalog alone before any name is looked up, in autocommit.

    Functions that a database's owner puts before pg_catalog, in the search_path of the database or of a role, would run
    with the rights of whoever connects (CVE-2018-1058). Poolers refuse search_path as a startup parameter.
    """

    lent = False
    """The backend belongs to a pool, which lends it for the whole session."""
    pid = 0
    watch: Watch = current()
    """Of the run that opened it."""
    fires = False
    """Login event triggers fire in this session: its role may not disable them, or the server has no such setting."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Open a connection as psycopg does. Raises psycopg.OperationalError, or Pooled before anything is set."""
        watch = options.pop("watch", None) or current()  # given where another thread connects
        database, secret = watch.secret
        if secret and database_of(conninfo) == database:
            _prove_direct(conninfo, watch)
            conninfo = _with_options(conninfo, as_options(secret))
        conn, fires = None, server_of(conninfo) in watch.firing
        if not fires:
            try:
                conn = super().connect(_without_event_triggers(conninfo), **options)
            except psycopg.OperationalError as error:
                if not REFUSED.search(str(error)):
                    raise
                fires = True
                watch.firing.add(server_of(conninfo))
        conn = conn or super().connect(conninfo, **options)
        conn.fires, conn.watch = fires, watch
        try:
            conn.pid = conn.info.backend_pid
            own = conn.execute(sql.SQL(OWN).format(conn.info.backend_pid))
            own.nextset()
            if not own.fetchall():  # poolers announce made-up backend PIDs
                if _lends_for_a_transaction(conninfo, watch):
                    raise Pooled(f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}")
                conn.lent = True
                conn.execute(f"SET search_path = {PATH}")
                ((conn.pid,),) = conn.execute("SELECT pg_catalog.pg_backend_pid()").fetchall()
        except BaseException:
            conn.close()
            raise
        return conn

    def close(self) -> None:
        """Close the connection. Reset a backend that a pool has lent, since not every pool does so itself.

        A backend that is not idle is not reset: the pool ends it.
        """
        try:
            if self.lent and self.pgconn.transaction_status in AT_REST:
                self.lent = False
                with suppress(psycopg.Error):
                    self.execute("ROLLBACK")
                    self.execute("DISCARD ALL")
        finally:
            super().close()


def with_path(path: str, *, local: bool = True) -> str:
    """Return the statement that sets the search_path which functions rely on, for a transaction if `local`.

    pg_catalog still comes first: names of built-in objects keep their meaning.
    """
    query = sql.SQL("SELECT pg_catalog.set_config('search_path', {}, {})")
    return query.format(f"pg_catalog, {path}", local).as_string()


@contextmanager
def having(path: str, *conns: psycopg.Connection[Any]) -> Iterator[None]:
    """Set this search_path, unless it is empty, in transactions that end if anything fails.

    Statements that run meanwhile must qualify names with `pg_catalog`, unless the argument types match exactly.
    """
    for conn in conns if path else ():
        conn.execute(with_path(path))
    yield
    for conn in conns if path else ():
        conn.execute(OUR_PATH)


def pid_of(conn: psycopg.Connection[Any]) -> int:
    """Return the PID of a session's backend. libpq's may be one that a pooler made up."""
    return conn.pid if isinstance(conn, Safe) else conn.info.backend_pid


REFUSED = re.compile(r"event_triggers|startup parameter|\boptions\b")
"""In the error, whatever its language, if the role may not set event_triggers, before 17, or from a pooler."""


def server_of(conninfo: str) -> frozenset[tuple[str, Any]]:
    """Return the parts of a conninfo that identify the server and the user, whatever the database."""
    return frozenset(given for given in conninfo_to_dict(conninfo).items() if given[0] not in ANY_DATABASE)


def database_of(conninfo: str) -> frozenset[tuple[str, Any]]:
    """Return the parts of a conninfo that identify the database, too."""
    return frozenset(given for given in conninfo_to_dict(conninfo).items() if given[0] not in ANY_SESSION)


def _without_event_triggers(conninfo: str) -> str:
    return _with_options(conninfo, "-c event_triggers=off")


def _with_options(conninfo: str, more: str) -> str:
    of_environment = {option.keyword: option.val for option in pq.Conninfo.get_defaults()}[b"options"]
    given = conninfo_to_dict(conninfo).get("options") or (of_environment or b"").decode()
    return make_conninfo(conninfo, options=f"{given} {more}".strip())


def as_options(settings: Mapping[str, str]) -> str:
    r"""Return settings in the form of the connection parameter `options`, a part of the server's command line.

    >>> print(as_options({"DateStyle": "ISO", "search_path": "a, b"}))
    -c DateStyle=ISO -c search_path=a,\ b
    """
    return " ".join(f"-c {name}={ENDS_WORD.sub(ESCAPED, value)}" for name, value in settings.items())


def share(conns: Sequence[psycopg.Connection[Any]]) -> bool:
    """Return whether sessions change backends between transactions, or share them."""
    # Ask in turns and twice in a row: a pool may lend the backend that was returned last, or the next one.
    looks = {
        (conn, conn.execute("SELECT pg_catalog.pg_backend_pid()").fetchall()[0][0])
        for conn in (*conns, *reversed(conns)) * LOOKS
    }
    return len(looks) > len(conns) or len({pid for _, pid in looks}) < len(conns)


def _prove_direct(conninfo: str, watch: Watch) -> None:
    """Raise PreflightFailed if a pooler answers: its backends would keep what is secret for the next client."""
    if not watch.direct:
        with psycopg.Connection.connect(conninfo, autocommit=True, prepare_threshold=None) as conn:
            ((pid,),) = conn.execute("SELECT pg_catalog.pg_backend_pid()").fetchall()
            watch.direct = pid == conn.info.backend_pid
        if not watch.direct:
            raise PreflightFailed(
                "The source is behind a connection pooler, which must not get the key of the masks.",
                hint="Connect to the source directly.",
            )


def _lends_for_a_transaction(conninfo: str, watch: Watch) -> bool:
    """Return whether sessions have a backend for one transaction or statement only. Changes no setting."""
    if conninfo not in watch.lending:
        with ExitStack() as stack:
            conns = [
                stack.enter_context(psycopg.Connection.connect(conninfo, autocommit=True, prepare_threshold=None))
                for _ in range(SESSIONS)
            ]
            watch.lending[conninfo] = share(conns)
    return watch.lending[conninfo]
