"""Connections: the one place that opens them. Each gets the session that copying exactly needs (design: Sessions)."""

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

# Values travel as text or binary between two servers whose own settings must not matter. Unknown ones are left out.
# row_security off: an error instead of the rows that a policy happens to show. client_connection_check_interval: no
# backend works long for a client that is gone; not every system's server can look. createrole_self_grant: who may
# create roles without being a superuser may also make them owners. event_triggers (17+, for superusers): an extension's
# would change what is made.
TIMEOUTS = {
    "statement_timeout": 0,
    "lock_timeout": 0,
    "idle_in_transaction_session_timeout": 0,
    "idle_session_timeout": 140000,
    "transaction_timeout": 170000,
}
"""What would end our sessions, and since which version of the server."""
SESSION = {
    # A session whose client is gone ends soon: it would hold its locks, for two hours if its host went, too.
    "client_connection_check_interval": "10s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
    "tcp_user_timeout": "90000",
    "createrole_self_grant": "set, inherit",
    "event_triggers": "off",
    "restrict_nonsystem_relation_kind": "",
    "default_transaction_isolation": "read committed",  # a stricter one fails what goes on side by side
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
    "temp_file_limit": "-1",  # where it may be set: sorting for an index, or for a comparison, needs files
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "array_nulls": "on",
    # To compile a query of the catalogs takes seconds, to run it milliseconds; most packages switch jit on.
    "jit": "off",
    "backslash_quote": "safe_encoding",
}
OF_VALUES = ("DateStyle", "IntervalStyle", "TimeZone", "extra_float_digits", "bytea_output", "xmloption", "lc_monetary")
"""The settings that decide how values are written. Every server has them: an unknown one would refuse the session."""
READING = {"restrict_nonsystem_relation_kind": "view, foreign-table"}
"""For sessions that only read: a table in whose place somebody puts a view would run his code (CVE-2024-7348)."""
NO_VIEWS, ANY_VIEWS = (
    "; ".join(
        f"SELECT set_config('{name}', '{values[name]}', true) WHERE current_setting('{name}', true) IS NOT NULL"
        for name in READING
    )
    for values in (READING, SESSION)
)
"""The same for a transaction, and what ends it."""
ALL_ROWS = "; ".join(
    f"SET LOCAL enable_{what} = {switch}"
    for switch, kinds in (("on", ("seqscan", "tidscan")), ("off", ("indexscan", "indexonlyscan", "bitmapscan")))
    for what in kinds
)
"""For a transaction that must see every row: a partial index may have all columns of a table, but not all rows.

Its condition, with no column in it, is computed when a query is planned: the owner's function may say that it holds.
"""
REFUSING_VIEWS = {12: 20, 13: 16, 14: 13, 15: 8, 16: 4}
"""Since which minor release of each version a server has that setting; later versions have always had it."""
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
"""A superuser stays one, whatever role a database's owner has chosen for all: that role would own what is made."""
SET_SESSION = """
SELECT set_config(name, value, false)
  FROM unnest({}::text[], {}::text[]) AS wanted (name, value)
 WHERE current_setting(name, true) <> value
   AND (name <> ALL ('{{event_triggers,temp_file_limit}}') OR current_setting('is_superuser')::bool)
   AND (name <> 'client_connection_check_interval' OR version() ~* 'linux')"""
"""For one message with what may end the next: to look settings up in pg_settings takes more time than to connect."""


REPLICA = "SET LOCAL session_replication_role = replica"
"""For a transaction in which neither foreign keys nor ordinary triggers nor event triggers act."""


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
    """Give a fresh connection the session's settings."""
    conn.prepare_threshold = None
    encoding = encoding or readable_encoding(conn.info.parameter_status("server_encoding") or "UTF8")
    # First of all, in the same message: what the role or the database has set may end the next one.
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
    """Make of an open connection to this database what `connect` would open: that takes five times as long."""
    name = conninfo.conninfo_to_dict(with_defaults(dsn, application))["application_name"]
    set_up(conn, encoding, {**(more or {}), "application_name": str(name)})


def answers(conn: Connection) -> bool:
    """Tell whether a connection that waits for a command is still of use."""
    try:
        conn.execute("SELECT")
    except psycopg.Error:
        return False
    return True


def readable_encoding(server_encoding: str) -> str:
    """Return the client_encoding that shows all text of a database; LATIN1 hands SQL_ASCII's bytes through."""
    return "LATIN1" if server_encoding == "SQL_ASCII" else server_encoding


def with_defaults(dsn: str, application: str = "") -> str:
    """Return the conninfo with this program's timeouts and keepalives where it says nothing of its own."""
    given: dict[str, Any] = conninfo.conninfo_to_dict(dsn)
    named = {"application_name": f"replicator {application}".strip()}
    return conninfo.make_conninfo("", **{**DEFAULTS, **named, **given})  # what is given wins


def database_name(dsn: str) -> str:
    """Return the database that a conninfo, its service or the environment names.

    Raises UsageError where none does: libpq would take the user's name, which is often the maintenance database.
    """
    # libpq knows the name before anything is connected. Nobody has this user's name, nothing is sent to anybody.
    elsewhere = conninfo.make_conninfo(dsn, user=NOBODY, host="/", hostaddr="", port="")
    pgconn = psycopg.pq.PGconn.connect_start(elsewhere.encode())
    try:
        name = pgconn.db.decode()
    finally:
        pgconn.finish()
    if name == NOBODY:
        raise UsageError(
            f"No database is named: {describe(dsn)}. The server would use the one that is named like the user.",
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
    """Tell whether a server can be told not to read views: READING."""
    major, minor = divmod(conn.info.server_version, 10000)
    return minor >= REFUSING_VIEWS.get(major, 0)


@contextmanager
def without_views(conn: Connection) -> Iterator[None]:
    """Read no views in this transaction, for the time of the `with`, where the server can be told that."""
    conn.execute(NO_VIEWS)
    yield
    conn.execute(ANY_VIEWS)


@contextmanager
def stream(
    conn: Connection, query: str | bytes, values: Sequence[Any], *, binary: bool = False
) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Read rows one by one. Until a stream is closed it keeps the connection's lock: a rollback would wait for ever."""
    with conn.cursor(binary=binary) as cursor:
        rows = cursor.stream(query, values)
        assert isinstance(rows, Generator)
        with closing(rows):
            yield rows


def quoted(name: str) -> str:
    """Return a name as PostgreSQL reads it in every place.

    >>> quoted('an "odd" role')
    '"an ""odd"" role"'
    """
    return '"' + name.replace('"', '""') + '"'


def unquoted(identifier: str) -> str:
    """Return the name that an identifier is of, which is quoted only where it must be.

    >>> unquoted('plain'), unquoted('"an ""odd"" role"')
    ('plain', 'an "odd" role')
    """
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def describe(dsn: str) -> str:
    """Return where a conninfo leads, without what is secret: `user@host:port/dbname`.

    >>> describe("postgresql://me:secret@db:5433/shop")
    'me@db:5433/shop'
    """
    given = {key: str(value) for key, value in conninfo.conninfo_to_dict(dsn).items()}
    user = f"{given['user']}@" if given.get("user") else ""
    # The rest of a password may have been taken for the host or the port: settings.check_conninfo refuses those.
    host = given.get("host") or given.get("hostaddr") or (f"service {given['service']}" if "service" in given else "")
    port = f":{given['port']}" if given.get("port") else ""
    return f"{user}{host or 'local socket'}{port}/{given.get('dbname', '')}".rstrip("/")


def connected_to(conn: Connection) -> str:
    """Return where a connection really leads, whoever named it: `user@host:port/dbname`."""
    info = conn.info
    return describe(conninfo.make_conninfo("", user=info.user, host=info.host, port=info.port, dbname=info.dbname))


def become_replica(conn: Connection) -> bool:
    """Keep foreign keys and triggers from acting in this transaction. Returns whether the role may."""
    try:
        with conn.transaction():
            conn.execute(REPLICA)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def flush(conn: Connection) -> None:
    """Have the server write down durably, at once, what it has logged so far: the end of a transaction that was undone.

    After a crash that forgets how a transaction ended which made an unlogged table, the server does not start again:
    "could not create file …: File exists" (up to 18.6 at least). It has removed the table's files, but is told to make
    one of them.
    """
    with suppress(psycopg.errors.InsufficientPrivilege), conn.transaction():
        conn.execute("SET LOCAL synchronous_commit = local; SELECT pg_logical_emit_message(true, 'replicator', '')")
