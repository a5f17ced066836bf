"""Only the data steps of one clone: `python -m benchmarks.data_step` with the options of `clone`.

Prints wall and CPU seconds from the start of the first data step to the end of the last one. With one job nothing else
runs meanwhile. The start of Python and reading the catalogs do not count.
"""

import json
import sys
import time

from replicator.cli.chosen import both
from replicator.cli.commands import clone_command
from replicator.events import Done, Event, Started
from replicator.model import Phase
from replicator.runs.clone import clone


def main() -> None:
    """Clone, and print the figures as JSON."""
    options = clone_command.make_context("clone", sys.argv[1:]).params
    del options["output"]
    moments: list[tuple[float, float]] = []

    def emit(event: Event) -> None:
        if isinstance(event, Started | Done) and event.phase is Phase.DATA:
            moments.append((time.monotonic(), time.process_time()))

    clone(both(**options), emit)
    (began, used), (ended, used_then) = moments[0], moments[-1]
    print(json.dumps({"wall": ended - began, "cpu": used_then - used}))


if __name__ == "__main__":
    main()
