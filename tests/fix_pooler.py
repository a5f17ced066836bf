"""A connection pooler as small as can be: its backends stay, with all that was set in them, and go to the next client.

As pgbouncer does, it names to a client a backend of its own invention, and gives out first what came back last.
"""

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Literal

import psycopg

from tests.fix_peer import message

Mode = Literal["session", "transaction"]
SECONDS = 20.0
SSL_OR_GSS = (80877103, 80877104)
TERMINATE, READY = b"X", b"Z"


class Wire:
    """A socket, read message by message."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._read = b""

    def startup(self) -> bytes:
        """Read a client's first message, encryption refused."""
        while True:
            (length,) = struct.unpack("!i", self._exactly(4))
            body = self._exactly(length - 4)
            if struct.unpack("!i", body[:4])[0] not in SSL_OR_GSS:
                return struct.pack("!i", length) + body
            self.end.sendall(b"N")

    def messages(self) -> Iterator[tuple[bytes, bytes]]:
        """Read what has come, at least a byte, and give the messages that are whole, each with its kind."""
        self._read += self._some()
        while len(self._read) > 4 and len(self._read) > (size := struct.unpack("!i", self._read[1:5])[0]):
            whole, self._read = self._read[: size + 1], self._read[size + 1 :]
            yield whole[:1], whole

    def _some(self) -> bytes:
        if not (data := self.end.recv(65536)):
            raise ConnectionError
        return data

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self.end.recv(size - len(data)) or self._some()
        return data


class Pool:
    """The idle backends of a database, and what is said to a client that wants one."""

    def __init__(self) -> None:
        self.idle: list[Wire] = []
        self.greeting = b""


class Pooler:
    """Stands before a server. In transaction mode a backend comes back whenever it is in no transaction."""

    def __init__(self, port: int, mode: Mode) -> None:
        self._server = port
        self._mode = mode
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._pools: dict[bytes, Pool] = {}
        self.given: list[bytes] = []
        """The startup packets of all clients."""
        self._ends = [self._listener]
        self._serve_in_thread(self._accept)

    def dsn(self, dsn: str) -> str:
        """Return the conninfo that leads to the server through this pooler."""
        return psycopg.conninfo.make_conninfo(dsn, host="127.0.0.1", port=self.port)

    def settings(self, dsn: str) -> list[tuple[str, str]]:
        """Return what is set in the backends that come next, all of a database at once."""
        query = "SELECT name, setting FROM pg_settings WHERE source = 'session'"
        pool = self._pools[psycopg.conninfo.conninfo_to_dict(dsn)["dbname"].encode()]
        with contextlib.ExitStack() as stack:
            conns = [stack.enter_context(psycopg.connect(self.dsn(dsn))) for _ in range(len(pool.idle))]
            return [row for conn in conns for row in conn.execute(query).fetchall()]

    def close(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _serve_in_thread(self, target, *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._ends.append(client)
                self._serve_in_thread(self._serve, Wire(client))

    def _log_in(self, startup: bytes) -> tuple[Wire, bytes]:
        """Open a backend. Returns it, and what a client is told of it, which has another key."""
        backend = Wire(socket.create_connection(("127.0.0.1", self._server)))
        self._ends.append(backend.end)
        backend.end.sendall(startup)
        said, kind = b"", b""
        while kind != READY:
            for kind, whole in backend.messages():
                said += message("K", struct.pack("!ii", -7, 7)) if kind == b"K" else whole
                if kind == b"E":
                    raise ConnectionError
        return backend, said

    def _serve(self, client: Wire) -> None:
        with contextlib.suppress(OSError, ValueError), client.end:  # ValueError: select of one that was closed
            startup = client.startup()
            self.given.append(startup)
            parts = startup[8:].split(b"\0")
            pool = self._pools.setdefault(parts[parts.index(b"database") + 1], Pool())
            if not pool.greeting:
                backend, pool.greeting = self._log_in(startup)
                pool.idle.append(backend)
            client.end.sendall(pool.greeting)
            self._lend(client, pool.idle, startup)

    def _lend(self, client: Wire, idle: list[Wire], startup: bytes) -> None:
        backend: Wire | None = None
        at_rest = True
        try:
            while True:
                ends = [client.end] + ([backend.end] if backend else [])
                ready = select.select(ends, [], [], SECONDS)[0]
                for kind, whole in client.messages() if client.end in ready else ():
                    if kind == TERMINATE:
                        return
                    backend = backend or (idle.pop() if idle else self._log_in(startup)[0])
                    at_rest = False
                    backend.end.sendall(whole)
                for kind, whole in backend.messages() if backend and backend.end in ready else ():
                    client.end.sendall(whole)
                    at_rest = kind == READY and whole.endswith(b"I")
                if at_rest and backend and self._mode == "transaction":
                    idle.append(backend)
                    backend = None
        finally:
            if backend and at_rest:
                idle.append(backend)
            elif backend:  # in the midst of something: it is of no use to anybody
                backend.end.close()


@contextlib.contextmanager
def pooled(dsn: str, mode: Mode) -> Iterator[tuple[Pooler, str]]:
    """Put a pooler before the server of a conninfo. Gives it and the conninfo through it."""
    pooler = Pooler(int(psycopg.conninfo.conninfo_to_dict(dsn)["port"]), mode)
    try:
        yield pooler, pooler.dsn(dsn)
    finally:
        pooler.close()
