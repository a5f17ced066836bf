"""The command line: the only place that reads arguments and environment, and exits.

stdout holds results, stderr progress and errors: one paragraph, the way out, and a traceback only with --debug.
"""

import sys
from typing import NoReturn

from replicator import signals
from replicator.cli.commands import COMPLETE, cli
from replicator.cli.ending import ending, write_document
from replicator.cli.invocation import Common
from replicator.cli.last_words import last_words
from replicator.cli.streams import Lossy, take_over
from replicator.errors import ResultLost

ITS_OUTPUT_IS_WANTED = ("plan", "check", "choose", "status", "config", "completion", "help")
"""The commands that do nothing but say something; the exit code of all others tells what became of the databases."""


def main() -> None:
    """Run the command line and exit."""
    out = take_over()
    common = Common()
    try:
        try:
            code = _run(common, out)
        except (Exception, KeyboardInterrupt) as error:
            leave(error, common)
    except KeyboardInterrupt as second:  # just before `leave` ignores it
        leave(second, common)
    sys.exit(code)


def _run(common: Common, out: Lossy) -> int:
    # What a command returns, or the code of an Exit.
    code = cli.main(standalone_mode=False, complete_var=COMPLETE, obj=common)
    sys.stdout.flush()
    signals.ignore()
    if not code and out.error and (common.as_json or common.command in ITS_OUTPUT_IS_WANTED):
        raise ResultLost(f"The result could not be written: {out.error.strerror}.")
    return code if isinstance(code, int) else 0


def leave(error: BaseException, common: Common) -> NoReturn:
    """Say what failed and what to do, on stderr, and exit. With JSON, a command that wrote no document writes one."""
    signals.ignore()  # nothing is left to be interrupted but these words
    if common.as_json and not common.documented:
        write_document(common, error, servers=common.servers)
    sys.stdout.flush()  # the result comes before the error, where both streams lead to one place
    last_words(error, common)
    sys.exit(ending(error).code)
