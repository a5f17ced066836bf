"""Servers that crash at a known point of a run, with real durability: what a crash takes away is done again.

The judge compares with SQL of the tests' own, so that a verification that errs cannot hide what was lost.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from replicator.demo.server import Server, _as_server_user, reachable_folder
from tests.fix_cli import NEWEST, SHORT_WAIT, Process, Run, Start, leaves_no_session, own_server, refuses, runs, until
from tests.fix_faults import FINISHED, SAID_SO, Judge, contents
from tests.fix_servers import BINARIES, CLIENTS, SETTINGS, VERSIONS, Database, Servers

DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "hot_standby": "on",
}
PHASES = ("schema", "data", "indexes", "refresh", "last commit")
GATES = ("data", "indexes", "refresh")
# A gate is a file: while it is there, whoever comes to this point of a run in the copy waits. It outlives a server.
SOURCE = """
CREATE FUNCTION gate(phase text, v int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF current_database() ~ '^copy' THEN
        WHILE (pg_stat_file('{folder}/' || phase, true)).size IS NOT NULL LOOP PERFORM pg_sleep(0.02); END LOOP;
    END IF;
    RETURN v;
END $$;
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO customer SELECT g, md5(g::text) FROM generate_series(1, 2000) g;
CREATE UNLOGGED TABLE visit (id int PRIMARY KEY, page text NOT NULL);
INSERT INTO visit SELECT g, md5(g::text) FROM generate_series(1, 2000) g;
CREATE UNLOGGED TABLE click (visit int REFERENCES visit, at int GENERATED ALWAYS AS IDENTITY, n int);
INSERT INTO click (visit, n) SELECT g, g FROM generate_series(1, 2000) g;
CREATE TABLE log (what text);
CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.log VALUES (NEW.page); RETURN NEW; END $$;
CREATE TRIGGER logs BEFORE INSERT ON visit FOR EACH ROW EXECUTE FUNCTION logs();
CREATE TABLE measured (id int, day int) PARTITION BY HASH (id);
CREATE UNLOGGED TABLE measured_0 PARTITION OF measured FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE measured_1 PARTITION OF measured FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO measured SELECT g, g % 7 FROM generate_series(1, 500) g;
CREATE TABLE late (a int, b int GENERATED ALWAYS AS (gate('data', a)) STORED);
INSERT INTO late SELECT g FROM generate_series(1, 10) g;
CREATE INDEX ON late (gate('indexes', a));
CREATE UNLOGGED SEQUENCE number START 77;
SELECT nextval('number');
CREATE SEQUENCE other START 7;
SELECT nextval('other');
CREATE MATERIALIZED VIEW visits AS SELECT count(*) AS visits FROM visit;
CREATE MATERIALIZED VIEW gated AS SELECT gate('refresh', 1) AS one, count(*) AS visits FROM visits;
SELECT lo_from_bytea(4711, 'large');
"""

# What a crash takes away from the source itself; a sequence that is logged goes on up to 32 values later.
REFILL = """
SET session_replication_role = replica;
INSERT INTO visit SELECT g, md5(g::text) FROM generate_series(1, 2000) g;
INSERT INTO click (visit, at, n) OVERRIDING SYSTEM VALUE SELECT g, g, g FROM generate_series(1, 2000) g;
INSERT INTO measured_0 SELECT g, g % 7 FROM generate_series(1, 500) g
 WHERE satisfies_hash_partition('measured'::regclass, 2, 0, g);
SELECT setval('click_at_seq', 2000), setval('number', 77), setval(to_regclass('other'), 7);
"""

# What is unlogged in a version of its own; the view waits for a lock that the test has.
OF_EACH_VERSION = """
CREATE UNLOGGED TABLE visit (id int PRIMARY KEY, page text NOT NULL);
INSERT INTO visit SELECT g, md5(g::text) FROM generate_series(1, 2000) g;
CREATE UNLOGGED TABLE click (visit int REFERENCES visit, at int GENERATED ALWAYS AS IDENTITY, n int);
INSERT INTO click (visit, n) SELECT g, g FROM generate_series(1, 2000) g;
CREATE TABLE measured (id int, day int) PARTITION BY HASH (id);
CREATE UNLOGGED TABLE measured_0 PARTITION OF measured FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE measured_1 PARTITION OF measured FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO measured SELECT g, g % 7 FROM generate_series(1, 500) g;
CREATE {unlogged} SEQUENCE number START 77;
SELECT nextval('number');
CREATE FUNCTION waits() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF current_database() = 'copy' THEN PERFORM pg_advisory_xact_lock_shared(42); END IF;
    RETURN 1;
END $$;
CREATE MATERIALIZED VIEW gated AS SELECT waits() AS one, count(*) AS visits FROM visit;
"""


@pytest.fixture
def major() -> int:
    return NEWEST


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the gates are: every server of these tests can look."""
    folder = reachable_folder("replicator-gates-")
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def shop(folder: Path) -> Iterator[Database]:
    """The source, on a server of its own that a test may stop."""
    with own_server(**DURABLE) as server:
        yield new_database(server, "shop", SOURCE.format(folder=folder))


@pytest.fixture(scope="module")
def durable() -> Iterator[Server]:
    with own_server(**DURABLE) as server:
        yield server


@pytest.fixture
def copy(durable: Server) -> Database:
    """An empty database on a server with the settings that people have."""
    return new_database(durable, "copy")


def new_database(server: Server, name: str, script: str = "") -> Database:
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        conn.execute(f"DROP DATABASE IF EXISTS {name}")
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    database = Database(server, name, NEWEST)
    database.run(script)
    return database


def between(source: Database, destination: str, *more: str) -> tuple[str, ...]:
    return ("--source", source.dsn, "--destination", destination, *SHORT_WAIT, "--jobs", "2", *more)


@contextlib.contextmanager
def held_at(phase: str, folder: Path, destination: Database, process: Process) -> Iterator[None]:
    """Wait until a run has come to a phase, and keep it there."""
    gate = folder / phase
    try:
        with contextlib.ExitStack() as stack:
            until(lambda: process.ended or destination.value("SELECT to_regclass('replicator.run')") is not None)
            if phase in GATES:
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'copy' AND wait_event = 'PgSleep'"
                until(lambda: process.ended or bool(destination.value(waiting)))
            elif phase == "last commit":
                reader = stack.enter_context(psycopg.connect(destination.dsn))
                reader.execute("SELECT FROM replicator.run")
                waiting = (
                    "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^LOCK TABLE' AND wait_event_type = 'Lock'"
                )
                until(lambda: process.ended or bool(destination.value(waiting)))
            assert not process.ended, process.ends()
            yield
            with contextlib.suppress(psycopg.OperationalError):  # the server went
                reader.rollback() if phase == "last commit" else None
    finally:
        gate.unlink(missing_ok=True)


def started_to(phase: str, folder: Path, start: Start, *arguments: str) -> Process:
    """Start a clone that will wait in a phase."""
    if phase in GATES:
        (folder / phase).touch()
        (folder / phase).chmod(0o644)
    return start("clone", *arguments)


TO_THE_DISK = "SELECT pg_logical_emit_message(true, 'a commit', 'that takes all before it along')"


def hold_wal_writer(database: Database) -> None:
    """Keep what was committed asynchronously from being written, until a crash."""
    os.kill(database.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"), signal.SIGSTOP)


def crash(server: Server) -> None:
    server.stop(signal.SIGQUIT)
    start_again(server)


def start_again(server: Server) -> None:
    """Start a server that crashed, though it has forgotten that a killed client's unlogged table was not made.

    It says then that a file exists: see postgres.flush. Its administrator would remove it, too.
    """
    while True:
        try:
            return server.start()
        except RuntimeError as error:
            left = re.findall(r'could not create file "(base/\d+/\d+)": File exists', str(error))
            if not left:
                raise
            (server.data / left[-1]).unlink()


@pytest.mark.parametrize("phase", PHASES[1:])
def test_what_a_crash_empties_is_filled_again(
    phase: str, folder: Path, start: Start, shop: Database, copy: Database
) -> None:
    process = started_to(phase, folder, start, *between(shop, copy.dsn, "--verify"))
    with held_at(phase, folder, copy, process):
        copy.run(TO_THE_DISK)
        crash(copy.server)
        assert phase == "data" or copy.value("SELECT count(*) FROM visit") == 0
    result = process.ends()
    runs(result)
    assert "crashed" in result.err, result
    assert contents(copy) == contents(shop)
    assert copy.dump() == shop.dump()
    leaves_no_session(shop.server, copy.server)


@pytest.mark.parametrize("resume", ["--resume", "--resume=per-table"])
def test_a_crash_between_two_runs_is_noticed_by_the_next(
    resume: str, folder: Path, start: Start, replicator: Run, shop: Database, copy: Database
) -> None:
    """Killed in mid-refresh: all that reads is done, and only the unlogged tables' rows make it read again."""
    process = started_to("refresh", folder, start, *between(shop, copy.dsn, "--hold-snapshot"))
    with held_at("refresh", folder, copy, process):
        process.kill()
        crash(copy.server)
    runs(replicator("clone", resume, *between(shop, copy.dsn)))
    assert contents(copy) == contents(shop)
    leaves_no_session(shop.server, copy.server)


def test_the_snapshot_is_held_to_the_end_where_a_crash_may_make_it_read_again(
    folder: Path, start: Start, shop: Database, copy: Database
) -> None:
    process = started_to("refresh", folder, start, *between(shop, copy.dsn))
    with held_at("refresh", folder, copy, process):
        assert copy.value("SELECT snapshot FROM replicator.run")
    runs(process.ends())


def test_a_crash_that_forgets_commits(folder: Path, start: Start, shop: Database, copy: Database) -> None:
    """With synchronous_commit off the last commits may be gone. They are done again, from what the journal says."""
    hold_wal_writer(copy)
    process = started_to("indexes", folder, start, *between(shop, copy.dsn))
    with held_at("indexes", folder, copy, process):
        before = copy.value("SELECT count(*) FROM replicator.step WHERE done_at IS NOT NULL")
        crash(copy.server)
        after = copy.value("SELECT count(*) FROM replicator.step WHERE done_at IS NOT NULL")
    assert after < before
    runs(process.ends())
    assert contents(copy) == contents(shop)
    assert copy.dump() == shop.dump()


def test_a_server_that_a_step_crashes_again_and_again_ends_the_run(
    folder: Path, start: Start, shop: Database, copy: Database
) -> None:
    process = started_to("indexes", folder, start, *between(shop, copy.dsn, "--retry-for", "5s"))
    with held_at("indexes", folder, copy, process):
        sleeping = "SELECT pid FROM pg_stat_activity WHERE datname = 'copy' AND wait_event = 'PgSleep'"
        while not process.ended:
            with contextlib.suppress(psycopg.OperationalError, ProcessLookupError):
                for (pid,) in copy.rows(sleeping):
                    os.kill(pid, signal.SIGKILL)
    result = process.ends()
    assert result.code == 6, result
    assert "index public.late" in result.err, result


@pytest.mark.parametrize("major", VERSIONS[::3])
def test_each_version_has_it_noticed(major: int, start: Start, replicator: Run) -> None:
    """Source and destination are on one server, which crashes when the run was killed."""
    unlogged = "UNLOGGED" if major >= 15 else ""
    with own_server(BINARIES[major], **DURABLE) as server:
        source = new_database(server, "shop", OF_EACH_VERSION.format(unlogged=unlogged))
        copy = new_database(server, "copy")
        with contextlib.closing(psycopg.connect(copy.dsn)) as blocker:
            blocker.execute("SELECT pg_advisory_lock(42)")
            process = start("clone", *between(source, copy.dsn))
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'REFRESH' AND wait_event = 'advisory'"
            until(lambda: process.ended or bool(copy.value(waiting)))
            copy.run(TO_THE_DISK)
            process.kill()
            crash(server)
        assert copy.value("SELECT count(*) FROM visit") == 0
        source.run(REFILL)
        runs(replicator("clone", "--resume=per-table", *between(source, copy.dsn)))
        assert contents(copy) == contents(source)
        leaves_no_session(server)


@pytest.mark.skipif(len(VERSIONS) == 1, reason="between servers of one version nothing has to be tried")
def test_a_server_that_crashes_after_a_schema_was_tried_starts_again(start: Start, servers: Servers) -> None:
    """It would not, had it forgotten that an unlogged table was not made after all."""
    source = servers.database(VERSIONS[0])
    source.run("CREATE UNLOGGED TABLE t (a int); CREATE VIEW v AS SELECT * FROM t")
    with own_server(**DURABLE) as server:
        copy = new_database(server, "copy")
        with psycopg.connect(copy.dsn) as gate:
            gate.execute("LOCK pg_catalog.pg_rewrite IN SHARE MODE")
            process = start("probe", *between(source, copy.dsn))
            waits = "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'VIEW public.v' AND wait_event_type = 'Lock'"
            until(lambda: copy.value(waits) == 1, 20)
            copy.run("SELECT pg_logical_emit_message(true, 'a commit', 'writes down that it was made')")
            hold_wal_writer(copy)
            gate.rollback()
        runs(process.ends())
        server.stop(signal.SIGQUIT)
        server.start()


def test_what_a_crash_takes_back_before_the_snapshot_goes_is_read_again(start: Start) -> None:
    """Between the last row and the word that all is read, while the source is looked at once more."""
    with own_server(**DURABLE) as server, own_server() as other:
        source = new_database(other, "shop", "CREATE TABLE t AS SELECT g AS a FROM generate_series(1, 1000) g")
        source.run("SELECT lo_from_bytea(4711, 'x')")
        then = contents(source)
        copy = new_database(server, "copy")
        with psycopg.connect(source.dsn) as blocker, psycopg.connect(copy.dsn) as gate:
            gate.execute("CREATE SCHEMA replicator")  # which the journal waits for
            process = start("clone", *between(source, copy.dsn))
            waits = "SELECT count(*) FROM pg_stat_activity WHERE {} AND wait_event_type = 'Lock'"
            until(lambda: process.ended or copy.value(waits.format("query ~ 'CREATE SCHEMA replicator'")) == 1)
            source.run("SELECT txid_current()")  # where nothing was written since the snapshot, nothing is looked at
            blocker.execute("LOCK pg_catalog.pg_enum IN ACCESS EXCLUSIVE MODE")
            hold_wal_writer(copy)
            gate.rollback()
            until(lambda: process.ended or source.value(waits.format("application_name ~ 'snapshot'")) == 1)
            server.stop(signal.SIGQUIT)
            source.run("INSERT INTO t VALUES (0); SELECT lo_create(4712)")
            server.start()
            lost = "SELECT count(*) FROM replicator.step WHERE done_at IS NULL AND phase IN ('data', 'large objects')"
            assert copy.value(lost)
        runs(process.ends())
        assert contents(copy) == then


def test_the_old_primary_that_lives_on_does_not_get_the_copy_unnoticed(
    folder: Path, start: Start, replicator: Run, shop: Database
) -> None:
    with with_standby() as pair:
        copy = new_database(pair.first, "copy")
        port = f"{pair.second.port},{pair.first.port}"
        dsn = f"host=127.0.0.1,127.0.0.1 port={port} user=postgres dbname=copy target_session_attrs=read-write"
        until(lambda: caught_up(pair))
        process = started_to("indexes", folder, start, *between(shop, dsn))
        with held_at("indexes", folder, copy, process):
            promote(pair)
        result = process.ends()
        refuses(result, 6, f":{pair.second.port}/copy: a standby was promoted", "a standby was promoted")
        assert replicator("status", "--destination", dsn).code == 6


# --data-only, and swap


def test_rows_alone_are_filled_again_where_the_destination_has_them_unlogged(
    folder: Path, start: Start, shop: Database, copy: Database
) -> None:
    """It is the destination's choice, and what was there before is gone, though not by us."""
    schema = shop.dump("-s").replace("CREATE UNLOGGED TABLE public.measured_0", "CREATE TABLE public.measured_0")
    copy.run(schema.replace("CREATE TABLE public.customer", "CREATE UNLOGGED TABLE public.customer"))
    copy.run("INSERT INTO customer VALUES (-1, 'of the destination')")
    process = started_to("data", folder, start, *between(shop, copy.dsn, "--data-only", "--append"))
    with held_at("data", folder, copy, process):
        until(lambda: copy.value("SELECT count(*) FROM customer") == 2001)
        crash(copy.server)
    runs(process.ends())
    views = ("public.visits", "public.gated")
    assert [row for row in contents(copy) if row[0] not in views] == [
        row for row in contents(shop) if row[0] not in views
    ]


def test_rows_that_nobody_can_tell_apart_after_a_crash_end_the_run(
    folder: Path, start: Start, shop: Database, copy: Database
) -> None:
    """Of a partitioned table, some partitions are unlogged; what is in the others may be of the destination's own."""
    copy.run(shop.dump("-s"))
    copy.run("""
        DROP TABLE measured;
        CREATE TABLE measured (id int, day int) PARTITION BY RANGE (id);
        CREATE UNLOGGED TABLE measured_low PARTITION OF measured FOR VALUES FROM (MINVALUE) TO (250);
        CREATE TABLE measured_high PARTITION OF measured FOR VALUES FROM (250) TO (MAXVALUE);
        INSERT INTO measured VALUES (-1, 0), (999, 0);
    """)
    process = started_to("data", folder, start, *between(shop, copy.dsn, "--data-only", "--append"))
    with held_at("data", folder, copy, process):
        copied = "SELECT bool_and(done_at IS NOT NULL) FROM replicator.step WHERE relation ~ 'measured'"
        until(lambda: copy.value(copied) is True)
        before = copy.value("SELECT count(*) FROM measured_high")
        copy.run("CHECKPOINT")  # else these commits may be forgotten, and then nothing is left to be told apart
        crash(copy.server)
    refuses(process.ends(), 6, "unlogged partitions", "Empty this table")
    assert copy.value("SELECT count(*) FROM measured_high") == before


def test_a_copy_that_a_crash_emptied_is_not_swapped_in(
    start: Start, replicator: Run, shop: Database, copy: Database
) -> None:
    server = copy.server
    copy.run("CREATE TABLE old (a int)")
    arguments = between(shop, copy.dsn, "--replace", "swap")
    with contextlib.closing(psycopg.connect(server.conninfo())) as blocker:
        process = start("clone", *arguments)
        until(lambda: process.ended or "verification" in process.stderr)
        blocker.execute("LOCK pg_database IN SHARE MODE")  # the swap waits for it
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^ALTER DATABASE' AND wait_event_type = 'Lock'"
        with psycopg.connect(server.conninfo(), autocommit=True) as watcher:
            until(lambda: process.ended or watcher.execute(waiting).fetchone() == (1,))
        assert not process.ended, process.ends()
        process.kill()
        server.stop(signal.SIGQUIT)
    start_again(server)
    result = replicator("clone", *arguments, "--resume")
    refuses(result, 6, "emptied its unlogged tables", "without --resume")
    assert copy.value("SELECT count(*) FROM old") == 0
    runs(replicator("clone", *arguments))
    assert contents(copy) == contents(shop)
    assert copy.dump() == shop.dump()


# The matrix


@dataclass(frozen=True)
class Pair:
    """The server that is written to and the one that takes its place."""

    first: Server
    second: Server

    @property
    def dsn(self) -> str:
        port = f"{self.first.port},{self.second.port}"
        return f"host=127.0.0.1,127.0.0.1 port={port} user=postgres dbname=copy target_session_attrs=read-write"


@contextlib.contextmanager
def with_standby() -> Iterator[Pair]:
    """Servers of the wheel's release: before 18.5, unlogged sequences cannot be read once a standby is promoted."""
    with own_server(CLIENTS, **DURABLE) as first:
        second = Server(CLIENTS, reachable_folder("replicator-standby-"), {**SETTINGS, **DURABLE})
        try:
            backup = [first.bin / "pg_basebackup", "-R", "-c", "fast", "-D", second.data, "-d", first.conninfo()]
            subprocess.run(backup, check=True, capture_output=True, cwd=second.folder, **_as_server_user())
            second.bin = first.bin
            second.start()
            yield Pair(first, second)
        finally:
            second.__exit__(None, None, None)


def fail_over(pair: Pair) -> None:
    pair.first.stop(signal.SIGQUIT)
    promote(pair)


def promote(pair: Pair) -> None:
    with psycopg.connect(pair.second.conninfo(), autocommit=True) as conn:
        conn.execute("SELECT pg_promote()")


CONTINUED = ("retry", "--resume", "--resume=per-table")


@pytest.mark.faults
@pytest.mark.parametrize("harm", ["client", "destination", "source", "both", "failover"])
def test_a_crash_in_each_phase(
    harm: str,
    seed: int,
    folder: Path,
    start: Start,
    replicator: Run,
    shop: Database,
    durable: Server,
    judge: Judge,
) -> None:
    """Every phase of the run, every way to go on: chosen one after another, from where the seed says."""
    ways = [(phase, how) for phase in PHASES for how in CONTINUED if (harm, how) != ("client", "retry")]
    random.Random(seed // 1000).shuffle(ways)
    phase, how = ways[seed % 1000 % len(ways)]
    print(f"{harm}, {phase}, {how}")
    with contextlib.ExitStack() as stack:
        pair = stack.enter_context(with_standby()) if harm == "failover" else None
        copy = new_database(pair.first if pair else durable, "copy")
        dsn = pair.dsn if pair else copy.dsn
        arguments = between(shop, dsn, "--retry-for", "30s", *(["--hold-snapshot", "2m"] if how == "--resume" else []))
        if pair:
            until(lambda: caught_up(pair))
        process = started_to(phase, folder, start, *arguments)
        with held_at(phase, folder, copy, process):
            if how != "retry":
                process.kill()
            if harm in ("source", "both"):
                crash(shop.server)
                shop.run(REFILL)
            if harm in ("destination", "both"):
                crash(copy.server)
            if pair:
                fail_over(pair)
                copy = Database(pair.second, "copy", NEWEST)
        result = process.ends()
        became = judge(result, shop, copy, held=how == "--resume")
        for more in ([how] if how == "--resume" else []) + ["--resume=per-table"]:
            if became == SAID_SO and replicator("status", "--destination", copy.dsn).code:
                became = judge(replicator("clone", more, *between(shop, dsn)), shop, copy, counts=False)
        if became == SAID_SO and "CREATE" not in copy.dump():
            became = judge(replicator("clone", *between(shop, dsn)), shop, copy, counts=False)
        assert became == FINISHED or contents(copy) == contents(shop)
        if harm in ("client", "destination", "failover") and how == "retry":
            assert result.code == 0, result


def caught_up(pair: Pair) -> bool:
    with psycopg.connect(pair.first.conninfo(), autocommit=True) as conn:
        query = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"
        return conn.execute(query).fetchone() == (1,)
