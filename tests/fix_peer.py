"""Scripted peers: they speak as much of the protocol as a COPY needs, and say exactly what a test wants, in pieces."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from replicator.sessions.postgres import Connection

SECONDS = 20.0


def message(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def error(sqlstate: str, text: str, severity: str = "ERROR") -> bytes:
    fields = (f"S{severity}", f"V{severity}", f"C{sqlstate}", f"M{text}", "Fscript.c", "L1", "Rscript")
    return message("E", b"".join(field.encode() + b"\0" for field in fields) + b"\0")


NOTICE = message("N", b"SNOTICE\0VNOTICE\0C00000\0Mnothing\0\0")
STATUS = message("S", b"TimeZone\0UTC\0")
NOTIFICATION = message("A", struct.pack("!i", 7) + b"channel\0payload\0")
UNASKED = NOTICE + STATUS + NOTIFICATION
COPY_OUT = message("H", struct.pack("!bhh", 0, 1, 0))
COPY_IN = message("G", struct.pack("!bhh", 0, 1, 0))
IN_TRANSACTION, FAILED = message("Z", b"T"), message("Z", b"E")


def row(data: bytes) -> bytes:
    return message("d", data)


def command(tag: str) -> bytes:
    return message("C", tag.encode() + b"\0")


def trailer(rows: int) -> bytes:
    """Return what a server sends after the rows."""
    return message("c") + command(f"COPY {rows}") + IN_TRANSACTION


class Hangup(Exception):
    """The script is over: close."""


class Scripted:
    """A server for one connection. `script` gets it when a COPY comes, and says the rest."""

    def __init__(self, script: Callable[["Scripted"], None]) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.received = bytearray()
        """The messages that came after the COPY, whole."""
        self.kinds: list[bytes] = []
        self.ended = False
        """CopyDone has come."""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def connect(self) -> Connection:
        """Connect to it with psycopg, and begin a transaction."""
        port = self._listener.getsockname()[1]
        conn = psycopg.connect(
            f"host=127.0.0.1 port={port} user=x dbname=x sslmode=disable gssencmode=disable", autocommit=True
        )
        conn.execute("BEGIN")
        return conn

    def say(self, data: bytes, piece: int = 1) -> None:
        """Send bytes in pieces, each on its way before the next."""
        for start in range(0, len(data), piece):
            self._socket.sendall(data[start : start + piece])

    def read(self) -> bytes:
        """Read a message. Returns its kind."""
        kind, length = struct.unpack("!ci", self._exactly(5))
        body = self._exactly(length - 4)
        self.kinds.append(kind)
        if kind != b"Q":
            self.received += message(kind.decode(), body)
        return kind

    def close(self) -> None:
        self._listener.close()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, Hangup):
            self._socket, _ = self._listener.accept()
            with self._socket:
                self._socket.settimeout(SECONDS)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                (length,) = struct.unpack("!i", self._exactly(4))
                self._exactly(length - 4)
                encoding = message("S", b"client_encoding\0UTF8\0") + message("S", b"server_version\00018.0\0")
                key = message("K", struct.pack("!ii", 1, 2))
                self.say(message("R", struct.pack("!i", 0)) + encoding + key + message("Z", b"I"), 1000)
                self.read()
                self.say(command("BEGIN") + IN_TRANSACTION, 1000)
                self.read()
                self._script(self)
                while self.read() != b"X":
                    pass

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise Hangup
            data += more
        return data


def sends(*parts: bytes, cut: int | None = None, piece: int = 1):
    """Return a source's script: it says these parts, the first `cut` bytes of them if given, then hangs up or waits."""

    def script(peer: Scripted) -> None:
        peer.say(b"".join(parts)[:cut], piece)
        if cut is None:
            peer.read()
        raise Hangup

    return script


def takes(begin: bytes = COPY_IN, end: bytes | None = None, complaint: bytes = b"", cut: int | None = None):
    """Return a destination's script: `complaint` comes after the first row, `cut` counts the bytes that it says."""

    def script(peer: Scripted) -> None:
        said = 0

        def say(data: bytes) -> None:
            nonlocal said
            rest = data if cut is None else data[: max(0, cut - said)]
            peer.say(rest)
            said += len(data)
            if len(rest) < len(data):
                raise Hangup

        say(begin)
        rows = 0
        while (kind := peer.read()) == b"d":
            rows += 1
            if rows == 1:
                say(complaint)
        if kind == b"c":
            peer.ended = True
            say(command(f"COPY {rows}") + IN_TRANSACTION if end is None else end)

    return script


@pytest.fixture
def scripted() -> Iterator[Callable[..., tuple[Scripted, Connection]]]:
    """Start peers: `scripted(script)` gives one and a connection to it, in a transaction."""
    started: list[tuple[Scripted, Connection]] = []

    def start(script: Callable[[Scripted], None]) -> tuple[Scripted, Connection]:
        peer = Scripted(script)
        started.append((peer, peer.connect()))
        return started[-1]

    yield start
    for peer, conn in started:
        conn.close()
        peer.close()
