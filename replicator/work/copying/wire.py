"""The bytes of a connection, past libpq: of a plain socket, or of TLS through the very session that libpq has.

A wire is used on an idle connection, when libpq has nothing half sent or half read. libpq does not notice what is sent
and received here, and continues afterwards as before. Its sockets are non-blocking.

TLS: PQsslStruct returns libpq's `SSL *`, and its functions are looked up in psycopg's extension module: dlsym searches
a module and everything it was linked with, so that no other OpenSSL in the process can be picked by mistake. ctypes
releases the GIL. Reference: libpq's fe-secure-openssl.c (18.6), SSL_read(3), SSL_write(3).
"""

import ctypes
import functools
import importlib
import os
import select
import sys

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn

READABLE, WRITABLE = 1, 4  # POLLIN and POLLOUT, which select on Windows lacks
CLOSED = "server closed the connection unexpectedly"


class Wire:
    """A plain socket. `reading` and `writing` say what to wait for when the last attempt returned None."""

    name = "plain"
    reading = READABLE
    writing = WRITABLE

    def __init__(self, pgconn: PGconn) -> None:
        self.descriptor = pgconn.socket

    def read(self, into: memoryview) -> int | None:
        """Read what has arrived, at most a bufferful. None: nothing yet. Raises OperationalError at end of file."""
        try:
            size = os.readv(self.descriptor, [into])
        except BlockingIOError:
            return None
        except OSError as error:
            raise psycopg.OperationalError(f"could not receive data from server: {error.strerror}") from error
        if not size:
            raise psycopg.OperationalError(CLOSED)
        return size

    def write(self, data: memoryview) -> int | None:
        """Write some of the data, and return how much. None: no room yet, retry with the same data."""
        try:
            return os.write(self.descriptor, data)
        except BlockingIOError:
            return None
        except OSError as error:
            raise psycopg.OperationalError(f"could not send data to server: {error.strerror}") from error


class TlsWire(Wire):
    """The TLS session of a connection."""

    name = "TLS"

    def __init__(self, pgconn: PGconn, ssl: int) -> None:
        super().__init__(pgconn)
        self._ssl = ssl
        self._openssl = _library()

    def read(self, into: memoryview) -> int | None:
        """Read what has arrived: SSL_read returns one record at a time, 16 kB at most."""
        address = ctypes.addressof(ctypes.c_char.from_buffer(into))
        size = 0
        while size < len(into):
            self._openssl.ERR_clear_error()
            got = self._openssl.SSL_read(self._ssl, address + size, len(into) - size)
            if got <= 0:
                if size:  # an error will be the same next time
                    break
                self.reading = self._wanted(got)
                return None
            size += got
        return size

    def write(self, data: memoryview) -> int | None:
        """Write all of the data, or nothing yet."""
        # The buffer may move between two attempts: libpq sets SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER.
        place = data.tobytes() if data.readonly else ctypes.addressof(ctypes.c_char.from_buffer(data))
        self._openssl.ERR_clear_error()
        put: int = self._openssl.SSL_write(self._ssl, place, len(data))
        if put > 0:
            return put
        self.writing = self._wanted(put)
        return None

    def _wanted(self, result: int) -> int:
        """Return the event that OpenSSL waits for. Raises OperationalError if waiting does not help."""
        errno = ctypes.get_errno()
        match self._openssl.SSL_get_error(self._ssl, result):
            case 2:  # SSL_ERROR_WANT_READ
                return READABLE
            case 3:  # SSL_ERROR_WANT_WRITE
                return WRITABLE
            case 6:  # SSL_ERROR_ZERO_RETURN
                raise psycopg.OperationalError(CLOSED)
            case 5:  # SSL_ERROR_SYSCALL
                raise psycopg.OperationalError(f"SSL SYSCALL error: {os.strerror(errno) if errno else 'EOF detected'}")
            case _:
                text = ctypes.create_string_buffer(256)
                self._openssl.ERR_error_string_n(self._openssl.ERR_get_error(), text, len(text))
                raise psycopg.OperationalError(f"SSL error: {text.value.decode('ascii', 'replace')}")


class NoWire(Exception):
    """The reason why a connection cannot be used without libpq."""


def obstacle() -> str | None:
    """Return why no connection can have a wire here; None if they may."""
    if sys.platform == "win32":
        return "Windows"
    try:
        _library()
    except NoWire as reason:
        return str(reason)
    return None


def open_wire(pgconn: PGconn) -> Wire:
    """Return the wire of a connection. Raises NoWire with a reason for the user."""
    if sys.platform == "win32":
        raise NoWire("Windows")
    if os.get_blocking(pgconn.socket):
        raise NoWire("the socket blocks")
    library = _library()
    pointer: int | None = getattr(pgconn, "pgconn_ptr", None)  # not in psycopg's Protocol
    if not pointer:
        raise NoWire("this psycopg hides libpq's connection")
    if library.PQgssEncInUse(pointer):
        raise NoWire("GSS encryption")
    if not pgconn.ssl_in_use:
        return Wire(pgconn)
    ssl = library.PQsslStruct(pointer, b"OpenSSL")
    if not ssl or not hasattr(library, "SSL_read"):
        raise NoWire("libpq's TLS is not OpenSSL's, or out of reach")
    if not library.SSL_is_init_finished(ssl):
        raise NoWire("the TLS session is not ready")
    return TlsWire(pgconn, ssl)


def wait(*wanted: tuple[Wire, int], seconds: float) -> bool:
    """Wait until one of these wires is readable or writable, as wanted, or broken: the next attempt shows that.

    Each wire is given once. Returns False after a timeout.
    """
    poll = select.poll()
    for wire, events in wanted:
        poll.register(wire.descriptor, events)
    return bool(poll.poll(seconds * 1000))


@functools.cache
def _library() -> ctypes.CDLL:
    """Return psycopg's libpq with the libraries it was linked with. Raises NoWire if they cannot be reached."""
    try:
        if pq.__impl__ == "python":
            path = pq.misc.find_libpq_full_path()
        else:
            path = importlib.import_module(pq.PGconn.__module__).__file__
        library = ctypes.CDLL(path, use_errno=True)
        _declare(library, "PQgssEncInUse", ctypes.c_int, ctypes.c_void_p)
        _declare(library, "PQsslStruct", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
    except (OSError, AttributeError) as error:
        raise NoWire(f"libpq is out of reach: {error}") from error
    try:
        _declare(library, "SSL_is_init_finished", ctypes.c_int, ctypes.c_void_p)
        _declare(library, "SSL_get_error", ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
        _declare(library, "ERR_clear_error", None)
        _declare(library, "ERR_get_error", ctypes.c_ulong)
        _declare(library, "ERR_error_string_n", None, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_size_t)
        for name in ("SSL_write", "SSL_read"):
            _declare(library, name, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    except AttributeError:
        pass  # without TLS, or with another one
    return library


def _declare(library: ctypes.CDLL, name: str, result: type | None, *arguments: type) -> None:
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
