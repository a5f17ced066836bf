"""Whenever a signal comes, the command ends with 130 and, with JSON, with one document that says so."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from replicator import signals
from tests.fix_cli import COMMAND, Result, Start, environment, refuses, until
from tests.test_schema import checked

INTERRUPTED = 130
HOW = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WAITING = ("check", "--json", "host=127.0.0.1 port=1 dbname=x", "--wait-delay", "60")
SAID = {signal.SIGINT: "Interrupted."} | {number: f"Ended by {number.name}." for number in HOW[1:]}
HANGS = "import sys, time\nsys.stderr.write('loading\\n')\nsys.stderr.flush()\ntime.sleep(60)"


def hanging(start: Start, folder: Path, module: str, how: signal.Signals, *arguments: str) -> Result:
    """Send a signal while a module loads that never ends doing so; return what the command wrote but for its mark."""
    (folder / f"{module}.py").write_text(HANGS)
    process = start(*arguments, PYTHONPATH=os.pathsep.join([str(folder), *filter(None, sys.path)]))
    process.says("loading")
    process.send(how)
    result = process.ends(10)
    return Result(result.code, result.out, result.err.replace("loading\n", ""))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("module", ["click", "psycopg_binary"])
def test_a_signal_while_modules_load(how: signal.Signals, module: str, start: Start, tmp_path: Path) -> None:
    """The driver takes any exception in its own import for a missing library."""
    ended = hanging(start, tmp_path, module, how, "status", "host=127.0.0.1 port=1 dbname=x", "--json")
    document = checked("status", ended)
    assert (document["exit_code"], document["error"]["message"]) == (INTERRUPTED, SAID[how])
    assert [json.loads(line)["event"] for line in ended.err.splitlines()] == ["error"]


def test_a_signal_while_modules_load_for_people(start: Start, tmp_path: Path) -> None:
    refuses(hanging(start, tmp_path, "psycopg_binary", signal.SIGTERM, "status", "dbname=x"), INTERRUPTED, "SIGTERM")


@pytest.mark.parametrize("how", HOW)
def test_nothing_but_json_after_a_signal(how: signal.Signals, start: Start) -> None:
    process = start(*WAITING)
    process.says("attempt")
    process.send(how)
    result = process.ends(5)
    assert checked("check", result)["error"]["message"] == SAID[how]
    assert json.loads(result.err.splitlines()[-1])["exit_code"] == INTERRUPTED


def test_a_second_signal_does_not_tear_the_document() -> None:
    """Nobody reads the pipe when it comes, so the document is being written still."""
    reader, writer = os.pipe()
    room = bytes(os.fpathconf(writer, "PC_PIPE_BUF"))
    os.set_blocking(writer, False)
    filled = 0
    while filled % len(room) == 0 and (wrote := _write(writer, room)):
        filled += wrote
    os.set_blocking(writer, True)
    arguments = [*COMMAND, "clone", *WAITING[1:], "host=127.0.0.1 port=1 dbname=y"]
    with subprocess.Popen(arguments, stdout=writer, stderr=subprocess.PIPE, env=environment(), text=True) as process:
        os.close(writer)
        assert process.stderr
        for word in ("waiting", "finished"):
            until(lambda word=word: word in process.stderr.readline())
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)  # until it is where it cannot go on
        process.send_signal(signal.SIGTERM)
        with os.fdopen(reader, "rb") as pipe:
            document = json.loads(pipe.read()[filled:])
        assert document["exit_code"] == process.wait(10) == INTERRUPTED
        assert [json.loads(line)["event"] for line in process.stderr] == ["error"]


def _write(handle: int, data: bytes) -> int:
    try:
        return os.write(handle, data)
    except BlockingIOError:
        return 0


def test_a_signal_while_the_command_starts_again_to_hide_a_secret(start: Start, tmp_path: Path) -> None:
    """Until its handlers are there again, signals wait."""
    early = "import os, signal\nif '_REPLICATOR_ARGUMENT_2' in os.environ: os.kill(os.getpid(), signal.SIGTERM)"
    (tmp_path / "sitecustomize.py").write_text(early)
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    result = start("status", "postgresql://me:sesame@127.0.0.1:1/x", "--json", PYTHONPATH=path).ends()
    assert checked("status", result)["error"]["message"] == SAID[signal.SIGTERM]


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in HOW}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_what_nohup_has_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals.catch()
    signal.raise_signal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        signal.raise_signal(signal.SIGTERM)
    signals.ignore()
    signal.raise_signal(signal.SIGTERM)


def test_an_interrupt_within_exec_does_not_become_the_end(tmp_path: Path) -> None:
    """Every dataclass has one, so this happens while modules load; Python then ends by SIGINT, not with our code."""
    script = """if True:
        import sys
        from replicator import signals
        try:
            exec("raise KeyboardInterrupt")
        except KeyboardInterrupt:
            signals.ignore()
            sys.exit(130)
    """
    (tmp_path / "interrupted.py").write_text(script)
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    command = [sys.executable, "-m", "interrupted"]  # as replicator is run: `python -c` does not look
    assert subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode == INTERRUPTED
