"""Commands that start at once: forks of a process that has imported the program already, `python -m tests.forks`.

Python and its imports take longer than a clone of a few rows, and the tests run thousands of commands. A fork is the
same program: a process and a session of its own, with its own arguments, environment, folder and files.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import replicator


class Order(NamedTuple):
    """What is asked for, a line of JSON each; the answer is a line with the process id."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str  # where `out` and `err` go, and in the end `code`, as subprocess has it


class Forked:
    """A command that runs: what of subprocess.Popen the tests need."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid = pid
        self._code = folder / "code"

    def poll(self) -> int | None:
        return int(self._code.read_text()) if self._code.exists() else None

    def wait(self, seconds: float | None = None) -> int:
        deadline = time.monotonic() + seconds if seconds is not None else None
        while (code := self.poll()) is None:
            if deadline and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("replicator", seconds or 0)
            time.sleep(0.005)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended since
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """The process that forks, started when first wanted."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def start(self, arguments: tuple[str, ...], environment: dict[str, str], folder: Path) -> Forked:
        if not self._process:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forks"],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        order = Order(list(arguments), environment, str(folder))
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()), folder)

    def stop(self) -> None:
        if self._process:
            self._process.communicate()  # which closes its input: no more orders


def serve() -> Order | None:
    """Fork for each order. Returns in each fork, with its order, and at the end of the orders with None."""
    orders, running, poll = b"", {}, select.poll()
    poll.register(0, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            if ready in running:
                poll.unregister(ready)
                pid, folder = running.pop(ready)
                os.close(ready)
                _report(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), folder)
                continue
            if not (more := os.read(0, 65536)):
                return None
            *lines, orders = (orders + more).split(b"\n")
            for line in lines:
                order = Order(*json.loads(line))
                if not (pid := os.fork()):
                    return order
                handle = os.pidfd_open(pid)
                running[handle] = pid, Path(order.folder)
                poll.register(handle, select.POLLIN)
                os.write(1, f"{pid}\n".encode())


def _report(code: int, folder: Path) -> None:
    if folder.exists():
        whole = folder / "code.new"
        whole.write_text(str(code))
        whole.rename(folder / "code")


def become(order: Order) -> None:
    """Make this process what a shell would have started: no terminal, its own files and environment."""
    os.setsid()
    os.chdir(order.folder)
    writing = os.O_WRONLY | os.O_CREAT
    for number, (name, flags) in enumerate(((os.devnull, os.O_RDONLY), ("out", writing), ("err", writing))):
        handle = os.open(name, flags)
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(order.environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sys.argv = ["replicator", *order.arguments]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]


def import_all() -> None:
    """Import what commands import when they need it: each fork has it then."""
    for module in pkgutil.walk_packages(replicator.__path__, "replicator."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.freeze()


if __name__ == "__main__":
    from replicator.__main__ import main

    import_all()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the tests' terminal is pytest's
    if order := serve():
        become(order)
        main()
