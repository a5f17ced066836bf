"""Copies the rows of a COPY through libpq: one call for each row read, large writes. Memory: a block and a row.

    source ── COPY … TO STDOUT ──► read_block ──► write_block ── COPY … FROM STDIN ──► destination

The functions that wait are generators as in psycopg: they yield what to wait for, and the connection waits without
holding the GIL. Reference: PostgreSQL docs 32.10, "Functions Associated with the COPY Command".
"""

from collections.abc import Callable

from psycopg import errors, generators, pq
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.waiting import Ready, Wait

from replicator.errors import RowsLost
from replicator.sessions import failures
from replicator.sessions.postgres import Connection

BLOCK_BYTES = 32 * 1024  # Larger writes made libpq slower (2026-11, psycopg 3.3).
LARGEST_WRITE_BYTES = 1024 * 1024
GIVEN_UP = b"replicator gave up this COPY"


def transfer(
    source: Connection, destination: Connection, copy_out: str, copy_in: str, moved: Callable[[int], None]
) -> int:
    """Stream one COPY into the other and return the number of rows, which both servers must agree on.

    Both connections are in a transaction. Raises psycopg.Error, RowsLost; a failure closes the source connection.
    """
    try:
        with failures.on("destination"):
            statement = copy_in.encode(destination.info.encoding)
            destination.wait(_begin(destination.pgconn, statement, pq.ExecStatus.COPY_IN))
        with failures.on("source"):
            source.wait(_begin(source.pgconn, copy_out.encode(source.info.encoding), pq.ExecStatus.COPY_OUT))
        more = True
        while more:
            with failures.on("source"):
                block, more = source.wait(_read_block(source.pgconn))
            with failures.on("destination"):
                destination.wait(_write_block(destination.pgconn, block))
            moved(len(block))
        with failures.on("source"):
            sent = source.wait(_end(source.pgconn))
        with failures.on("destination"):
            received = destination.wait(_finish(destination.pgconn, None))
    except BaseException as error:
        # Do not read the rest of the stream; the server ends the COPY when the connection is closed.
        source.close()
        if isinstance(error, errors.Error | RowsLost) and destination.pgconn.status == pq.ConnStatus.OK:
            _abort(destination, error)
        else:
            destination.close()
        raise
    if sent != received:
        raise RowsLost(f"The source sent {sent} rows, but the destination stored {received}.")
    return sent


def _abort(destination: Connection, error: BaseException) -> None:
    """End the COPY on the destination with an error. If the COPY had failed already, raise that failure instead."""
    if destination.pgconn.transaction_status != pq.TransactionStatus.ACTIVE:
        return
    try:
        with failures.on("destination"):
            destination.wait(_finish(destination.pgconn, GIVEN_UP))
    except errors.Error as answer:
        if GIVEN_UP.decode() not in str(answer):
            raise answer from error


def _begin(pgconn: PGconn, statement: bytes, expected: pq.ExecStatus) -> PQGen[None]:
    pgconn.send_query(statement)
    results = yield from generators.execute(pgconn)
    if results[-1].status != expected:
        raise errors.error_from_result(results[-1])


def _read_block(pgconn: PGconn) -> PQGen[tuple[bytes, bool]]:
    """Return some rows, at most a block and a row, and whether more may follow."""
    rows: list[memoryview] = []
    size = 0
    while size < BLOCK_BYTES:
        length, row = pgconn.get_copy_data(1)
        if length > 0:
            rows.append(row)
            size += length
        elif length < 0:
            return b"".join(rows), False
        elif rows:
            break
        else:
            yield Wait.R
            pgconn.consume_input()
    return b"".join(rows), True


def _write_block(pgconn: PGconn, block: bytes) -> PQGen[None]:
    # A message need not end with a row: a row of a gigabyte is sent in pieces.
    for start in range(0, len(block), LARGEST_WRITE_BYTES):
        while pgconn.put_copy_data(block[start : start + LARGEST_WRITE_BYTES]) == 0:
            yield from _flush(pgconn)
        yield from _flush(pgconn)


def _flush(pgconn: PGconn) -> PQGen[None]:
    """Send what is buffered. Raises OperationalError if the server answers before the end: it can only be an error."""
    while True:
        ready = (yield Wait.RW) or 0
        if ready & Ready.R:
            pgconn.consume_input()
            raise errors.OperationalError("the destination ended the COPY")
        if not pgconn.flush():
            return


def _end(pgconn: PGconn) -> PQGen[int]:
    """Return the row count of a COPY after its data. Raises its error."""
    results = yield from generators.fetch_many(pgconn)
    for result in results:
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise errors.error_from_result(result)
    if not results:
        raise errors.OperationalError("the server ended the COPY without a result")
    return results[-1].command_tuples or 0


def _finish(pgconn: PGconn, error: bytes | None) -> PQGen[int]:
    while pgconn.put_copy_end(error) == 0:
        yield Wait.W
    while pgconn.flush():
        yield Wait.W
    return (yield from _end(pgconn))
