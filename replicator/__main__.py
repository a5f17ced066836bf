"""`python -m replicator`, and the command `replicator`."""

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

from replicator import signals

INTERRUPTED = 130  # as errors.Interrupted, which may not be loaded yet


def main() -> None:
    """Run the command line and exit."""
    signals.catch()  # before anything that takes time is loaded
    try:
        from replicator.argv import hide_secrets

        hide_secrets()
        gc.disable()  # what is loaded stays: looking at it took a quarter of the time, 0.05 s
        from replicator.cli import main as run

        gc.freeze()
        gc.enable()
        run()
    except KeyboardInterrupt as error:  # `run` takes those that come later
        signals.ignore()
        _end_early(str(error) or "Interrupted.")


def _end_early(message: str) -> NoReturn:
    """Exit; with JSON, write what programs wait for. What was to be loaded may hang, so it is not needed here."""
    from replicator.argv import command_for_json

    command = command_for_json()
    if command is not None:
        from replicator.show.document import as_json, document, now

        said = {"message": message, "hint": None}
        whole = document(command, ok=False, exit_code=INTERRUPTED, error=said, findings=[], servers={})
        event = as_json({"event": "error", "time": now(), **said, "exit_code": INTERRUPTED})
        for number, text in ((1, whole), (2, event)):
            with suppress(OSError):
                os.write(number, f"{text}\n".encode())
    sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
