"""Whatever befalls a clone: one clear paragraph, nothing left open, and never a copy that looks finished."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from replicator.demo.server import Server, reachable_folder
from tests.fix_cli import (
    NEWEST,
    Process,
    Result,
    Run,
    Start,
    both,
    is_empty,
    leaves_no_session,
    refuses,
    runs,
    sessions,
    until,
)
from tests.fix_faults import SAID_SO, Judge
from tests.fix_servers import BINARIES, SETTINGS, Database, Servers

INTERRUPTED = 130
FAILED = 6
DIFFERENT = 8

# The generated column makes the destination slow, not the tables large: about a second each, of 7 MB.
SLOW_ROWS = 25_000
SLOW_TABLES = "".join(
    f"""
CREATE TABLE {name} (a int PRIMARY KEY, b text, c text GENERATED ALWAYS AS (md5(repeat(b, 40))) STORED);
INSERT INTO {name} SELECT g, repeat(md5(g::text), 8) FROM generate_series(1, {SLOW_ROWS}) g;
CREATE INDEX ON {name} (b);
"""
    for name in ("one", "two")
)
SCHEMA = """
ALTER TABLE two ADD FOREIGN KEY (a) REFERENCES one;
CREATE TABLE few AS SELECT g AS a FROM generate_series(1, 10) g;
CREATE VIEW both_tables AS SELECT a FROM one UNION ALL SELECT a FROM two;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM both_tables;
CREATE SEQUENCE s START 77;
SELECT nextval('s');
SELECT lo_from_bytea(4711, 'large');
COMMENT ON TABLE one IS 'a table';
"""


@pytest.fixture
def major() -> int:
    """The newest version alone: these tests are about failures, not versions."""
    return NEWEST


@pytest.fixture(scope="module")
def slow(servers: Servers) -> Database:
    """A source whose copy takes a few seconds. Tests leave it as it is."""
    source = servers.database(NEWEST)
    source.run(SLOW_TABLES + SCHEMA)
    return source


def copying(destination: Database) -> bool:
    """Tell whether rows are arriving."""
    if destination.major < 14:  # which does not tell how many have come
        active = "query LIKE 'COPY % FROM STDIN%' AND state = 'active' AND query_start < now() - interval '0.2 s'"
        query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {active}"
        return bool(destination.value(query))
    progress = (
        "SELECT count(*) FROM pg_stat_progress_copy WHERE datname = current_database() AND tuples_processed > 1000"
    )
    return bool(destination.value(progress))


def in_mid_copy(start: Start, source: Database, destination: Database, *options: str) -> Process:
    """Return a clone with one worker that is copying rows."""
    process = start("clone", "--jobs", "1", *both(source, destination), *options)
    until(lambda: process.ended or copying(destination))
    assert not process.ended, process.ends()
    return process


def is_known_unfinished(replicator: Run, source: Database, destination: Database) -> None:
    """Assert that nothing takes the destination for a copy: it is empty, or its journal says that it is unfinished."""
    status = replicator("status", "--destination", destination.dsn)
    if not is_empty(destination):
        assert status.code == FAILED, status
        assert "Unfinished clone" in status.out, status
    verified = replicator("verify", *both(source, destination))
    assert verified.code == DIFFERENT, verified
    assert "No differences" not in verified.out


def fails_half_way(result: Result, *words: str) -> None:
    """Assert that the paragraph says what failed and, since something is left, how it goes away."""
    refuses(result, FAILED, *words, "`clean`")


def terminate(server: Server, application: str, where: str = "true") -> None:
    """End the sessions of one part of the command."""
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ %s AND {where}"
        assert conn.execute(query, [f"^replicator {application}"]).fetchall() == [(True,)], sessions(server)


# Signals


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_mid_copy(
    how: signal.Signals, start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    process = in_mid_copy(start, slow, destination)
    process.send(how)
    result = process.ends(5)
    leaves_no_session(slow.server)
    assert "interrupted" in replicator("status", "--destination", destination.dsn).out
    is_known_unfinished(replicator, slow, destination)
    refuses(result, INTERRUPTED, "nterrupted" if how is signal.SIGINT else how.name, "`clean`")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_impatient_user(how: signal.Signals, start: Start, replicator: Run, slow: Database, destination: Database):
    """Many signals, one soon after another: the command still ends soon, and says one thing."""
    process = in_mid_copy(start, slow, destination)
    for _ in range(8):
        process.send(how)
        time.sleep(0.01)
    result = process.ends(5)
    leaves_no_session(slow.server)
    is_known_unfinished(replicator, slow, destination)
    refuses(result, INTERRUPTED)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_waits_for_a_server(how: signal.Signals, start: Start) -> None:
    process = start("probe", "--source", "host=127.0.0.1 port=1 dbname=x", "--wait-delay", "60")
    process.says("attempt 1 of 5")
    process.send(how)
    refuses(process.ends(5), INTERRUPTED)


def test_a_signal_before_all_is_loaded(start: Start, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import sys, time\nsys.stderr.write('loading')\ntime.sleep(60)")
    process = start("--version", PYTHONPATH=str(tmp_path), PYTHONUNBUFFERED="1")
    process.says("loading")
    process.send(signal.SIGINT)
    result = process.ends()
    assert (result.code, result.out, result.err) == (INTERRUPTED, "", "loading")


def test_a_signal_while_an_index_is_built(
    start: Start, replicator: Run, database: Database, destination: Database
) -> None:
    database.run(
        f"""CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
            AS $$BEGIN IF current_database() <> '{database.name}' THEN PERFORM pg_sleep(30); END IF; RETURN $1; END$$;
        CREATE TABLE t AS SELECT 1 AS a;
        CREATE INDEX ON t (slow(a))"""
    )
    process = start("clone", *both(database, destination))
    building = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND datname = current_database()"
    until(lambda: process.ended or destination.value(building))
    process.send(signal.SIGTERM)
    refuses(process.ends(5), INTERRUPTED, "SIGTERM")
    leaves_no_session(database.server)
    is_known_unfinished(replicator, database, destination)


def test_a_signal_during_verification(start: Start, replicator: Run, slow: Database, destination: Database) -> None:
    """The rows are all there, but nobody knows yet that they are right."""
    process = start("clone", "--verify", *both(slow, destination))
    process.says("verification:")
    process.send(signal.SIGINT)
    result = process.ends(5)
    leaves_no_session(slow.server)
    if result.code:  # else the verification was quicker
        refuses(result, INTERRUPTED)
        is_known_unfinished(replicator, slow, destination)


@pytest.mark.parametrize("attempt", range(6))
def test_killed_at_a_random_moment(
    attempt: int, start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    seed = int(os.environ.get("REPLICATOR_TEST_SEED", time.time_ns()))
    seconds = random.Random(seed + attempt).uniform(0.3, 3.0)
    print(f"REPLICATOR_TEST_SEED={seed}, killed after {seconds:.3f} s")
    process = start("clone", "--jobs", "2", *both(slow, destination))
    time.sleep(seconds)
    process.send(signal.SIGKILL)
    result = process.ends()
    leaves_no_session(slow.server)
    if replicator("verify", *both(slow, destination)).code == 0:  # killed after its last transaction, or not at all
        assert "No unfinished clone" in runs(replicator("status", "--destination", destination.dsn))
        assert destination.dump("--data-only", "-t", "few") == slow.dump("--data-only", "-t", "few")
        assert destination.dump() == slow.dump()
    else:
        assert result.code == -signal.SIGKILL, result
        is_known_unfinished(replicator, slow, destination)


def test_what_a_killed_clone_left_can_be_cleaned_and_cloned_anew(
    start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    process = in_mid_copy(start, slow, destination)
    process.send(signal.SIGKILL)
    process.ends()
    leaves_no_session(slow.server)
    assert "killed" in replicator("status", "--destination", destination.dsn).out
    refuses(replicator("clone", *both(slow, destination)), 3, "unfinished clone", "`clean`")
    runs(replicator("clean", "--destination", destination.dsn))
    assert is_empty(destination)
    runs(replicator("clone", "--verify", *both(slow, destination)))


def test_while_it_runs_nobody_else_clones_or_cleans(
    start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    process = in_mid_copy(start, slow, destination)
    with psycopg.connect(destination.dsn) as conn:
        conn.execute("LOCK TABLE few IN SHARE MODE")  # its rows are copied last: until then the clone goes on
        status = replicator("status", "--destination", destination.dsn)
        assert "running" in status.out, status
        refuses(replicator("clone", *both(slow, destination)), 3, "running")
        refuses(replicator("clean", "--destination", destination.dsn), 3, "still running")
    runs(process.ends())
    runs(replicator("verify", *both(slow, destination)))


# Sessions that a server ends


FIRST_HOLDER = "backend_start = (SELECT min(backend_start) FROM pg_stat_activity WHERE application_name ~ 'snapshot')"


@pytest.mark.parametrize(
    ("application", "where"),
    [
        ("worker", "query ~ 'COPY.*TO STDOUT'"),
        ("worker", "query ~ 'COPY.*FROM STDIN'"),
        (
            "snapshot",
            "backend_start = (SELECT min(backend_start) FROM pg_stat_activity WHERE application_name ~ 'snap')",
        ),
        ("journal", "true"),
    ],
    ids=["source worker", "destination worker", "snapshot", "journal"],
)
def test_a_session_that_an_administrator_ends_is_replaced(
    application: str, where: str, start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    process = in_mid_copy(start, slow, destination)
    terminate(slow.server, application, where)
    runs(process.ends())
    leaves_no_session(slow.server)
    runs(replicator("verify", *both(slow, destination)))


def test_when_no_session_holds_the_snapshot_any_more_the_copy_ends(
    start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    process = in_mid_copy(start, slow, destination)
    with psycopg.connect(slow.server.conninfo(), autocommit=True) as conn:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ 'snapshot'"
        assert len(conn.execute(query).fetchall()) == 3
    result = process.ends()
    leaves_no_session(slow.server)
    is_known_unfinished(replicator, slow, destination)
    fails_half_way(result, "held the snapshot of the source", "data public.")


def test_a_statement_that_an_administrator_cancels(
    start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    process = in_mid_copy(start, slow, destination)
    with psycopg.connect(slow.server.conninfo(), autocommit=True) as conn:
        conn.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%FROM STDIN%'")
    result = process.ends()
    leaves_no_session(slow.server)
    is_known_unfinished(replicator, slow, destination)
    fails_half_way(result, "canceling statement due to user request", "data public.")


# Servers that stop


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
def test_a_source_that_stops_half_way(
    how: signal.Signals, start: Start, replicator: Run, spare_database: Database, destination: Database
) -> None:
    spare_database.run(SLOW_TABLES + SCHEMA)
    process = in_mid_copy(start, spare_database, destination)
    spare_database.server.stop(how)
    result = process.ends()
    leaves_no_session(destination.server)
    spare_database.server.start()
    leaves_no_session(spare_database.server)
    is_known_unfinished(replicator, spare_database, destination)
    fails_half_way(result, "data public.", "snapshot", "--resume=per-table")


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
def test_a_destination_that_stops_half_way_and_comes_back(
    how: signal.Signals, start: Start, replicator: Run, slow: Database, spare_database: Database
) -> None:
    process = in_mid_copy(start, slow, spare_database)
    spare_database.server.stop(how)
    process.says("Retrying in")
    spare_database.server.start()
    runs(process.ends())
    leaves_no_session(slow.server, spare_database.server)
    runs(replicator("verify", *both(slow, spare_database)))


def test_a_destination_that_stops_half_way_for_good(
    start: Start, replicator: Run, slow: Database, spare_database: Database
) -> None:
    process = in_mid_copy(start, slow, spare_database, "--retry-for", "1s")
    spare_database.server.stop(signal.SIGINT)
    result = process.ends()
    leaves_no_session(slow.server)
    spare_database.server.start()
    leaves_no_session(spare_database.server)
    is_known_unfinished(replicator, slow, spare_database)
    fails_half_way(result, "data public.", "destination")


# A disk that is full


@pytest.fixture
def cramped() -> Iterator[Database]:
    """A database with a few megabytes to grow; its WAL lies elsewhere, so that the server itself survives."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    server = Server(BINARIES[NEWEST], reachable_folder("replicator-cramped-"), SETTINGS)
    owner = server.folder.stat()
    server.data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size=70m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"]
    if subprocess.run([*mount, "tmpfs", server.data], capture_output=True).returncode:
        server.__exit__(None, None, None)
        pytest.skip("no file system can be mounted here")
    try:
        server.create(f"--waldir={server.folder / 'wal'}")
        server.start()
        yield Database(server, "postgres", NEWEST)
    finally:
        server.stop()
        subprocess.run(["umount", server.data], check=True)
        server.__exit__(None, None, None)


@pytest.mark.faults
def test_a_destination_without_room(replicator: Run, database: Database, cramped: Database, judge: Judge) -> None:
    database.run("CREATE TABLE t AS SELECT g AS a, repeat(md5(g::text), 20) AS b FROM generate_series(1, 100000) g")
    result = replicator("clone", *both(database, cramped))
    assert judge(result, database, cramped) == SAID_SO
    fails_half_way(result, "data public.t", "No space left on device", "free some space", "`clone --resume=per-table`")
    runs(replicator("clean", "--destination", cramped.dsn))
    assert is_empty(cramped)
    database.run("DELETE FROM t WHERE a > 100")
    runs(replicator("clone", "--verify", *both(database, cramped)))


# A source that goes on


ACCOUNTS = 500
BUSY = f"""
CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL);
CREATE TABLE booking (id int PRIMARY KEY, when_made text NOT NULL);
CREATE TABLE receipt (id int PRIMARY KEY, when_made text NOT NULL);
INSERT INTO account SELECT g, 100 FROM generate_series(1, {ACCOUNTS}) g;
INSERT INTO booking SELECT g, 'before' FROM generate_series(-1000, -1) g;
INSERT INTO receipt SELECT g, 'before' FROM generate_series(-1000, -1) g;
CREATE SEQUENCE number;
"""
TRANSFER = """
WITH pair AS MATERIALIZED (SELECT 1 + (random() * 499)::int AS payer, 1 + (random() * 499)::int AS payee)
UPDATE account SET balance = balance + CASE WHEN id = payer THEN -1 ELSE 1 END
  FROM pair WHERE payer <> payee AND id IN (payer, payee)
"""


def keep_changing(source: Database, stopped: threading.Event, when_made: Callable[[], str]) -> None:
    """Move money, and write a booking and its receipt, in one transaction after another."""
    with psycopg.connect(source.dsn) as conn:
        while not stopped.is_set():
            now = when_made()
            with conn.transaction():
                conn.execute(TRANSFER)
                conn.execute("INSERT INTO booking SELECT nextval('number'), %s", [now])
                conn.execute("UPDATE booking SET when_made = when_made WHERE id = -1 - (random() * 999)::int")
                conn.execute("INSERT INTO receipt SELECT currval('number'), %s", [now])


def test_a_writer_on_the_source_shows_in_no_part(start: Start, database: Database, destination: Database) -> None:
    database.run(SLOW_TABLES + BUSY)
    stopped, planned = threading.Event(), threading.Event()
    writer = threading.Thread(
        target=keep_changing, args=(database, stopped, lambda: "late" if planned.is_set() else "early")
    )
    writer.start()
    try:
        until(lambda: database.value("SELECT count(*) FROM receipt") > 1100)
        process = start("clone", "--verify", "--jobs", "1", *both(database, destination))
        process.says("planned:")  # from here on the snapshot is taken
        planned.set()
        result = process.ends()
    finally:
        stopped.set()
        writer.join()
    late = "SELECT count(*) FROM booking WHERE when_made = 'late'"
    assert database.value(late) > 100
    assert destination.value(late) == 0
    assert destination.value("SELECT count(*) FROM receipt WHERE when_made = 'early'") > 0
    unequal = (
        "SELECT * FROM booking FULL JOIN receipt USING (id, when_made) WHERE booking.id IS NULL OR receipt.id IS NULL"
    )
    for side in (database, destination):
        assert side.value("SELECT sum(balance) FROM account") == ACCOUNTS * 100
        assert side.rows(unequal) == []
    runs(result)


def test_a_table_that_changes_its_shape_waits(start: Start, slow: Database, destination: Database) -> None:
    """DDL on the source waits for the snapshot's end; after it, it goes through."""
    process = in_mid_copy(start, slow, destination)
    with psycopg.connect(slow.dsn, autocommit=True) as conn:
        conn.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            conn.execute("ALTER TABLE few ADD COLUMN b int")
        runs(process.ends())
        conn.execute("ALTER TABLE few ADD COLUMN b int")
        conn.execute("ALTER TABLE few DROP COLUMN b")
