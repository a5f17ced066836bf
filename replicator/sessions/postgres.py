"""Connections: the only place that opens them. Each session gets the settings that an exact copy needs."""

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import conninfo, sql
from psycopg_pool import ConnectionPool

from replicator.errors import UsageError
from replicator.sessions.setup import as_options
from replicator.sessions.watch import current
from replicator.sessions.watchdog import Patient

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # the driver's warnings, which we raise, go nowhere
Connection = psycopg.Connection[tuple[Any, ...]]
Pool = ConnectionPool[Patient]

CONNECT_SECONDS = 10
POOL_SECONDS = 10.0
NOBODY = "replicator: no user"
DEFAULTS: dict[str, str | int] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 90_000,
    "application_name": "replicator",
}

# Values travel as text or binary between two servers, whose own settings must not change them. Settings that a server
# does not know are skipped. row_security off: raise an error instead of returning only the rows that a policy shows.
# client_connection_check_interval: no backend works long for a client that is gone (not every system supports it).
# createrole_self_grant: a role that may create roles, without being a superuser, can also make them owners.
# event_triggers (17+, superusers only): an extension's event trigger would change the objects that are created.
TIMEOUTS = {
    "statement_timeout": 0,
    "lock_timeout": 0,
    "idle_in_transaction_session_timeout": 0,
    "idle_session_timeout": 140000,
    "transaction_timeout": 170000,
}
"""Settings that would end our sessions, and the server version that introduced each."""
SESSION = {
    # End a session soon after its client is gone. Otherwise it holds its locks, for two hours if the host is gone too.
    "client_connection_check_interval": "10s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
    "tcp_user_timeout": "90000",
    "createrole_self_grant": "set, inherit",
    "event_triggers": "off",
    "restrict_nonsystem_relation_kind": "",
    "default_transaction_isolation": "read committed",  # a stricter level fails concurrent steps
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "xmloption": "content",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "row_security": "off",
    "synchronize_seqscans": "off",
    "synchronous_commit": "off",
    "check_function_bodies": "off",
    "default_table_access_method": "heap",
    "default_tablespace": "",
    "client_min_messages": "error",
    "temp_file_limit": "-1",  # where the role may set it: sorting for an index or a comparison needs files
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "array_nulls": "on",
    # Compiling a catalog query takes seconds, running it milliseconds, and most packages enable jit.
    "jit": "off",
    "backslash_quote": "safe_encoding",
}
OF_VALUES = ("DateStyle", "IntervalStyle", "TimeZone", "extra_float_digits", "bytea_output", "xmloption", "lc_monetary")
"""The settings that decide how values are written. Every server has them: an unknown one would refuse the session."""
READER = {"restrict_nonsystem_relation_kind": "view, foreign-table"}
"""For sessions that only read: a view that somebody puts in place of a table would run code (CVE-2024-7348)."""
NO_VIEWS, ANY_VIEWS = (
    "; ".join(
        f"SELECT set_config('{name}', '{values[name]}', true) WHERE current_setting('{name}', true) IS NOT NULL"
        for name in READER
    )
    for values in (READER, SESSION)
)
"""The same for one transaction, and the statement that ends it."""
ALL_ROWS = "; ".join(
    f"SET LOCAL enable_{what} = {switch}"
    for switch, kinds in (("on", ("seqscan", "tidscan")), ("off", ("indexscan", "indexonlyscan", "bitmapscan")))
    for what in kinds
)
"""For a transaction that must see every row: a partial index may cover all columns of a table, but not all rows.

A condition without columns is evaluated at planning time, where a function of the table's owner may return true.
"""
NAMED_ROWS = "SET LOCAL random_page_cost = 1.1"
"""For a transaction that reads rows by their ctids. They come in the order of their blocks, so fetching them costs less
than the planner believes: queries took a quarter to a half of the time (2026-11, PostgreSQL 18, 1 GB, busy machine)."""
REFUSING_VIEWS = {12: 20, 13: 16, 14: 13, 15: 8, 16: 4}
"""The minor release of each version that introduced this setting; later versions have always had it."""
OWN_ROLE = """
SELECT set_config('role', 'none', false)
  FROM pg_roles r
 WHERE session_user <> current_user
   AND r.rolname = session_user
   AND r.rolsuper
   AND EXISTS (SELECT
                 FROM pg_db_role_setting s
                 JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
                CROSS JOIN unnest(s.setconfig) AS setting
                WHERE s.setrole = 0
                  AND setting ILIKE 'role=%');"""
"""Keep a superuser's own role, even if the database sets another for all sessions: that role would own new objects."""
SET_SESSION = """
SELECT set_config(name, value, false)
  FROM unnest({}::text[], {}::text[]) AS wanted (name, value)
 WHERE current_setting(name, true) <> value
   AND (name <> ALL ('{{event_triggers,temp_file_limit}}') OR current_setting('is_superuser')::bool)
   AND (name <> 'client_connection_check_interval' OR version() ~* 'linux')"""
"""Goes in one message with the timeouts. Looking settings up in pg_settings takes longer than connecting."""


REPLICA = "SET LOCAL session_replication_role = replica"
"""For a transaction in which foreign keys, ordinary triggers and event triggers do not fire."""


def connect(
    dsn: str,
    *,
    encoding: str | None = None,
    application: str = "",
    more: Mapping[str, str] | None = None,
    replication: bool = False,
) -> Connection:
    """Open a connection with the session's settings, outside a transaction; `more` are settings beyond the usual ones.

    `encoding` is the client_encoding, the database's own by default. With `replication` the session also takes
    replication commands, and only simple queries: the client puts parameters into their text. Raises
    psycopg.OperationalError.
    """
    dsn = with_defaults(dsn, application)
    conn = Patient.connect(
        _for_replication(dsn, encoding, more) if replication else dsn,
        autocommit=True,
        prepare_threshold=None,
        cursor_factory=psycopg.ClientCursor if replication else psycopg.Cursor,
    )
    try:
        if not replication:
            set_up(conn, encoding, more)
    except BaseException:
        conn.close()
        raise
    return conn


def _for_replication(dsn: str, encoding: str | None, more: Mapping[str, str] | None) -> str:
    """Return a conninfo with the session's settings in the startup packet, where a replication client gives them."""
    given = str(conninfo.conninfo_to_dict(dsn).get("options") or "")
    settings = {name: "0" for name, since in TIMEOUTS.items() if not since}
    settings |= {name: SESSION[name] for name in OF_VALUES} | dict(more or {})
    options = f"{given} {as_options(settings)}".strip()
    return conninfo.make_conninfo(dsn, replication="database", options=options, client_encoding=encoding)


def set_up(conn: Connection, encoding: str | None = None, more: Mapping[str, str] | None = None) -> None:
    """Give a new connection the session's settings."""
    conn.prepare_threshold = None
    encoding = encoding or readable_encoding(conn.info.parameter_status("server_encoding") or "UTF8")
    # Timeouts first, in the same message: a timeout of the role or the database might end the next statement.
    timeouts = [f"SET {name} = 0; " for name, since in TIMEOUTS.items() if conn.info.server_version >= since]
    wanted = {**SESSION, **(more or {})}
    literals = (sql.Literal(value) for value in (encoding, list(wanted), list(wanted.values())))
    own_role = "" if conn.info.parameter_status("is_superuser") == "on" else OWN_ROLE
    conn.execute(sql.SQL("SET client_encoding = {}; " + "".join(timeouts) + own_role + SET_SESSION).format(*literals))


def reuse(
    conn: Connection,
    dsn: str,
    *,
    encoding: str | None = None,
    application: str = "",
    more: Mapping[str, str] | None = None,
) -> None:
    """Reset an open connection to what `connect` would open. Opening one takes five times as long."""
    name = conninfo.conninfo_to_dict(with_defaults(dsn, application))["application_name"]
    set_up(conn, encoding, {**(more or {}), "application_name": str(name)})


def answers(conn: Connection) -> bool:
    """Return whether an idle connection is still alive."""
    try:
        conn.execute("SELECT")
    except psycopg.Error:
        return False
    return True


def readable_encoding(server_encoding: str) -> str:
    """Return the client_encoding that shows all text of a database; LATIN1 hands SQL_ASCII's bytes through."""
    return "LATIN1" if server_encoding == "SQL_ASCII" else server_encoding


def with_defaults(dsn: str, application: str = "") -> str:
    """Return the conninfo with this program's timeouts and keepalives, except those that it sets itself."""
    given: dict[str, Any] = conninfo.conninfo_to_dict(dsn)
    named = {"application_name": f"replicator {application}".strip()}
    return conninfo.make_conninfo("", **{**DEFAULTS, **named, **given})  # the caller's values win


def database_name(dsn: str) -> str:
    """Return the database that a conninfo, its service or the environment names.

    Raises UsageError where none does: libpq would take the user's name, which is often the maintenance database.
    """
    # libpq resolves the name before it connects. Nobody has this user name, and nothing is sent anywhere.
    elsewhere = conninfo.make_conninfo(dsn, user=NOBODY, host="/", hostaddr="", port="")
    pgconn = psycopg.pq.PGconn.connect_start(elsewhere.encode())
    try:
        name = pgconn.db.decode()
    finally:
        pgconn.finish()
    if name == NOBODY:
        raise UsageError(
            f"No database is named: {describe(dsn)}. The server would use the one named after the user.",
            hint="Write it at the end of the URL, postgresql://user@host:5432/database, or as dbname=….",
        )
    return name


@contextmanager
def pool(
    dsn: str, size: int, *, encoding: str | None = None, application: str = "", more: Mapping[str, str] | None = None
) -> Iterator[Pool]:
    """Hold a pool of up to `size` connections, opened when needed; `more` are settings beyond the usual ones."""

    def configure(conn: Connection) -> None:
        set_up(conn, encoding, more)

    with ConnectionPool(
        with_defaults(dsn, application),
        connection_class=Patient,
        kwargs={"autocommit": True, "prepare_threshold": None, "watch": current()},
        min_size=0,
        max_size=size,
        timeout=POOL_SECONDS,
        reconnect_timeout=POOL_SECONDS,
        configure=configure,
        open=True,
    ) as opened:
        yield opened


def refuses_views(conn: Connection) -> bool:
    """Return whether the server supports the setting in READER that makes it refuse to read views."""
    major, minor = divmod(conn.info.server_version, 10000)
    return minor >= REFUSING_VIEWS.get(major, 0)


@contextmanager
def without_views(conn: Connection) -> Iterator[None]:
    """Refuse to read views in this transaction during the `with`, if the server supports that."""
    conn.execute(NO_VIEWS)
    yield
    conn.execute(ANY_VIEWS)


@contextmanager
def stream(
    conn: Connection, query: str | bytes, values: Sequence[Any], *, binary: bool = False
) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Read rows one by one. An open stream holds the connection's lock: a rollback would wait forever."""
    with conn.cursor(binary=binary) as cursor:
        rows = cursor.stream(query, values)
        assert isinstance(rows, Generator)
        with closing(rows):
            yield rows


def quoted(name: str) -> str:
    """Return a quoted name, valid wherever PostgreSQL expects one.

    >>> quoted('an "odd" role')
    '"an ""odd"" role"'
    """
    return '"' + name.replace('"', '""') + '"'


def unquoted(identifier: str) -> str:
    """Return the name in an identifier that may be quoted.

    >>> unquoted('plain'), unquoted('"an ""odd"" role"')
    ('plain', 'an "odd" role')
    """
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def describe(dsn: str) -> str:
    """Return where a conninfo connects to, without secrets: `user@host:port/dbname`.

    >>> describe("postgresql://me:secret@db:5433/shop")
    'me@db:5433/shop'
    """
    given = {key: str(value) for key, value in conninfo.conninfo_to_dict(dsn).items()}
    user = f"{given['user']}@" if given.get("user") else ""
    # Part of a password may have been parsed as host or port: settings.check_conninfo refuses such conninfos.
    host = given.get("host") or given.get("hostaddr") or (f"service {given['service']}" if "service" in given else "")
    port = f":{given['port']}" if given.get("port") else ""
    return f"{user}{host or 'local socket'}{port}/{given.get('dbname', '')}".rstrip("/")


def connected_to(conn: Connection) -> str:
    """Return the server that a connection is really connected to: `user@host:port/dbname`."""
    info = conn.info
    return describe(conninfo.make_conninfo("", user=info.user, host=info.host, port=info.port, dbname=info.dbname))


def described_as(where: str, dsn: str) -> str:
    """Return where a connection goes, but with the name of this conninfo's database.

    >>> described_as("me@db:5432/postgres", "host=db dbname=shop")
    'me@db:5432/shop'
    """
    return f"{where.rpartition('/')[0]}/{database_name(dsn)}"


def become_replica(conn: Connection) -> bool:
    """Keep foreign keys and triggers from firing in this transaction. Returns False if the role may not."""
    try:
        with conn.transaction():
            conn.execute(REPLICA)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def flush(conn: Connection) -> None:
    """Have the server flush its WAL to disk now, including the end of a transaction that was rolled back.

    If a crash loses the end of a transaction that created an unlogged table, the server does not start again:
    "could not create file …: File exists" (up to 18.6 at least). It has removed the table's files, but the WAL tells it
    to create one of them.
    """
    with suppress(psycopg.errors.InsufficientPrivilege), conn.transaction():
        conn.execute("SET LOCAL synchronous_commit = local; SELECT pg_logical_emit_message(true, 'replicator', '')")
