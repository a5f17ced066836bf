"""A TCP proxy before a server that does harm at one byte: it cuts, stalls, or corrupts there. Chosen by a seed."""

import contextlib
import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, Self

import psycopg

CHUNK_BYTES = 64 * 1024
TO_SERVER, TO_CLIENT = "to the server", "to the client"
Harm = Literal["cut", "stall", "freeze", "corrupt"]


@dataclass(frozen=True)
class Fault:
    """What befalls the byte of this number, of all connections together in this direction. `bit` is what corrupts it.

    `cut` closes its connection, `stall` passes on nothing more of it, `freeze` nothing of any, new ones included.
    """

    harm: Harm
    direction: str
    byte: int
    bit: int = 1

    @classmethod
    def at_random(cls, harm: Harm, seed: int, most: dict[str, int]) -> Self:
        """Choose direction and byte; `most` are the bytes of an undisturbed run. Half of the faults come early."""
        chance = random.Random(f"{harm} {seed}")
        direction = chance.choice((TO_SERVER, TO_CLIENT))
        byte = chance.randrange(most[direction] if chance.random() < 0.5 else min(most[direction], 100_000))
        return cls(harm, direction, byte, 1 << chance.randrange(8))


class Proxy:
    """Stands before a server. `counted` are the bytes that went each way; `done` is set when the harm is done."""

    def __init__(self, port: int, fault: Fault | None = None) -> None:
        self._port = port
        self._fault = fault
        self._lock = threading.Lock()
        self._frozen = threading.Event()
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._doubted: bytes | None = None
        self._pretended: tuple[bytes, bytes] = b"", b""
        self._delivered = False
        self._kept: set[socket.socket] = set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.counted = {TO_SERVER: 0, TO_CLIENT: 0}
        self.done = threading.Event()

    def arm(self, fault: Fault) -> None:
        """Do this harm, counting from now on."""
        with self._lock:
            self._fault = replace(fault, byte=fault.byte + self.counted[fault.direction])

    def doubt(self, after: bytes, *, delivered: bool) -> None:
        """Cut the client off at the next COMMIT of a connection that sends these bytes; the server is not told.

        It gets the COMMIT if that is to be `delivered`, and else waits for it in its transaction.
        """
        self._doubted, self._delivered = after, delivered

    def pretend(self, said: bytes, told: bytes) -> None:
        """Tell clients this instead of what the server says, in as many bytes."""
        assert len(said) == len(told)
        self._pretended = said, told

    def abandon(self) -> None:
        """Cut all clients off that are connected; the servers are not told."""
        for client, server in self._pairs:
            self._abandon(client, server)

    def _abandon(self, client: socket.socket, server: socket.socket) -> None:
        self._kept.add(server)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def dsn(self, dsn: str) -> str:
        """Return the conninfo that leads to the server through this proxy."""
        return psycopg.conninfo.make_conninfo(dsn, host="127.0.0.1", port=self.port)

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):  # not connected any more
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for end in (self._listener, *self._ends):
            end.close()
        assert not any(thread.is_alive() for thread in self._threads)

    def _spawn(self, target, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._ends.append(client)
                if self._frozen.is_set():
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self._port))
                except OSError:  # it is down
                    client.close()
                    continue
                self._ends.append(server)
                stalled = threading.Event()
                self._pairs.append((client, server))
                for direction, here, there in ((TO_SERVER, client, server), (TO_CLIENT, server, client)):
                    here.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._spawn(self._forward, direction, here, there, stalled)

    def _forward(self, direction: str, here: socket.socket, there: socket.socket, stalled: threading.Event) -> None:
        doubtful = False
        try:
            while data := bytearray(here.recv(CHUNK_BYTES)):
                if stalled.is_set() or self._frozen.is_set():
                    continue  # read, so that the end of it is seen
                if direction == TO_SERVER and self._doubted:
                    doubtful = doubtful or self._doubted in data
                    if doubtful and b"COMMIT" in data:
                        self._doubted = None
                        self._abandon(here, there)
                        self.done.set()
                        if not self._delivered:
                            break
                if direction == TO_CLIENT and self._pretended[0]:
                    data = data.replace(*self._pretended)
                self._harm(direction, data, stalled)
                there.sendall(data)
        except OSError:
            pass
        finally:
            for end in (end for end in (here, there) if end not in self._kept):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _harm(self, direction: str, data: bytearray, stalled: threading.Event) -> None:
        with self._lock:
            before = self.counted[direction]
            self.counted[direction] += len(data)
            fault = self._fault
            if not fault or fault.direction != direction or not before <= fault.byte < before + len(data):
                return
            self._fault = None
        place = fault.byte - before
        self.done.set()
        match fault.harm:
            case "corrupt":
                data[place] ^= fault.bit
            case "cut":
                raise ConnectionAbortedError
            case "stall":
                stalled.set()
                del data[place:]
            case "freeze":
                self._frozen.set()
                del data[place:]


@contextlib.contextmanager
def proxied(dsn: str, fault: Fault | None = None) -> Iterator[tuple[Proxy, str]]:
    """Put a proxy before the server of a conninfo. Gives it and the conninfo through it."""
    with Proxy(int(psycopg.conninfo.conninfo_to_dict(dsn)["port"]), fault) as proxy:
        yield proxy, proxy.dsn(dsn)
