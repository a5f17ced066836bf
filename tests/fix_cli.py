"""The real command as a process of its own, and servers that a test may stop, fill up and break."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from replicator import events
from replicator.demo.server import Server, reachable_folder
from tests.fix_servers import BINARIES, SETTINGS, WHEEL, Database
from tests.forks import Forked, Forks

NEWEST = WHEEL
"""For what does not depend on the version: the newest that everybody has. Newer ones are for tests of versions."""
COMMAND = [sys.executable, "-m", "replicator"]
SHORT_WAIT = ("--wait-attempts", "2", "--wait-delay", "0.1")
RUN_SECONDS = 60.0
GONE_SECONDS = 5.0
STILL_RUNNING = "still running"

# What an earlier variable of the caller's shell says must not reach the command.
FOREIGN = re.compile(r"^(PG|REPLICATOR_)")


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All of stderr on one line: where paragraphs are wrapped does not matter."""
        return " ".join(self.err.split())

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def runs(result: Result) -> str:
    """Assert that a command succeeded, and return its stdout."""
    assert result.code == 0, str(result)
    assert "Traceback" not in result.err, str(result)
    return result.out


def refuses(result: Result, code: int, *words: str) -> None:
    """Assert that a command ended with this code and, at the end of stderr, one paragraph that has these words."""
    assert result.code == code, str(result)
    assert "Traceback" not in result.out + result.err, str(result)
    before, mark, paragraph = result.err.rpartition("replicator: ")
    assert mark and "replicator: " not in before, f"not one paragraph\n{result}"
    assert "\n\n" not in paragraph.strip(), f"more than one paragraph\n{result}"
    said = " ".join(paragraph.split())
    for word in words:
        assert word in said, f"{word!r} is missing\n{result}"


def notes(seen: Iterable[events.Event]) -> list[str]:
    """Return the texts of notes, but for those of which way the rows went, and of what was compared."""
    texts = [event.text for event in seen if isinstance(event, events.Note)]
    return [text for text in texts if not text.startswith(("Rows ", "Compared: "))]


def is_silent_about(secret: str, *texts: str) -> None:
    """Assert that none of these texts has the secret."""
    for text in texts:
        assert secret not in text, text


def environment(**more: str) -> dict[str, str]:
    """Return the caller's environment without any server that it may name, and these variables."""
    return {name: value for name, value in os.environ.items() if not FOREIGN.match(name)} | {"HOME": "/", **more}


def both(source: Database, destination: Database) -> tuple[str, ...]:
    """Return the flags that name these two databases."""
    return ("--source", source.dsn, "--destination", destination.dsn, *SHORT_WAIT)


class Process:
    """A command that runs while the test goes on. What it writes is in files, so that nothing ever blocks it."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], variables: dict[str, str], forks: Forks) -> None:
        self._out, self._err = folder / "out", folder / "err"
        self._process: Forked | subprocess.Popen[bytes]
        if all(map(FOREIGN.match, variables)):
            self._out.touch()
            self._err.touch()
            self._process = forks.start(arguments, environment(**variables), folder)
            return
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [*COMMAND, *arguments],
                env=environment(**variables),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # no terminal: a prompt has nobody to ask
                # A shell that runs the tests in the background has them ignore SIGINT, nohup SIGHUP: inherited.
                preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)],
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def stderr(self) -> str:
        return self._err.read_text("utf-8")

    def send(self, how: signal.Signals) -> None:
        self._process.send_signal(how)

    def says(self, word: str) -> None:
        """Wait until the word is on stderr."""
        until(lambda: word in self.stderr or self.ended)
        assert word in self.stderr, self.stderr

    def ends(self, seconds: float = RUN_SECONDS) -> Result:
        """Wait for the end and return what it left."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{STILL_RUNNING} after {seconds} s\n{self.stderr}") from None
        return Result(code, self._out.read_bytes().decode(), self.stderr)  # carriage returns as they are

    def kill(self) -> None:
        if not self.ended:
            self._process.kill()
        self._process.wait()


Start = Callable[..., Process]
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    forks = Forks()
    yield forks
    forks.stop()


@pytest.fixture
def start(tmp_path: Path, forks: Forks) -> Iterator[Start]:
    """Start the command: `start("clone", "--jobs", "1", PGPASSFILE="…")`. It is killed at the test's end.

    Another variable than PG… and REPLICATOR_… may matter to Python itself: then Python is started for it.
    """
    processes: list[Process] = []

    def start(*arguments: str, **variables: str) -> Process:
        folder = tmp_path / f"run {len(processes)}"
        folder.mkdir()
        processes.append(Process(folder, arguments, variables, forks))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


@pytest.fixture
def replicator(start: Start) -> Run:
    """Run the command to its end."""
    return lambda *arguments, **variables: start(*arguments, **variables).ends()


def until(true: Callable[[], bool], seconds: float = RUN_SECONDS) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.01)


def sessions(*servers: Server) -> list[tuple]:
    """Return the sessions that the command has on these servers, and what they do."""
    query = """SELECT application_name, state, query FROM pg_stat_activity
                WHERE application_name LIKE 'replicator%' AND pid <> pg_backend_pid()"""
    found = []
    for server in servers:
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            found += conn.execute(query).fetchall()
    return found


def leaves_no_session(*servers: Server) -> None:
    """Assert that soon no session of the command is left on these servers, and no prepared transaction."""
    deadline = time.monotonic() + GONE_SECONDS
    while left := sessions(*servers):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.05)
    for server in servers:
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            assert conn.execute("SELECT gid FROM pg_prepared_xacts").fetchall() == []


def is_empty(database: Database) -> bool:
    """Tell whether a database has nothing of its own."""
    return "CREATE" not in database.dump()


@contextlib.contextmanager
def own_server(bin: Path = BINARIES[NEWEST], **settings: str) -> Iterator[Server]:
    """A server that a test may stop or break."""
    server = Server(bin, reachable_folder("replicator-own-"), {**SETTINGS, **settings})
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def spare() -> Iterator[Server]:
    """A second server, which tests may stop and start: it can have a standby, and role `keyed` needs its password."""
    with own_server(wal_level="replica", max_wal_senders="4") as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            conn.execute("CREATE ROLE keyed LOGIN SUPERUSER PASSWORD 'open sesame'")
            access = server.data / "pg_hba.conf"
            access.write_text(f"host all keyed all scram-sha-256\n{access.read_text()}")
            conn.execute("SELECT pg_reload_conf()")
        until(lambda: not _lets_in(server.conninfo(user="keyed")))
        yield server


def _lets_in(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def spare_database(spare: Server) -> Iterator[Database]:
    """An empty database on the spare server, which runs again at the test's end."""
    name = f"spare_{time.monotonic_ns()}"
    with psycopg.connect(spare.conninfo(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield Database(spare, name, NEWEST)
    if spare.process and spare.process.poll() is not None:
        spare.start()
    with psycopg.connect(spare.conninfo(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def peer(answer: bytes, *, keeps_open: bool = False) -> Iterator[int]:
    """A port where whoever connects gets this answer, whatever he says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        stopped = threading.Event()

        def serve() -> None:
            kept = []
            while not stopped.is_set():
                with contextlib.suppress(TimeoutError, OSError):
                    conn, _ = listener.accept()
                    kept.append(conn)
                    if not keeps_open:
                        conn.settimeout(1)
                        conn.recv(1024)
                        conn.sendall(answer)
                        conn.close()
            for conn in kept:
                conn.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            thread.join()


def closed_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
