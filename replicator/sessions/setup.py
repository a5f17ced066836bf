"""How a session begins: nothing is set before it is proved that its backend is its own, no name is looked up by a path.

A pooler lends its backends, and what was set in one is still set for whoever gets it next, another application for one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Self

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from replicator.errors import Pooled
from replicator.sessions.watch import Watch, current

SESSIONS = 2
LOOKS = 2
PATH = "pg_catalog, pg_temp"
"""Temporary objects last: where no path names them they are first, and others' code that runs in a session has some."""
OWN = f"""SET LOCAL statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '{PATH}', false)
 WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {{}}"""
"""Sets nothing that lasts where another backend answers than the one that was named when the session began."""
OUR_PATH = f"SELECT pg_catalog.set_config('search_path', '{PATH}', true)"
ANY_DATABASE = ("application_name", "connect_timeout", "dbname")
ENDS_WORD, ESCAPED = re.compile(r"([\s\\])"), r"\\\1"
"""Ends a word of a command line, and what stands for it inside one."""
AT_REST = (pq.TransactionStatus.IDLE, pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


class Safe(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose search path is PostgreSQL's own before anything is looked up in it, in autocommit.

    What a database's owner puts before pg_catalog, in the path of the database or of a role, would be called with the
    rights of whoever connects (CVE-2018-1058). A startup parameter would say the same, but poolers refuse it.
    """

    lent = False
    """The backend is a pool's, for as long as the session lasts."""
    pid = 0
    watch: Watch = current()
    """Of the run that opened it."""
    fires = False
    """Event triggers on logins, as far as there are any: its role may not do without, or the server has none."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Open a connection, as psycopg does. Raises psycopg.OperationalError, and Pooled before anything is set."""
        watch = options.pop("watch", None) or current()  # given where another thread connects
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
            if not own.fetchall():  # poolers name backends of their own invention
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
        """Close the connection. A backend that was lent goes back as it came: not every pool sees to that itself.

        One that is not at rest goes back to nobody: the pool ends it.
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
    """Return the statement that gives functions the search_path which they rely on, for a transaction if `local`.

    PostgreSQL's own names still come first: a definition that names them means what it says.
    """
    query = sql.SQL("SELECT pg_catalog.set_config('search_path', {}, {})")
    return query.format(f"pg_catalog, {path}", local).as_string()


@contextmanager
def having(path: str, *conns: psycopg.Connection[Any]) -> Iterator[None]:
    """Give functions this search_path, if there is one, in transactions that end where anything fails.

    What runs meanwhile must say `pg_catalog`, unless its arguments are exactly those of a function or operator there.
    """
    for conn in conns if path else ():
        conn.execute(with_path(path))
    yield
    for conn in conns if path else ():
        conn.execute(OUR_PATH)


def pid_of(conn: psycopg.Connection[Any]) -> int:
    """Return the process number of a session's backend: a pooler names one of its own invention."""
    return conn.pid if isinstance(conn, Safe) else conn.info.backend_pid


REFUSED = re.compile(r"event_triggers|startup parameter|\boptions\b")
"""What a server says, in whatever language, to who may not do without event triggers, or before 17; and poolers."""


def server_of(conninfo: str) -> frozenset[tuple[str, Any]]:
    """Return what of a connection string says where and as whom, whichever database."""
    return frozenset(given for given in conninfo_to_dict(conninfo).items() if given[0] not in ANY_DATABASE)


def _without_event_triggers(conninfo: str) -> str:
    of_environment = {option.keyword: option.val for option in pq.Conninfo.get_defaults()}[b"options"]
    given = conninfo_to_dict(conninfo).get("options") or (of_environment or b"").decode()
    return make_conninfo(conninfo, options=f"{given} -c event_triggers=off".strip())


def as_options(settings: Mapping[str, str]) -> str:
    r"""Return settings as the server's command line, which `options` is a part of, has them.

    >>> print(as_options({"DateStyle": "ISO", "search_path": "a, b"}))
    -c DateStyle=ISO -c search_path=a,\ b
    """
    return " ".join(f"-c {name}={ENDS_WORD.sub(ESCAPED, value)}" for name, value in settings.items())


def share(conns: Sequence[psycopg.Connection[Any]]) -> bool:
    """Tell whether sessions change their backends between transactions, or share them with one another."""
    # Each is asked twice in a row as well as in turns: a pool may lend the last one that came back, or the next one.
    looks = {
        (conn, conn.execute("SELECT pg_catalog.pg_backend_pid()").fetchall()[0][0])
        for conn in (*conns, *reversed(conns)) * LOOKS
    }
    return len(looks) > len(conns) or len({pid for _, pid in looks}) < len(conns)


def _lends_for_a_transaction(conninfo: str, watch: Watch) -> bool:
    """Tell whether sessions have a backend for no longer than a transaction, or a statement. Sets nothing in any."""
    if conninfo not in watch.lending:
        with ExitStack() as stack:
            conns = [
                stack.enter_context(psycopg.Connection.connect(conninfo, autocommit=True, prepare_threshold=None))
                for _ in range(SESSIONS)
            ]
            watch.lending[conninfo] = share(conns)
    return watch.lending[conninfo]
