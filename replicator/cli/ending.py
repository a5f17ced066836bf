"""How a command ends: its exit code, what to do next, and its document. Decided here alone."""

import re
import sys
from typing import Any, NamedTuple

import click

from replicator import signals
from replicator.cli.findings import findings_as_data
from replicator.cli.invocation import Common
from replicator.cli.meant import HELP, option_meant
from replicator.errors import Interrupted, PreflightFailed, ReplicatorError, StepFailed, UsageError
from replicator.events import one_line
from replicator.secrets import without_secrets
from replicator.show.document import document

UNTOLD = "Try again. `status` tells whether a clone is unfinished, and how to continue it."
DEFECT = 70  # EX_SOFTWARE of sysexits.h
REPORT_IT = "This is a bug in replicator. Please report it with the output of --debug."


class Ending(NamedTuple):
    """The error that a command ended with: its words on one line, what to do next, and the exit code."""

    message: str
    hint: str | None
    code: int


def ending(error: BaseException) -> Ending:
    """Return how a command ends with this error."""
    hint: str | None
    match error:
        case UsageError():
            message, hint, code = _message_of(without_connection(str(error))), error.hint, error.exit_code
        case ReplicatorError():
            message, hint, code = _message(error), error.hint, error.exit_code
        case click.NoSuchOption():
            commands = error.ctx.find_root().command if error.ctx else None
            known = commands.commands if isinstance(commands, click.Group) else {}
            hint = option_meant(error.option_name, known, error.possibilities or ())
            message, code = f"No such option: {error.option_name}.", UsageError.exit_code
        case click.ClickException():
            message, hint, code = _message_of(without_connection(error.format_message())), HELP, UsageError.exit_code
        case KeyboardInterrupt() | click.Abort():
            message, hint, code = str(Interrupted(str(error))), None, Interrupted.exit_code
        case _ if _is_of_a_server(error):
            message, hint, code = _message(error), UNTOLD, StepFailed.exit_code
        case _:
            message, hint, code = _message(error), REPORT_IT, DEFECT
    message = one_line(message)
    stop = "" if message.endswith((".", "!", "?")) else "."
    return Ending(f"{message}{stop}", hint and one_line(hint), code)


def ending_as_data(error: BaseException | None) -> dict[str, Any]:
    """Return what the document of a command has of its end; None: it succeeded."""
    if error is None:
        return {"exit_code": 0, "error": None, "findings": []}
    end = ending(error)
    findings = error.findings if isinstance(error, PreflightFailed) else ()
    said = {"message": end.message, "hint": end.hint}
    return {"exit_code": end.code, "error": said, "findings": findings_as_data(findings)}


def write_document(common: Common, error: BaseException | None = None, **fields: Any) -> None:
    """Write the one document of a command to stdout; `fields` win over what its end says."""
    signals.ignore()
    common.documented = True
    end = ending_as_data(error)
    click.echo(document(common.command, **{"ok": error is None} | end | fields))


def _message(error: BaseException) -> str:
    if "psycopg" not in sys.modules:  # to load it takes as long as all else, and no server was asked
        return _message_of(str(error) or type(error).__name__)
    from replicator.sessions import failures

    return failures.one_line(error)


def _message_of(text: str) -> str:
    return " ".join(without_secrets(text).split())


def without_connection(text: str) -> str:
    """Cut off a message where it quotes a connection string, which was given in the wrong place and may be misspelled.

    >>> without_connection("Got unexpected extra argument (postgres://me:a b@db/shop)")
    'Got unexpected extra argument (…'
    """
    return re.sub(r"(?:\w*:/|\S*pass\w*\s*=).*", "…", text, flags=re.DOTALL | re.IGNORECASE)


def _is_of_a_server(error: BaseException) -> bool:
    driver = sys.modules.get("psycopg")  # not loaded: no server was asked
    return driver is not None and isinstance(error, driver.Error)
