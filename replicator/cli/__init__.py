"""The command line: the only place that reads arguments and environment, installs signal handlers and exits.

stdout holds results, stderr progress and errors: one paragraph, the way out, and a traceback only with --debug.
"""

import logging
import re
import signal
import sys
from typing import NoReturn

import click

from replicator.cli.commands import COMPLETE, cli
from replicator.cli.invocation import Common
from replicator.cli.last_words import last_words
from replicator.cli.meant import HELP, option_meant
from replicator.cli.streams import take_over
from replicator.errors import Interrupted, ReplicatorError, ResultLost, StepFailed, UsageError

UNTOLD = "Try again. `status` tells whether a clone is unfinished, and how to continue it."
DEFECT = 70  # EX_SOFTWARE of sysexits.h
ITS_OUTPUT_IS_WANTED = ("plan", "check", "status", "config", "completion", "help")
"""The commands that do nothing but say something; the exit code of all others tells what became of the databases."""


def main() -> None:
    """Run the command line and exit."""
    out = take_over()
    signal.signal(signal.SIGTERM, _on_sigterm)
    logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what it warns of, we raise
    common = Common()
    try:
        code = cli.main(
            standalone_mode=False, complete_var=COMPLETE, obj=common
        )  # what a command returns, or the code of an Exit
        sys.stdout.flush()
        if not code and out.error and (common.output == "json" or common.command in ITS_OUTPUT_IS_WANTED):
            raise ResultLost(f"The result could not be written: {out.error.strerror}.")
    except UsageError as error:
        leave(UsageError(without_connection(str(error))), error.exit_code, error.hint, common)
    except ReplicatorError as error:
        leave(error, error.exit_code, error.hint, common)
    except click.NoSuchOption as error:
        hint = option_meant(error.option_name, cli.commands, error.possibilities or ())
        leave(UsageError(f"No such option: {error.option_name}."), UsageError.exit_code, hint, common)
    except click.ClickException as error:
        leave(UsageError(without_connection(error.format_message())), UsageError.exit_code, HELP, common)
    except (KeyboardInterrupt, click.Abort):
        leave(Interrupted(), Interrupted.exit_code, None, common)
    except Exception as error:
        if _is_of_a_server(error):
            leave(error, StepFailed.exit_code, UNTOLD, common)
        leave(error, DEFECT, "This is a bug in replicator. Please report it with the output of --debug.", common)
    sys.exit(code if isinstance(code, int) else 0)


def _is_of_a_server(error: Exception) -> bool:
    driver = sys.modules.get("psycopg")  # not loaded: no server was asked
    return driver is not None and isinstance(error, driver.Error)


def leave(error: BaseException, code: int, hint: str | None, common: Common) -> NoReturn:
    """Say what failed and what to do, on stderr, and exit."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # nothing is left to be interrupted but these words
    last_words(error, code, hint, common)
    sys.exit(code)


def without_connection(text: str) -> str:
    """Cut off a message where it quotes a connection string, which was given in the wrong place and may be misspelled.

    >>> without_connection("Got unexpected extra argument (postgres://me:a b@db/shop)")
    'Got unexpected extra argument (…'
    """
    return re.sub(r"(?:\w*:/|\S*pass\w*\s*=).*", "…", text, flags=re.DOTALL | re.IGNORECASE)


def _on_sigterm(signum: int, frame: object) -> None:
    raise Interrupted("Ended by SIGTERM.")
