"""The command line: the only place that reads arguments and environment, installs signal handlers and exits.

stdout holds results, stderr progress and errors: one paragraph, the way out, and a traceback only with --debug.
"""

import json
import logging
import re
import signal
import sys
import textwrap
import traceback

import click
import psycopg

from replicator.cli.commands import cli
from replicator.cli.findings import findings_as_data, findings_as_lines, remedy_as_lines
from replicator.cli.meant import HELP, option_meant
from replicator.cli.options import Common
from replicator.cli.streams import take_over
from replicator.errors import Interrupted, PreflightFailed, ReplicatorError, ResultLost, StepFailed, UsageError
from replicator.events import one_line
from replicator.runs import reading
from replicator.secrets import of_traceback
from replicator.sessions import postgres

UNTOLD = "Try again; `status` tells whether a clone into the destination is unfinished, and how to go on."
DEFECT = 70  # EX_SOFTWARE of sysexits.h
ITS_OUTPUT_IS_WANTED = ("plan", "probe", "status")
"""The commands that do nothing but say something; the exit code of all others tells what became of the databases."""


def main() -> None:
    """Run the command line and exit."""
    out = take_over()
    signal.signal(signal.SIGTERM, _on_sigterm)
    logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what it warns of, we raise
    reading.own_process.set(True)
    common = Common()
    try:
        code = cli.main(standalone_mode=False, obj=common)  # what a command returns, or the code of an Exit
        sys.stdout.flush()
        if not code and out.error and (common.output == "json" or common.command in ITS_OUTPUT_IS_WANTED):
            raise ResultLost(f"The result could not be written: {out.error.strerror}.")
    except UsageError as error:
        leave(UsageError(without_connection(str(error))), error.exit_code, error.hint, common)
    except ReplicatorError as error:
        leave(error, error.exit_code, error.hint, common)
    except click.NoSuchOption as error:
        hint = option_meant(error.option_name, cli.commands, error.possibilities or ())
        leave(UsageError(f"No such option: {error.option_name}"), UsageError.exit_code, hint, common)
    except click.ClickException as error:
        leave(UsageError(without_connection(error.format_message())), UsageError.exit_code, HELP, common)
    except (KeyboardInterrupt, click.Abort):
        leave(Interrupted(), Interrupted.exit_code, None, common)
    except psycopg.Error as error:
        leave(error, StepFailed.exit_code, UNTOLD, common)
    except Exception as error:
        leave(error, DEFECT, "This is a defect of replicator: please report it with what --debug shows.", common)
    sys.exit(code if isinstance(code, int) else 0)


def leave(error: BaseException, code: int, hint: str | None, common: Common) -> None:
    """Say what failed and what to do, on stderr, and exit."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # nothing is left to be interrupted but these words
    if common.debug:
        click.echo(of_traceback("".join(traceback.format_exception(error))), err=True, nl=False)
    text, hint = one_line(postgres.one_line(error)), hint and one_line(hint)
    text += "" if text.endswith((".", "!", "?")) else "."
    findings = error.findings if isinstance(error, PreflightFailed) else ()
    if common.output == "json":
        document = {"event": "error", "message": text, "hint": hint, "exit_code": code}
        more = {"findings": findings_as_data(findings)} if findings else {}
        click.echo(json.dumps(document | more), err=True)
    else:
        fatal = [finding for finding in findings if finding.fatal]
        if len(fatal) > 1:
            text = f"{len(fatal)} things stand in the way; nothing was written."
        for finding in fatal:
            hint = (hint or "").replace(one_line(finding.remedy), "")  # it stands below, where it can be copied from
        paragraph = " ".join(f"replicator: {text} {hint or ''}".split())
        click.echo(textwrap.fill(paragraph, 100, break_long_words=False, break_on_hyphens=False), err=True)
        below = findings_as_lines(fatal) if len(fatal) > 1 else [line for f in fatal for line in remedy_as_lines(f)]
        click.echo("".join(f"{line}\n" for line in below), err=True, nl=False)
    sys.exit(code)


def without_connection(text: str) -> str:
    """Cut off a message where it quotes a connection string, which was given in the wrong place and may be misspelled.

    >>> without_connection("Got unexpected extra argument (postgres://me:a b@db/shop)")
    'Got unexpected extra argument (…'
    """
    return re.sub(r"(?:\w*:/|\S*pass\w*\s*=).*", "…", text, flags=re.DOTALL | re.IGNORECASE)


def _on_sigterm(signum: int, frame: object) -> None:
    raise Interrupted("Ended by SIGTERM.")
