"""What an error means: the server and step it happened in, whether a retry may help, and what the user can do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from replicator.errors import ReplicatorError, SourceChanged, StepFailed, Undone
from replicator.model import Step
from replicator.secrets import without_secrets

# A failed connection has no SQLSTATE, only a message. Errors known to be permanent are not retried; all others may be
# temporary: a server that starts, stops or has no free slot, in whatever language it reports that.
FOR_GOOD = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|pg_hba\.conf rejects|not permitted to log in"
    r'|(database|role|user) "(?s:.*)" does not exist|permission denied for database|not currently accepting connections'
    r"|cannot connect to invalid database|no such (database|user)|auth failed|Tenant or user not found"
    # Settings of the database or the role.
    r'|could not access file|access to library ".*" is not allowed|parameter ".*" cannot be|permission denied to set'
    r"|unrecognized configuration parameter|unsupported (frontend protocol|startup parameter)"
    r"|does not support SSL|GSSAPI|SSL error: (?!unexpected eof|SSL_ERROR_SYSCALL)|certificate|private key|sslmode"
    r"|expected authentication request|invalid response to|authentication method|channel binding|SCRAM"
    r"|[Ss]ervice .*not found|definition of service|could not match|Servname not supported|idna"
    r"|invalid (port|integer|value|connection option|.* value)|could not (load|parse)",
)
PASSING = re.compile(r"08...|57P0[1235]|25P0[34]|53300|40001|40P01|55P03")
"""SQLSTATEs of temporary errors: lost or refused connections, shutdowns, conflicts, locks.

Timeouts that end a session are among them: our sessions have none, except before they are set up.
"""
WITHOUT_VALUES = ("08", "25", "28", "40", "42", "53", "55", "57", "58", "23514", "23502", "22001", "22012")
"""SQLSTATEs, or their beginnings, whose messages have no value of a row in them."""
OF_CONFLICTS = ("40001", "40P01", "57P04")
"""SQLSTATEs of a standby's recovery conflicts. Serialization failures and deadlocks use them, too."""


def may_pass(error: BaseException) -> bool:
    """Return whether a retry may help: after a lost connection, or one that could not be opened for the moment."""
    if isinstance(error, StepFailed):
        return error.__cause__ is not None and may_pass(error.__cause__)
    if isinstance(error, psycopg.Error) and error.sqlstate:
        if error.sqlstate.startswith("08") and error.diag.severity_nonlocalized == "ERROR":
            return False  # the session is alive: the statement could not reach a foreign server
        return bool(PASSING.fullmatch(error.sqlstate))
    if isinstance(error, psycopg.OperationalError):
        return not FOR_GOOD.search(str(error))
    return isinstance(error, ConnectionError | TimeoutError)


@contextmanager
def on(server: str) -> Iterator[None]:
    """Add a note to an error: the server it happened on, unless it has one."""
    try:
        yield
    except psycopg.Error as error:
        if not getattr(error, "__notes__", None):
            error.add_note(f"on the {server}")
        raise


@contextmanager
def without_values(masked: bool) -> Iterator[None]:
    """Replace an error of the source, if it reads masked rows: its message may have a value in it."""
    try:
        yield
    except psycopg.Error as error:
        elsewhere = "on the destination" in getattr(error, "__notes__", ())
        if not masked or elsewhere or error.sqlstate is None or error.sqlstate.startswith(WITHOUT_VALUES):
            raise
        other = type(error)(f"{silenced(error)}.")
        other.add_note("on the source")
        raise other from None


def silenced(error: psycopg.Error) -> str:
    """Return what an error of the source says, without values."""
    if (error.sqlstate or "").startswith(WITHOUT_VALUES):
        return f"{error.diag.message_primary} [{error.sqlstate}]"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower().rstrip("_")
    return f"{words} [{error.sqlstate}]; the message is not shown, since it may have values of the source in it"


CONFLICT = (
    "The source is a standby, whose recovery cancelled the query. Run on the standby: ALTER SYSTEM SET"
    " hot_standby_feedback = on; (or SET max_standby_streaming_delay = -1;) then SELECT pg_reload_conf(); Or clone from"
    " the primary."
)


def conflicts(error: BaseException) -> bool:
    """Return whether a standby ended a statement or a session because of a recovery conflict."""
    return getattr(error, "sqlstate", None) in OF_CONFLICTS and "recovery" in str(error)


def remedy(error: BaseException) -> str | None:
    """Return what the user can do about a server's error, if known."""
    if conflicts(error):
        return CONFLICT
    match getattr(error, "sqlstate", None):
        case "53100":
            notes = getattr(error, "__notes__", ["on the destination"])
            return f"The {notes[-1].removeprefix('on the ')}'s disk is full: free some space there."
        case "53400":
            return "A limit of the role is too low. Run as a superuser: ALTER ROLE … RESET temp_file_limit;"
        case "42501" if isinstance(error, psycopg.Error) and error.diag.source_function == "check_enable_rls":
            return (
                "Row security hides rows from the role that reads them. Run there as a superuser, for that role:"
                " ALTER ROLE … BYPASSRLS;"
            )
        case "42501":
            return "Grant the privilege, or connect as a role that has it."
        case _:
            return None


def one_line(error: BaseException) -> str:
    """Return the server's message as one line: primary, detail, hint; never a password.

    >>> one_line(ValueError("bad conninfo: password='a b' host=x"))
    'bad conninfo: password=*** host=x'
    """
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        diag = error.diag
        parts = [f"{diag.message_primary} [{diag.sqlstate}]", diag.message_detail, diag.message_hint, diag.context]
        text = ". ".join(part.rstrip(".") for part in parts if part) + "."
    else:
        text = str(error) or type(error).__name__
    if notes := getattr(error, "__notes__", None):
        text = f"{notes[-1]}: {text}"  # the server, see `on`
    return " ".join(without_secrets(text).split())


def violation(error: BaseException | None) -> str:
    """Return which row violates a foreign key, in a server's words that fit into a sentence: key, value, and table."""
    detail = error.diag.message_detail if isinstance(error, psycopg.Error) else None
    return " ".join((detail or str(error)).split())


@contextmanager
def naming(step: Step) -> Iterator[None]:
    """Name the step in every error."""
    try:
        yield
    except (StepFailed, Undone, SourceChanged):
        raise
    except (psycopg.Error, ReplicatorError, OSError) as error:
        raise StepFailed(step.name, one_line(error), hint=_hint(error)) from error


def _hint(error: Exception) -> str | None:
    return error.hint if isinstance(error, ReplicatorError) else remedy(error)
