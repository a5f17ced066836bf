"""Whole databases of a server: they are named, marked and dropped, and their sessions ended."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psycopg
from psycopg import conninfo, sql

from replicator.sessions import postgres
from replicator.sessions.postgres import Connection
from replicator.work import emptying

TERMINATE_SECONDS = 0.02
SESSIONS = """
SELECT pid
  FROM pg_stat_activity
 WHERE datid = ANY (%s::oid[])
   AND (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))
"""
INVALID = "SELECT datconnlimit = -2 FROM pg_database WHERE datname = %s"
"""An interrupted DROP DATABASE leaves it invalid: it can be renamed and dropped, but not altered or connected to."""


def rename(conn: Connection, old: str, new: str) -> None:
    """Rename a database; it must have no sessions. New ones wait for the lock, then fail."""
    conn.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))


def comment_on(conn: Connection, name: str, comment: str | None) -> None:
    """Set or remove the comment of a database."""
    conn.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(comment)))


def oid_of(conn: Connection, name: str) -> int | None:
    """Return the OID of a database; None if it does not exist."""
    rows = conn.execute("SELECT oid::bigint FROM pg_database WHERE datname = %s", [name]).fetchall()
    return rows[0][0] if rows else None


@contextmanager
def ending_sessions(maintenance: str, databases: list[int]) -> Iterator[None]:
    """End the sessions in these databases (by OID) repeatedly; the lock keeps new ones out."""
    ended = threading.Event()

    def end() -> None:
        with suppress(psycopg.OperationalError), postgres.connect(maintenance, application="swap") as conn:
            while True:
                for (pid,) in conn.execute(SESSIONS, [databases]).fetchall():
                    with suppress(psycopg.errors.InsufficientPrivilege):  # a superuser's
                        conn.execute("SELECT pg_terminate_backend(%s)", [pid])
                if ended.wait(TERMINATE_SECONDS):
                    return

    thread = threading.Thread(target=end, name="ending sessions")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def drop(maintenance: str, name: str) -> None:
    """Drop a database after ending its sessions and dropping the copy's disabled subscriptions. Uses a new session."""
    identifier = sql.Identifier(name)
    with postgres.connect(maintenance, application="swap") as conn:
        oid = oid_of(conn, name)
        if not is_invalid(conn, name):
            conn.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(identifier))
            if conn.execute("SELECT FROM pg_subscription WHERE subdbid = %s AND NOT subenabled", [oid]).fetchall():
                with closing(postgres.connect(conninfo.make_conninfo(maintenance, dbname=name))) as inside:
                    emptying.drop_subscriptions(inside)
        with ending_sessions(maintenance, [oid] if oid else []):
            conn.execute(sql.SQL("DROP DATABASE {}").format(identifier))


def is_invalid(conn: Connection, name: str) -> bool:
    """Return whether its DROP DATABASE was interrupted."""
    return conn.execute(INVALID, [name]).fetchall() == [(True,)]
