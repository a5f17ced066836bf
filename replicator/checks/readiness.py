"""Does a server answer? Try to connect until it does, or until it is clear that it never will."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from replicator import events
from replicator.checks.facts import Facts, measured, read_facts
from replicator.errors import ConnectionFailed, NotReady, Pooled
from replicator.events import Emit, counted
from replicator.sessions import failures, postgres
from replicator.sessions.postgres import Connection
from replicator.sessions.watch import current

AT = re.compile(
    r'^(?:connection failed: )?connection to server (?:at|on socket) "[^"]*"(?: \([^)]*\))?(?:, port \d+)? failed: '
    r"(?:FATAL: +|ERROR: +)?"
)
"""How libpq begins: with the address, which the message names already."""
ABSENT = re.compile(r'database "(.*)" does not exist', re.DOTALL)
NOT_POSTGRESQL = re.compile(r"expected authentication request|invalid response to (SSL|GSSAPI) negotiation")
UNRESOLVED = re.compile(
    r"(?:could not translate host name|failed to resolve host) ['\"]([^'\"]*)['\"]"
    r"(?: to address)?: (?:\[Errno -?\d+\] )?(.*)"
)
PASSWORD_FILE = "~/.pgpass (chmod 600; PGPASSFILE names another file)"
REMEDIES = (
    (r"no password supplied", f"Put it in {PASSWORD_FILE}, in PGPASSWORD, or in the URL."),
    (r"password authentication failed", f"Correct user or password: in the URL, in {PASSWORD_FILE}, or in PGPASSWORD."),
    (r'role ".*" does not exist', "Correct the user name in the URL."),
    (r"pg_hba\.conf", "Ask its administrator to allow this host, user and database in pg_hba.conf."),
    (
        r"not currently accepting connections",
        "In another database, run: ALTER DATABASE … ALLOW_CONNECTIONS true; To freeze a source for a move, use"
        " default_transaction_read_only or CONNECTION LIMIT 0, with which it can be read: --thaw does not copy these.",
    ),
    (
        r"too many connections for database",
        "A limit of 0 admits superusers only: connect as one, or run: ALTER DATABASE … CONNECTION LIMIT -1;",
    ),
    (r"temp_file_limit", "Raise that limit as a superuser: ALTER ROLE … RESET temp_file_limit;"),
    (r"does not support SSL|SSL error|certificate|sslmode", "Check sslmode, sslrootcert and the certificates."),
)


def wait(server: str, dsn: str, *, attempts: int, delay: float, emit: Emit, absent: str = "") -> Facts:
    """Wait until the server answers, as `answering` does. Returns the facts about the database with its size."""
    with answering(server, dsn, attempts=attempts, delay=delay, emit=emit, absent=absent) as (conn, facts):
        return measured(facts, conn)


@contextmanager
def answering(
    server: str, dsn: str, *, attempts: int, delay: float, emit: Emit, absent: str = ""
) -> Iterator[tuple[Connection, Facts]]:
    """Try to connect until the server answers, and lend that connection.

    Raises NotReady if it does not answer in time, ConnectionFailed if it refuses for good, Pooled if a pooler is in
    between, UsageError if no database is named. `server`: source or destination; `delay`: seconds between attempts;
    `absent`: the hint if the database does not exist.
    An unknown host is retried, too: the name of a container is known only once it has started.
    """
    where = postgres.describe(dsn)
    with ExitStack() as stack:
        for attempt in range(1, attempts + 1):
            try:
                conn = stack.enter_context(postgres.connect(dsn, application="probe"))
                postgres.database_name(dsn)  # raises UsageError if there is none
                facts = read_facts(conn)
                break
            except Pooled as error:
                raise Pooled(f"the {server}") from error
            except (psycopg.OperationalError, psycopg.ProgrammingError, UnicodeError) as error:
                stack.close()
                reason = _reason(error)
                if not failures.may_pass(error):
                    if ABSENT.search(reason):
                        postgres.database_name(dsn)  # raises UsageError if there is none: the name is the user's
                    raise _refused(server, where, reason, absent) from error
                if attempt == attempts:
                    raise NotReady(
                        f"The {server} ({where}) did not answer in {counted(attempts, 'attempt')}: {reason}",
                        hint=_remedy(reason) or _patience(reason),
                    ) from error
                emit(events.Waiting(server, where, attempt, attempts, delay, reason))
                current().sleep(delay)
        else:
            raise NotReady(f"The {server} ({where}) was not tried: --wait-attempts is less than 1.")
        emit(events.Ready(server, postgres.connected_to(conn), facts.version))
        yield conn, facts


def _reason(error: Exception) -> str:
    """Return why no connection was made: once, and without the address."""
    text = AT.sub("", failures.one_line(error).split(" Is the server running", 1)[0])
    if found := UNRESOLVED.search(text):
        return f'cannot resolve host "{found[1]}" ({found[2].rstrip(".")}).'
    text = text.replace("fe_sendauth: no password supplied", "no password supplied").rstrip(".")
    return f"{text}."


def _refused(server: str, where: str, reason: str, absent: str) -> ConnectionFailed:
    """Return the error for a server that will never let this user in as things are."""
    if found := ABSENT.search(reason):
        hint = "Create it, or add --create to `clone`." if server == "destination" else "Correct the name in the URL."
        return ConnectionFailed(f'The {server} server ({where}) has no database "{found[1]}".', hint=absent or hint)
    if NOT_POSTGRESQL.search(reason):
        text = f"The {server} ({where}) is not a PostgreSQL server: {reason}"
        return ConnectionFailed(text, hint="Correct host and port.")
    return ConnectionFailed(f"Cannot log in to the {server} ({where}): {reason}", hint=_remedy(reason))


def _remedy(reason: str) -> str | None:
    """Return what helps, if the server's message tells."""
    return next((remedy for pattern, remedy in REMEDIES if re.search(pattern, reason)), None)


def _patience(reason: str) -> str:
    check = (
        "Correct the host name" if "cannot resolve" in reason else "Check host and port, and that the server is running"
    )
    return f"{check}; if it needs more time to start, raise --wait-attempts or --wait-delay."
