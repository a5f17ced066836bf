"""Whether a server is there: by trying to connect, until it answers or never will."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from replicator import events
from replicator.checks.facts import Facts, measured, read_facts
from replicator.errors import ConnectionFailed, NotReady, Pooled
from replicator.events import Emit
from replicator.sessions import postgres
from replicator.sessions.postgres import Connection

REMEDIES = (
    (r"no password supplied", "Give the password in ~/.pgpass or in PGPASSWORD."),
    (r"password authentication failed", "Correct the password: in the URL, in ~/.pgpass or in PGPASSWORD."),
    (r"pg_hba\.conf", "Its administrator allows this host, user and database in pg_hba.conf."),
    (
        r"not currently accepting connections",
        "In another database: ALTER DATABASE … ALLOW_CONNECTIONS true; A source that is frozen for a move by"
        " default_transaction_read_only, or CONNECTION LIMIT 0, can be read: --thaw does not copy these.",
    ),
    (
        r"too many connections for database",
        "0 lets in superusers alone: connect as one, or ALTER DATABASE … CONNECTION LIMIT -1;",
    ),
    (r"temp_file_limit", "Raise that limit: ALTER ROLE … RESET temp_file_limit; (as a superuser)."),
)
ABSENT = re.compile(r'database ".*" does not exist')


def wait(server: str, dsn: str, *, attempts: int, delay: float, emit: Emit, absent: str = "") -> Facts:
    """Wait until the server answers, as `answering` does. Returns what there is to know of it, the size included."""
    with answering(server, dsn, attempts=attempts, delay=delay, emit=emit, absent=absent) as (conn, facts):
        return measured(facts, conn)


@contextmanager
def answering(
    server: str, dsn: str, *, attempts: int, delay: float, emit: Emit, absent: str = ""
) -> Iterator[tuple[Connection, Facts]]:
    """Try to connect until the server answers, and lend that connection.

    Raises NotReady when it never does, ConnectionFailed when it never will, Pooled where a pooler stands in between,
    UsageError where no database is named. `server` is the word for it: source or destination; `delay`: seconds;
    `absent`: what to say of a database that does not exist.
    """
    where = postgres.describe(dsn)
    with ExitStack() as stack:
        for attempt in range(1, attempts + 1):
            try:
                conn = stack.enter_context(postgres.connect(dsn, application="probe"))
                postgres.database_name(dsn)  # which has to be named
                facts = read_facts(conn)
                break
            except Pooled as error:
                raise Pooled(f"the {server}") from error
            except (psycopg.OperationalError, psycopg.ProgrammingError, UnicodeError) as error:
                stack.close()
                reason = postgres.one_line(error).split(" Is the server running", 1)[0]  # libpq asks; we are about to
                if not postgres.may_pass(error):
                    refused = f"The {server} {where} refuses the connection: {reason}"
                    raise ConnectionFailed(refused, hint=_remedy(server, reason, absent)) from error
                if attempt == attempts:
                    raise NotReady(
                        f"The {server} {where} was not ready after {attempts} attempt{'s' * (attempts > 1)}: {reason}",
                        hint=_remedy(server, reason, absent)
                        or "Check host and port; --wait-attempts and --wait-delay allow it more time.",
                    ) from error
                emit(events.Waiting(server, where, attempt, attempts, delay, reason))
                time.sleep(delay)
        else:
            raise NotReady(f"The {server} {where} was not tried: --wait-attempts is less than 1.")
        emit(events.Ready(server, postgres.connected_to(conn), facts.version))
        yield conn, facts


def _remedy(server: str, reason: str, absent: str) -> str | None:
    """Return what helps, if a refusal tells: a database that is missing on the source nobody can make."""
    if ABSENT.search(reason):
        makes = ", or have `clone --create` make it" if server == "destination" else ""
        return absent or f"Correct its name{makes}."
    return next((remedy for pattern, remedy in REMEDIES if re.search(pattern, reason)), None)
