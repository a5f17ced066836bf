"""The relay: rows arrive as they were, or an error does. Streams in any pieces, scripted peers, real servers."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from replicator.demo.server import Server, reachable_folder
from replicator.errors import ProtocolViolation, RowsLost
from replicator.sessions import failures, postgres
from replicator.sessions.postgres import Connection
from replicator.work import copying
from replicator.work.copying import driver, relay
from replicator.work.copying.stream import HEADER, Stream
from replicator.work.copying.wire import open_wire
from tests.fix_peer import (
    COPY_IN,
    COPY_OUT,
    FAILED,
    IN_TRANSACTION,
    NOTICE,
    SECONDS,
    UNASKED,
    Scripted,
    command,
    error,
    message,
    row,
    sends,
    takes,
    trailer,
)
from tests.fix_servers import BINARIES, SETTINGS, SEVERAL, VERSIONS, Database, Servers

pytestmark = SEVERAL

NEWEST = VERSIONS[-1]
SOON = 5.0

# What rows may hold to lead a reader astray.
LOOK_ALIKES = [
    message("c"),
    command("COPY 3"),
    trailer(3),
    message("d", b"1\n") + trailer(1),
    IN_TRANSACTION,
    FAILED,
    error("22012", "no") + FAILED,
    b"\\.\n",
]
ROWS = st.lists(st.sampled_from(LOOK_ALIKES) | st.binary(max_size=40), max_size=12).map(
    lambda rows: list(map(row, rows))
)


def feed(data: bytes, pieces: list[int], chunk_bytes: int = 300) -> tuple[bytes, Stream]:
    """Give a stream to a Stream in reads of these sizes, over and over. Returns what it handed on."""
    stream = Stream(chunk_bytes)
    out = bytearray()
    place = turn = 0
    while place < len(data) and not stream.other:
        free = stream.free
        size = min(pieces[turn % len(pieces)], len(free), len(data) - place)
        free[:size] = data[place : place + size]
        out += stream.received(size)
        place += size
        turn += 1
    stream.other += data[place:] if stream.other else b""
    return bytes(out), stream


SPLIT = st.lists(st.integers(1, 200), min_size=1, max_size=8)
SIZES = st.integers(1, 300)
OTHERS = [
    trailer(3),
    error("22012", "no") + FAILED,
    UNASKED + row(b"a"),
    message("Q", b"DROP TABLE a\0"),
    message("f", b"\0"),
    b"\0\0\0\0\4",
    b"d\0\0\0\3",
    b"d\0\0\0\0" + message("Q", b"DROP TABLE a\0"),
]
"""What can follow rows, or should not, but is none. A row whose length is too small for itself hides what follows."""


@settings(max_examples=300, deadline=None)
@given(ROWS, SPLIT, SIZES, st.sampled_from(OTHERS))
def test_any_split_into_reads_gives_the_same_rows(
    rows: list[bytes], pieces: list[int], chunk_bytes: int, other: bytes
) -> None:
    out, stream = feed(b"".join(rows) + other, pieces, chunk_bytes)
    assert out == b"".join(rows)
    assert stream.other == other


@settings(max_examples=200, deadline=None)
@given(ROWS, SPLIT, SIZES, st.data())
def test_of_what_is_cut_short_all_rows_are_handed_on(
    rows: list[bytes], pieces: list[int], chunk_bytes: int, data: st.DataObject
) -> None:
    sent = b"".join(rows) + trailer(len(rows))
    length = data.draw(st.integers(0, len(b"".join(rows))))
    out, stream = feed(sent[:length], pieces, chunk_bytes)
    assert not stream.other
    assert sent.startswith(out)
    assert length - len(out) < HEADER.size


RUNS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 700)), max_size=8).map(
    lambda runs: [row(b"d" * size) for size, many in runs for _ in range(many)]
)
"""Rows of one length after another, and what looks like headers within them."""


@settings(max_examples=200, deadline=None)
@given(RUNS, st.lists(st.integers(1, 5000), min_size=1, max_size=8), st.integers(1, 20_000), st.sampled_from(OTHERS))
def test_runs_of_rows_of_one_length_end_where_they_do(
    rows: list[bytes], pieces: list[int], chunk_bytes: int, other: bytes
) -> None:
    out, stream = feed(b"".join(rows) + other, pieces, chunk_bytes)
    assert out == b"".join(rows)
    assert stream.other == other


@pytest.mark.parametrize("byte", range(HEADER.size))
@pytest.mark.parametrize("place", [0, 1, 99, 199])
def test_no_byte_of_a_header_in_a_run_goes_unseen(byte: int, place: int) -> None:
    """A row that says to be longer hides all that follows; what is of another kind is none."""
    rows = [row(b"abcd")] * 200
    changed = bytearray(b"".join(rows))
    changed[place * len(rows[0]) + byte] ^= 0x80
    out, stream = feed(bytes(changed), [10_000], 10_000)
    if byte == HEADER.size - 1:  # 128 bytes longer, which ends in the middle of another row
        assert len(out) == place * len(rows[0]) + (8 ^ 0x80) + 1 or place == 199
    elif byte < 2:  # another kind, a negative length
        assert out == bytes(changed[: place * len(rows[0])])
        assert stream.other == changed[place * len(rows[0]) :]
    else:
        assert out == bytes(changed)  # a row that is longer than all this


# Scripted peers


def run(source: Connection, destination: Connection, moved: Callable[[int], None] = lambda size: None) -> int:
    return relay.transfer(source, destination, "COPY a TO STDOUT", "COPY a FROM STDIN", moved)


def fails(kind: type[Exception], source: Connection, destination: Connection) -> Exception:
    """Assert that a relay fails with this error and closes both connections."""
    with pytest.raises(kind) as caught:
        run(source, destination)
    assert source.closed
    assert destination.closed
    return caught.value


@pytest.mark.parametrize("piece", [1, 2, 7, 100_000])
def test_a_stream_byte_by_byte(piece: int, scripted) -> None:
    """With look-alikes in the rows, and messages that nobody asked for wherever they can come."""
    rows = [row(data) for data in LOOK_ALIKES]
    between = [part for data in rows for part in (data, UNASKED)]
    end = UNASKED.join([message("c"), command(f"COPY {len(rows)}"), IN_TRANSACTION])
    _, source = scripted(sends(UNASKED, COPY_OUT, *between, end, piece=piece))
    there, destination = scripted(
        takes(UNASKED + COPY_IN, UNASKED + command(f"COPY {len(rows)}") + UNASKED + IN_TRANSACTION, UNASKED)
    )
    sizes: list[int] = []
    assert run(source, destination, sizes.append) == len(rows)
    assert there.received == b"".join(rows) + message("c")
    assert sum(sizes) == len(b"".join(rows))
    for conn in (source, destination):
        assert conn.pgconn.transaction_status == psycopg.pq.TransactionStatus.INTRANS


def test_no_rows(scripted) -> None:
    _, source = scripted(sends(COPY_OUT, trailer(0)))
    there, destination = scripted(takes())
    assert run(source, destination) == 0
    assert there.received == message("c")


def test_a_source_cut_at_any_byte(scripted) -> None:
    rows = row(b"a\n") + row(b"b\n")
    length = len(COPY_OUT + rows + trailer(2))
    for cut in range(length):
        _, source = scripted(sends(COPY_OUT, rows, trailer(2), cut=cut, piece=1000))
        there, destination = scripted(takes())
        assert "closed" in str(fails(psycopg.OperationalError, source, destination))
        assert not there.ended


def test_a_destination_cut_at_any_byte(scripted) -> None:
    for cut in range(len(COPY_IN + command("COPY 1") + IN_TRANSACTION)):
        _, source = scripted(sends(COPY_OUT, row(b"a\n"), trailer(1), piece=1000))
        _, destination = scripted(takes(cut=cut))
        fails(psycopg.OperationalError, source, destination)


@pytest.mark.parametrize("piece", [1, 100_000])
@pytest.mark.parametrize("rows", [[], [row(b"a\n")] * 3, [row(b"x" * 300)] * 100])
def test_a_source_that_fails(rows: list[bytes], piece: int, scripted) -> None:
    _, source = scripted(sends(COPY_OUT, *rows, error("22012", "division by zero"), FAILED, piece=piece))
    there, destination = scripted(takes())
    raised = fails(psycopg.errors.DivisionByZero, source, destination)
    assert raised.diag.message_primary == "division by zero"
    assert raised.diag.source_file == "script.c"
    assert raised.__notes__ == ["on the source"]
    assert not there.ended


def test_a_source_that_fails_after_its_rows(scripted) -> None:
    """Cancelled between COPY and what follows it."""
    done = message("c") + command("COPY 1")
    _, source = scripted(sends(COPY_OUT, row(b"a\n"), done, error("57014", "canceled"), FAILED))
    _, destination = scripted(takes())
    fails(psycopg.errors.QueryCanceled, source, destination)


def test_a_source_that_says_why_it_hangs_up(scripted) -> None:
    words = COPY_OUT + row(b"a\n") + error("57P01", "terminating", "FATAL")
    _, source = scripted(sends(words, cut=len(words)))
    _, destination = scripted(takes())
    assert "on the source: terminating" in failures.one_line(fails(psycopg.errors.AdminShutdown, source, destination))


HOSTILE = message("c") + message("Q", b"ALTER ROLE me SUPERUSER\0")


@pytest.mark.parametrize("piece", [1, 100_000])
@pytest.mark.parametrize(
    "injected",
    [
        HOSTILE,
        message("c") + command("COPY 1") + HOSTILE,
        message("Q", b"ALTER ROLE me SUPERUSER\0"),
        message("P", b"\0ALTER ROLE me SUPERUSER\0\0\0") + message("S"),
        b"d\0\0\0\0" + HOSTILE,
        b"d\0\0\0\3" + HOSTILE,
        b"d\xff\xff\xff\xff" + HOSTILE,
        message("f", b"\0"),
        NOTICE + HOSTILE,
    ],
)
def test_a_source_that_is_hostile_says_nothing_to_the_destination(injected: bytes, piece: int, scripted) -> None:
    """It sends what would end the COPY and run a query there."""
    _, source = scripted(sends(COPY_OUT, row(b"a\n"), injected, row(b"b" * 10_000), trailer(2), piece=piece))
    there, destination = scripted(takes())
    with pytest.raises((ProtocolViolation, psycopg.OperationalError)):
        run(source, destination)
    assert destination.closed
    there.close()
    assert set(there.kinds[2:]) <= {b"d", b"X"}  # after BEGIN and COPY


@pytest.mark.parametrize("begin", [COPY_IN, b""])
def test_a_destination_that_fails(begin: bytes, scripted) -> None:
    """At once, or while rows come."""
    complaint = NOTICE + error("23505", "duplicate") + FAILED

    def endless(peer: Scripted) -> None:
        peer.say(COPY_OUT, 1000)
        while True:
            peer.say(row(b"x" * 1000) * 100, 100_000)

    _, source = scripted(endless)
    _, destination = scripted(takes(begin or complaint, complaint=complaint))
    raised = fails(psycopg.errors.UniqueViolation, source, destination)
    assert raised.__notes__ == ["on the destination"]


def test_a_destination_that_fails_while_the_source_is_silent(scripted) -> None:
    def script(peer: Scripted) -> None:
        peer.say(COPY_OUT + row(b"x" * 10_000), 100_000)
        peer.read()  # to the end of the connection

    _, source = scripted(script)

    def complain(peer: Scripted) -> None:
        peer.say(COPY_IN)
        time.sleep(0.2)
        peer.say(error("57P01", "terminating", "FATAL"))

    _, destination = scripted(complain)
    fails(psycopg.errors.AdminShutdown, source, destination)


def test_an_error_that_psycopg_has_no_class_for(scripted) -> None:
    _, source = scripted(sends(COPY_OUT, trailer(0)))
    _, destination = scripted(takes(end=error("P9X99", "mine") + FAILED))
    raised = fails(psycopg.DatabaseError, source, destination)
    assert raised.sqlstate == "P9X99"


@pytest.mark.parametrize("count", ["COPY 1", "COPY 3", "COPY 21"])
def test_another_number_of_rows(count: str, scripted) -> None:
    _, source = scripted(sends(COPY_OUT, row(b"a\n"), row(b"b\n"), trailer(2)))
    _, destination = scripted(takes(end=command(count) + IN_TRANSACTION))
    fails(RowsLost, source, destination)


@pytest.mark.parametrize(
    "end",
    [
        command("COPY 0") + FAILED,
        command("COPY 0") + message("Z", b"I"),
        command("INSERT 0") + IN_TRANSACTION,
        IN_TRANSACTION,
        message("W", b"\0\0\0"),
        b"C\xff\xff\xff\xff",
        b"C\x7f\xff\xff\xff",
    ],
)
def test_a_destination_that_ends_in_another_way(end: bytes, scripted) -> None:
    _, source = scripted(sends(COPY_OUT, trailer(0)))
    _, destination = scripted(takes(end=end))
    fails(ProtocolViolation, source, destination)


@pytest.mark.parametrize("way", ["relay", "driver"])
def test_a_source_that_ends_its_rows_without_a_word(way: str, scripted) -> None:
    _, source = scripted(sends(COPY_OUT, row(b"a\n"), IN_TRANSACTION))
    _, destination = scripted(takes())
    with pytest.raises((ProtocolViolation, psycopg.OperationalError)):
        TRANSFERS[way](source, destination, "COPY a TO STDOUT", "COPY a FROM STDIN", lambda size: None)
    assert source.closed


def test_a_connection_that_is_not_in_a_transaction(database: Database, destination: Database) -> None:
    with postgres.connect(database.dsn) as source, postgres.connect(destination.dsn) as there:
        fails(psycopg.ProgrammingError, source, there)


# Real servers, both ways

TRANSFERS = {"relay": relay.transfer, "driver": driver.transfer}
TABLES = """
CREATE TABLE numbers (a int, b int);
CREATE TABLE nothing (a int);
CREATE TABLE no_columns ();
CREATE TABLE odd (a int, b text, c bytea);
CREATE TABLE wide (a bytea);
CREATE TABLE traps (a bytea);
"""
ROWS_OF_TABLES = """
INSERT INTO numbers SELECT g, g % 1000 FROM generate_series(1, 100000) g;
INSERT INTO no_columns SELECT FROM generate_series(1, 1000);
INSERT INTO odd SELECT g, CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'\\\\.' WHEN 3 THEN E'\\n\\t'
    ELSE repeat('ä', g) END, decode(md5(g::text), 'hex') FROM generate_series(1, 2000) g;
ALTER TABLE wide ALTER a SET STORAGE EXTERNAL;
INSERT INTO wide SELECT repeat(md5(g::text), 250000)::bytea FROM generate_series(1, 2) g;
"""
NAMES = ("numbers", "nothing", "no_columns", "odd", "wide", "traps")
HASH = "SELECT count(*), sum(hashtext(t::text)::bigint) FROM {} t"


@pytest.fixture(params=TRANSFERS)
def way(request: pytest.FixtureRequest) -> Callable[..., int]:
    return TRANSFERS[request.param]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=["plain", "TLS"])
def wire(request: pytest.FixtureRequest, servers: Servers, major: int, authority: trustme.CA) -> Iterator[str]:
    """Let the server speak TLS for the time of a test, or not. Returns the conninfo's end."""
    if request.param == "plain":
        yield " sslmode=disable"
        return
    with psycopg.connect(servers[major].conninfo(), autocommit=True) as conn:
        certificate = authority.issue_cert("localhost")
        for name, pem in (("server.key", certificate.private_key_pem), ("server.crt", certificate.cert_chain_pems[0])):
            path = servers[major].data / name
            pem.write_to_path(path)
            path.chmod(0o600)
            owner = servers[major].data.stat()
            os.chown(path, owner.st_uid, owner.st_gid)
        try:
            conn.execute("ALTER SYSTEM SET ssl = on")
        except psycopg.errors.InvalidParameterValue:
            pytest.skip("this build of PostgreSQL has no TLS")
        conn.execute("SELECT pg_reload_conf()")
        until_ssl(servers[major].conninfo(sslmode="require"))
        yield " sslmode=require"
        conn.execute("ALTER SYSTEM RESET ssl")
        conn.execute("SELECT pg_reload_conf()")


def until_ssl(dsn: str) -> None:
    """Wait until a server speaks TLS."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            psycopg.connect(dsn).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.pg("in 12 13 15 18")
def test_tables_arrive_as_they_are(
    way: Callable[..., int], wire: str, database: Database, destination: Database
) -> None:
    database.run(TABLES + ROWS_OF_TABLES)
    destination.run(TABLES)
    rows = LOOK_ALIKES * 200
    with psycopg.connect(database.dsn) as conn, conn.cursor() as cursor:
        cursor.executemany("INSERT INTO traps VALUES (%s)", [[data] for data in rows])
    with postgres.connect(database.dsn + wire) as source, postgres.connect(destination.dsn + wire) as there:
        assert open_wire(source.pgconn).name == ("plain" if "disable" in wire else "TLS")
        with source.transaction(), there.transaction():
            for name, format in itertools.product(NAMES, ("text", "binary")):
                out, into = (f"COPY public.{name} {words} (FORMAT {format})" for words in ("TO STDOUT", "FROM STDIN"))
                way(source, there, out, into, lambda size: None)
        for conn in (source, there):  # neither libpq nor the servers have lost their way
            assert conn.execute("SELECT %s::int + 1", [41]).fetchone() == (42,)
    for name in NAMES:
        (count, total) = database.rows(HASH.format(name))[0]
        assert destination.rows(HASH.format(name)) == [(2 * count, total and 2 * total)]  # once in each format


class Pair:
    """Two real connections in transactions; the destination's table checks that no number is 70,000."""

    def __init__(self, source: Connection, destination: Connection, way: Callable[..., int]) -> None:
        self.source, self.destination = source, destination
        self.way = way

    def copy(self, query: str) -> int:
        return self.way(
            self.source, self.destination, f"COPY ({query}) TO STDOUT", "COPY public.t FROM STDIN", lambda size: None
        )


@pytest.fixture
def pair(database: Database, destination: Database, way: Callable[..., int], wire: str) -> Iterator[Pair]:
    destination.run("CREATE TABLE t (a int CONSTRAINT not_seventy CHECK (a <> 70000))")
    with postgres.connect(database.dsn + wire) as source, postgres.connect(destination.dsn + wire) as there:
        for conn in (source, there):
            conn.execute("BEGIN")
        yield Pair(source, there, way)


@pytest.mark.pg("in 12 18")
def test_a_real_source_that_fails(pair: Pair, destination: Database) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero) as caught:
        pair.copy("SELECT 60000 + 0 / (50000 - generate_series(1, 60000))")
    assert failures.one_line(caught.value) == "on the source: division by zero [22012]."
    assert destination.value("SELECT count(*) FROM t") == 0


@pytest.mark.pg("in 12 18")
def test_a_real_destination_that_fails(pair: Pair, destination: Database) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        pair.copy("SELECT generate_series(1, 10000000)")
    assert caught.value.diag.constraint_name == "not_seventy"
    assert "COPY t, line 70000" in caught.value.diag.context
    assert caught.value.__notes__ == ["on the destination"]
    assert destination.value("SELECT count(*) FROM t") == 0


ENDLESS = "SELECT generate_series(100000, 2000000000)"
SILENT = "SELECT 1 FROM generate_series(1, 2) g, pg_sleep(g * 10)"


@pytest.mark.pg("in 12 18")
@pytest.mark.parametrize("query", [ENDLESS, SILENT], ids=["endless", "silent"])
@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_a_copy_that_is_ended_from_outside(
    how: str, side: str, query: str, pair: Pair, database: Database, destination: Database
) -> None:
    conn, there = (pair.source, database) if side == "source" else (pair.destination, destination)
    if side == "destination" and query == SILENT and (how == "cancel" or pair.way is driver.transfer):
        pytest.skip("a server that waits for rows does not listen to cancels; the driver waits for one server only")

    def end() -> None:
        time.sleep(0.3)
        if how == "cancel":
            conn.cancel_safe()
        else:
            there.rows(f"SELECT pg_terminate_backend({conn.info.backend_pid})")

    thread = threading.Thread(target=end)
    thread.start()
    began = time.monotonic()
    try:
        with pytest.raises(psycopg.OperationalError) as caught:
            pair.copy(query)
    finally:
        thread.join()
    assert time.monotonic() - began < SOON
    if how == "cancel":
        assert isinstance(caught.value, psycopg.errors.QueryCanceled)
    assert caught.value.__notes__ == [f"on the {side}"]


# The choice


def test_the_relay_is_chosen_where_it_can_be(database: Database, destination: Database) -> None:
    with postgres.connect(database.dsn) as source, postgres.connect(destination.dsn) as there:
        chosen, words = copying.choose_transfer(source, there, relay_wanted=True)
        assert (chosen, words) == (relay.transfer, "Rows are relayed from socket to socket, plain to plain.")
        chosen, words = copying.choose_transfer(source, there, relay_wanted=False)
        assert chosen is driver.transfer
        assert "--relay off" in words


def test_a_wire_that_is_missing_is_said(database: Database, destination: Database) -> None:
    with postgres.connect(database.dsn) as source, postgres.connect(destination.dsn) as there:
        os.set_blocking(there.pgconn.socket, True)
        chosen, words = copying.choose_transfer(source, there, relay_wanted=True)
        os.set_blocking(there.pgconn.socket, False)
    assert chosen is driver.transfer
    assert words == "Rows go through the driver, which is slower than the relay: the socket blocks."


def test_unix_sockets() -> None:
    folder = reachable_folder("replicator-unix-")
    with Server(BINARIES[NEWEST], folder, SETTINGS | {"unix_socket_directories": str(folder)}) as server:
        dsn = server.conninfo(host=str(folder))
        with postgres.connect(dsn) as source, postgres.connect(dsn) as there:
            there.execute("CREATE TABLE public.t (a int)")
            with source.transaction(), there.transaction():
                assert Pair(source, there, relay.transfer).copy("SELECT generate_series(1, 100000)") == 100_000
            assert there.execute("SELECT sum(a) FROM public.t").fetchone() == (5_000_050_000,)
