"""The cost of a command: wall time, and CPU time and memory of all its processes."""

import contextlib
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SHORTEST_SECONDS, SAMPLE_SECONDS = 0.005, 0.1
LONGEST_SECONDS = 3600.0
TOLD_BYTES = 300


class Failed(Exception):
    """A command failed."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The cost of one run: wall and CPU seconds, and bytes of the largest process and of all at one time.

    `servers`: seconds of both servers' backends; `trips`: round trips, where they are counted.
    """

    wall: float
    cpu: float = 0.0
    largest: int = 0
    total: int = 0
    servers: float = 0.0
    trips: int = 0


def run(command: list[str], folder: Path, environment: dict[str, str]) -> Usage:
    """Run a command in this folder, stdout into its file `out`. Raises Failed with the end of its stderr."""
    largest = total = 0
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        began = time.monotonic()
        # A session of its own: a failing pgcopydb kills its whole process group.
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    ended = os.pidfd_open(process.pid)
    try:
        pause = SHORTEST_SECONDS
        while not select.select([ended], [], [], pause)[0]:
            pause = min(pause * 2, SAMPLE_SECONDS)
            peaks, shares = zip(*map(_memory, _family(process.pid)), strict=True)
            largest, total = max(largest, *peaks), max(total, sum(shares))
            if time.monotonic() - began > LONGEST_SECONDS:
                raise Failed(f"still running after {LONGEST_SECONDS:.0f} s")
        wall = time.monotonic() - began
        _, status, usage = os.wait4(process.pid, 0)  # including all children that it waited for
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        os.close(ended)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        said = (folder / "err").read_text(errors="replace")[-TOLD_BYTES:]
        raise Failed(f"exit {process.returncode}: {' '.join(said.split())}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, largest, max(total, largest))


def _family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += [int(child) for child in (task / "children").read_text().split()]
    return [pid] + [member for child in children for member in _family(child)]


def _memory(pid: int) -> tuple[int, int]:
    """Return a process's peak and its current proportional share (a shared page counts once for all), in bytes.

    Not getrusage's ru_maxrss: a child's begins with the size of the process that started it.
    """
    found = {"VmHWM": 0, "Pss": 0}
    for file in ("status", "smaps_rollup"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in found:
                    found[name] = int(value.split()[0]) * 1024
    return found["VmHWM"], found["Pss"]
