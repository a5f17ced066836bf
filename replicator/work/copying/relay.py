"""Copies the rows of a COPY from socket to socket: one server's messages are forwarded to the other.

    source ── COPY … TO STDOUT ──► Stream ── COPY … FROM STDIN ──► destination

COPY OUT and COPY IN use the same messages, so the contents of rows are not parsed: neither CPU time nor memory depends
on the size of rows. libpq does not see these messages. Any irregular end closes both connections.
Reference: PostgreSQL docs, "Message Flow", COPY Operations.
"""

from collections.abc import Callable

import psycopg
from psycopg import errors, pq

from replicator.errors import ProtocolViolation, RowsLost
from replicator.sessions import failures, watchdog
from replicator.sessions.postgres import Connection
from replicator.work.copying.stream import HEADER, LENGTH_BYTES, Stream, error_fields, frame
from replicator.work.copying.wire import Wire, open_wire, wait

AT_ANY_TIME = (b"N", b"S", b"A")  # NoticeResponse, ParameterStatus, NotificationResponse
LONGEST_BODY_BYTES = 1024 * 1024
AHEAD_BYTES = 4096


def transfer(
    source: Connection, destination: Connection, copy_out: str, copy_in: str, moved: Callable[[int], None]
) -> int:
    """Stream one COPY into the other and return the number of rows, which both servers must agree on.

    Both connections are in a transaction. Raises psycopg.Error, ProtocolViolation, RowsLost, NoWire; any failure closes
    both connections. `moved` gets the bytes on the wire: five for each row more than the row itself.
    """
    try:
        end = Peer("destination", destination)
        return _relay(Peer("source", source, end), end, copy_out, copy_in, moved)
    except BaseException:
        source.close()
        destination.close()
        raise


class Peer:
    """A server at one end of a relay, and its messages. While waiting for it, errors of `other` are noticed, too."""

    def __init__(self, name: str, conn: Connection, other: "Peer | None" = None) -> None:
        if conn.pgconn.transaction_status != pq.TransactionStatus.INTRANS:
            raise psycopg.ProgrammingError(f"the {name} connection is not idle in a transaction")
        self.wire = open_wire(conn.pgconn)
        self._conn = conn
        self._name = name
        self._encoding = conn.info.encoding
        self._other = other
        self._ahead = bytearray()
        self._little = memoryview(bytearray(AHEAD_BYTES))

    def send(self, data: bytes | memoryview) -> None:
        """Send all of the data. Raises the server's error, even in mid-stream."""
        rest = memoryview(data)
        with failures.on(self._name):
            self.listen()
            while rest:
                try:
                    size = self.wire.write(rest)
                except psycopg.OperationalError:
                    self.listen()  # raises the reason
                    raise
                if size is None:
                    self._patiently((self.wire, self.wire.writing | self.wire.reading))
                    self.listen()
                rest = rest[size or 0 :]

    def query(self, statement: str) -> None:
        """Send a statement with the simple protocol."""
        self.send(frame(b"Q", statement.encode(self._encoding) + b"\0"))

    def listen(self) -> None:
        """Skip notices and the like that have arrived, without waiting. Raises the server's error."""
        with failures.on(self._name):
            while self._ahead or self._take():
                kind, _ = self._message()
                if kind not in AT_ANY_TIME:
                    raise self._surprise(kind)

    def expect(self, kind: bytes) -> bytes:
        """Return the body of the next message, which must be of this kind. Raises the server's error."""
        with failures.on(self._name):
            while True:
                came, body = self._message()
                if came == kind:
                    return body
                if came not in AT_ANY_TIME:
                    raise self._surprise(came)

    def expect_count(self) -> int:
        """Return the rows of a COPY that the server reports as done."""
        command, _, count = self.expect(b"C").rstrip(b"\0").partition(b" ")
        if command != b"COPY" or not count.isdigit():
            raise self._surprise(b"C")
        return int(count)

    def expect_ready(self) -> None:
        """Check that the server waits for a command, in a transaction that has not failed."""
        if self.expect(b"Z") != b"T":
            raise self._surprise(b"Z")

    def rows(self, stream: Stream) -> memoryview:
        """Return some rows as CopyData messages; empty after CopyDone. Raises the server's error."""
        with failures.on(self._name):
            while True:
                if stream.other:
                    self._ahead += stream.other
                    stream.other = b""
                    kind, _ = self._message()
                    if kind == b"c":
                        return memoryview(b"")
                    if kind not in AT_ANY_TIME:
                        raise self._surprise(kind)
                if data := stream.received(self._read(stream.free)):
                    return data

    def _read(self, into: memoryview) -> int:
        """Read some bytes. Returns how many, at least one."""
        if ahead := self._ahead[: len(into)]:
            into[: len(ahead)] = ahead
            del self._ahead[: len(ahead)]
            return len(ahead)
        while (size := self.wire.read(into)) is None:
            self._wait()
        return size

    def _message(self) -> tuple[bytes, bytes]:
        """Return the next message. Raises it if it is an error."""
        kind, length = HEADER.unpack(self._exactly(HEADER.size))
        if not LENGTH_BYTES <= length <= LONGEST_BODY_BYTES:
            raise self._surprise(kind)
        body = self._exactly(length - LENGTH_BYTES)
        if kind == b"E" and (fields := error_fields(body)):
            raise self._error(fields)
        return kind, body

    def _exactly(self, size: int) -> bytes:
        while len(self._ahead) < size:
            if not self._take():
                self._wait()
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken

    def _wait(self) -> None:
        """Wait until there may be something to read. Raises an error of the other server."""
        if self._other:
            self._patiently((self.wire, self.wire.reading), (self._other.wire, self._other.wire.reading))
            self._other.listen()
        else:
            self._patiently((self.wire, self.wire.reading))

    def _patiently(self, *wanted: tuple[Wire, int]) -> None:
        """Wait for this server as long as it is working. Raises OperationalError if the connection is lost."""
        silence = watchdog.Silence(self._conn, watchdog.watch_of(self._conn))
        while not wait(*wanted, seconds=silence.pause):
            silence.act()

    def _take(self) -> bool:
        """Read ahead the messages that have arrived, and perhaps some rows after them."""
        got = self.wire.read(self._little)
        self._ahead += self._little[: got or 0]
        return got is not None

    def _surprise(self, kind: bytes) -> ProtocolViolation:
        return ProtocolViolation(f"The {self._name} sent an unexpected message ({kind!r}).")

    def _error(self, fields: dict[int, bytes]) -> psycopg.Error:
        """Return the error that psycopg would have raised."""
        every = {int(code): fields.get(int(code)) for code in pq.DiagnosticField}
        state = fields[ord("C")].decode("ascii", "replace")
        text = fields[ord("M")].decode(self._encoding, "replace")
        try:
            kind = errors.lookup(state)
        except KeyError:
            kind = psycopg.DatabaseError
        return kind(text, info=every, encoding=self._encoding)


def _relay(source: Peer, destination: Peer, copy_out: str, copy_in: str, moved: Callable[[int], None]) -> int:
    stream = Stream()
    destination.query(copy_in)
    source.query(copy_out)
    destination.expect(b"G")
    source.expect(b"H")
    while rows := source.rows(stream):
        destination.send(rows)
        moved(len(rows))
    sent = source.expect_count()
    source.expect_ready()
    source.listen()
    destination.send(frame(b"c"))
    received = destination.expect_count()
    destination.expect_ready()
    if sent != received:
        raise RowsLost(f"The source sent {sent} rows, but the destination stored {received}.")
    return sent
