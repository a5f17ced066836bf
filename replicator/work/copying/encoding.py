"""Finds bytes that are invalid in the declared encoding: which row, which column, which bytes.

A server reports none of these, or only the line. So the rows are read again as bytes, and checked here.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import psycopg

from replicator.errors import StepFailed
from replicator.events import listed
from replicator.model import Catalog, CopyTable, Finding, Reading, Table
from replicator.sessions.failures import one_line, without_values
from replicator.sessions.postgres import Connection
from replicator.sessions.snapshot import Snapshot
from replicator.work.copying import where_of

UNFIT = (psycopg.errors.CharacterNotInRepertoire, psycopg.errors.UntranslatableCharacter)
SHOWN_BYTES = 12
"""How many bytes are shown before and after the first invalid one."""
SAMPLE_ROWS = 1000
SAMPLE_BYTES = 4 * 1024 * 1024
SAMPLE_SECONDS = 10.0
NAMED = 10
DECLARE = (
    "Name the encoding of the bytes (--source-encoding LATIN1), fix them on the source, or clone into a database with"
    " the"
    " source's encoding (--create)."
)
DECLARED = "Use the --source-encoding that the copy was made with."
MEND = "Fix these bytes on the source."
ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(frozen=True, slots=True)
class Misfit:
    """An invalid value. `row` is its number in the order of reading, if the whole table was read."""

    table: str
    row: int | None
    ctid: str
    column: str
    bytes: bytes
    encoding: str

    def __str__(self) -> str:
        return (
            f"{f'row {self.row}' if self.row else 'a row'} of {self.table} (ctid {self.ctid}) has bytes in column"
            f" {self.column} that are not valid {self.encoding}: {self.bytes.hex(' ')}"
        )


@contextmanager
def named(snapshot: Snapshot, step: str, work: CopyTable) -> Iterator[None]:
    """Add row, column and bytes to a server's encoding error while a table is copied. Raises StepFailed."""
    try:
        yield
    except UNFIT as error:
        found = None
        with suppress(psycopg.Error), snapshot.another() as beside:
            found = beside and next(filter(None, (first(beside, work.table, each) for each in _read(work))), None)
        if not found:
            raise
        raise StepFailed(step, f"{found} ({one_line(error)})", hint=remedy(snapshot.holder)) from error


def _read(work: CopyTable) -> Iterator[Reading]:
    for each in work.reading.each():
        yield replace(each, condition=where_of(replace(work, reading=each)))


def remedy(source: Connection) -> str | None:
    """Return what helps: if the server knows the encoding, only repairing the bytes."""
    return DECLARE if is_unknown(source) else MEND


def is_unknown(source: Connection) -> bool:
    """Return whether a server does not know the encoding of its bytes."""
    return source.info.parameter_status("server_encoding") == "SQL_ASCII"


def _encoding(conn: Connection) -> str:
    return str(conn.info.parameter_status("client_encoding"))


def sample(snapshot: Snapshot, catalog: Catalog) -> Iterator[Finding]:
    """Yield the tables with bytes in a sample of rows that would make the copy fail."""
    if not is_unknown(snapshot.holder) or snapshot.holder.info.encoding == "iso8859-1":  # all bytes are valid
        return
    until = time.monotonic() + SAMPLE_SECONDS
    found: list[Misfit] = []
    unread: list[str] = []
    with snapshot.another() as beside:
        for table in sorted(catalog.tables, key=lambda table: table.bytes):
            if beside is None or time.monotonic() > until:
                unread.append(table.identity)
            elif not table.empty and (misfit := _in_sample(beside, table)):
                found.append(misfit)
    if found:
        more = f" So do rows of {listed([each.table for each in found[1:]])}." if found[1:] else ""
        first_one = str(found[0])
        yield Finding(
            f"{first_one[0].upper()}{first_one[1:]}.{more}",
            DECLARE,
            object=", ".join(each.table for each in found),
            server="source",
        )
    elif unread:
        yield Finding(
            f"Not checked for valid {_encoding(snapshot.holder)}, for lack of time: {listed(unread)}.",
            fatal=False,
        )


def _in_sample(conn: Connection, table: Table) -> Misfit | None:
    some = next(table.reading.each(), None)
    return first(conn, table, some, limit=SAMPLE_ROWS) if some else None


def first(conn: Connection, table: Table, reading: Reading, *, limit: int | None = None) -> Misfit | None:
    """Return the first invalid value in the connection's encoding; with `limit`, in a scattered sample of rows."""
    names = [column.name for column in table.columns]
    codec = conn.info.encoding
    scattered = ""
    if limit and table.rows > limit and not reading.condition:
        scattered = f"TABLESAMPLE SYSTEM ({min(100.0, 200.0 * limit / table.rows)}) "
    query = f"SELECT {', '.join(['ctid', *reading.expressions])} FROM {reading.item} {scattered}{reading.condition}"
    statement = f"COPY ({query}{f' LIMIT {limit}' if limit else ''}) TO STDOUT".encode(codec)
    encoding, read = _encoding(conn), 0
    found: Misfit | None = None
    # An exception is the way to cancel a COPY.
    masked = reading.expressions != tuple(names)
    with (
        suppress(_Enough),
        without_values(masked),
        conn.transaction(force_rollback=True),
        conn.cursor() as cursor,
    ):
        if is_unknown(conn):
            conn.execute("SET LOCAL client_encoding = 'SQL_ASCII'")
        with cursor.copy(statement) as rows:
            for number, line in enumerate(rows, 1):
                ctid, *values = bytes(line).rstrip(b"\n").split(b"\t")
                for name, value in zip(names, values, strict=True):
                    if (unfit := _unfit(value, codec)) is not None:
                        found = Misfit(
                            table.identity, None if scattered else number, ctid.decode(), name, unfit, encoding
                        )
                        raise _Enough
                read += len(line)
                if limit and read > SAMPLE_BYTES:
                    raise _Enough
    return found


class _Enough(Exception):
    """Raised to stop reading."""


def _unfit(value: bytes, codec: str) -> bytes | None:
    """Return the bytes around the first invalid one.

    >>> _unfit(b"ab\\\\tcaf\\xe9", "utf-8"), _unfit(b"abc", "utf-8")
    (b'ab\\tcaf\\xe9', None)
    """
    if value.isascii():
        return None
    plain = ESCAPE.sub(lambda found: ESCAPED.get(found[1], found[1]), value)
    try:
        plain.decode(codec)
    except UnicodeDecodeError as error:
        return plain[max(0, error.start - SHOWN_BYTES) : error.start + SHOWN_BYTES]
    return None


def in_catalog(objects: Iterable[tuple[str, Iterable[str]]], codec: str) -> Iterator[str]:
    """Yield the objects with bytes that are invalid in `codec`, of objects read as LATIN1, in which all are valid."""
    show: Callable[[str], str] = lambda name: name.encode("latin-1").decode(codec, "backslashreplace")  # noqa: E731
    for name, texts in objects:
        for text in (name, *texts):
            if (unfit := _unfit(text.encode("latin-1").replace(b"\\", b"\\\\"), codec)) is not None:
                yield f"{show(name)} ({unfit.hex(' ')})"
                break
