"""What a source sends during COPY … TO STDOUT; SELECT '<nonce>': where the rows end, without a look at any of them.

# rows: 'd' length row, …
# trailer: 'c' 4 | 'C' length "COPY n" | 'T' … | 'D' … nonce | 'C' "SELECT 1" | 'Z' 5 'T'
# or, in the middle of it all: 'E' length fields | 'Z' 5 'E'

Rows may hold any bytes, but not the nonce, which is younger than they are. So what ends in it is the trailer.
An ErrorResponse has no such mark. It is suspected when the stream ends in ReadyForQuery, and certain when a server that
is then sent Sync answers with another one at once: a server that still copies does not. Reference: PostgreSQL docs,
"Message Formats".
"""

import re
import struct

from replicator.errors import ProtocolViolation

CHUNK_BYTES = 256 * 1024
HELD_BYTES = 8 * 1024  # The longest ErrorResponse to be read whole, and much more than a trailer up to its nonce.
NONCE_NAME = "nonce"


def frame(kind: bytes, body: bytes = b"") -> bytes:
    """Return a message: its kind, its length without the kind, its body."""
    return kind + struct.pack("!i", 4 + len(body)) + body


FAILED = frame(b"Z", b"E")
COUNT = re.compile(rb"c\0\0\0\x04C\0\0\0(.)COPY (\d{1,20})\0\Z", re.DOTALL)
LONGEST_COUNT = len(frame(b"c") + frame(b"C", b"COPY " + b"9" * 20 + b"\0"))
# One column: name, of no table, no attribute; text, of variable length, without modifier; as text.
NONCE_ROW = frame(b"T", struct.pack("!h", 1) + NONCE_NAME.encode() + struct.pack("!xihihih", 0, 0, 25, -1, -1, 0))


def error_fields(body: bytes) -> dict[int, bytes] | None:
    r"""Return the fields of an ErrorResponse by their codes; None if it is none.

    >>> error_fields(b"SERROR\0VERROR\0C22012\0Mdivision by zero\0\0")[ord("M")]
    b'division by zero'
    """
    *fields, last, end = body.split(b"\0") if body.count(b"\0") > 1 else (b"", b"x", b"x")
    found = {field[0]: field[1:] for field in fields if field}
    return found if not last and not end and len(found) == len(fields) and found.keys() >= {*b"SCM"} else None


class Stream:
    """A buffer that fills with what the source sends, and hands on what is rows for certain."""

    def __init__(self, nonce: bytes, chunk_bytes: int = CHUNK_BYTES, held_bytes: int = HELD_BYTES) -> None:
        self.rows: int | None = None
        """The source's count, when the rows are over."""
        self.rest = b""
        """What came after the nonce."""
        self._held_bytes = held_bytes
        self._nonce = nonce
        self._before_nonce = NONCE_ROW + frame(b"D", struct.pack("!hi", 1, len(nonce)) + nonce)[: -len(nonce)]
        self._buffer = bytearray(held_bytes + chunk_bytes)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._handed_on = 0

    @property
    def free(self) -> memoryview:
        """Where to read to next. What was handed on before goes away."""
        kept = self._filled - self._handed_on
        self._view[:kept] = self._view[self._handed_on : self._filled]
        self._filled, self._handed_on = kept, 0
        return self._view[kept:]

    def received(self, size: int) -> memoryview:
        """Take note of bytes read to `free`. Returns what may be forwarded, until the next use of `free`."""
        begin = max(0, self._filled - len(self._nonce) + 1)
        self._filled += size
        place = self._buffer.find(self._nonce, begin, self._filled)
        if place < 0:
            self._handed_on = max(0, self._filled - self._held_bytes)
        else:
            self._handed_on = self._end_of_rows(place)
            self.rest = bytes(self._view[place + len(self._nonce) : self._filled])
        return self._view[: self._handed_on]

    def _end_of_rows(self, nonce: int) -> int:
        """Return where the trailer with this nonce begins, and keep its count. Raises ProtocolViolation."""
        end = nonce - len(self._before_nonce)
        count = COUNT.search(self._buffer, max(0, end - LONGEST_COUNT), max(0, end))
        if not count or self._buffer[end:nonce] != self._before_nonce or count[1][0] != len(count[2]) + 10:
            raise ProtocolViolation("The source ended the COPY in a way that PostgreSQL does not.")
        self.rows = int(count[2])
        return count.start()

    def ends_in_failure(self, times: int) -> bool:
        """Tell whether nothing follows so many times ReadyForQuery, in a failed transaction."""
        return self._buffer.endswith(FAILED * times, 0, self._filled)

    def error(self) -> dict[int, bytes] | None:
        """Return the fields of the ErrorResponse that ends the stream, ReadyForQuery aside."""
        end = self._filled
        while self._buffer.endswith(FAILED, 0, end):
            end -= len(FAILED)
        place = end
        while (place := self._buffer.rfind(b"E\0", 0, place)) >= 0:
            if self._buffer[place + 1 : place + 5] == struct.pack("!i", end - place - 1):
                return error_fields(bytes(self._buffer[place + 5 : end]))
        return None
