"""More tables than the server has room for locks: what pg_dump copies is copied, and what others change is noticed."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest

from replicator import checks
from replicator.errors import SourceChanged
from replicator.sessions import locks, postgres, snapshot
from replicator.sessions.locks import Relation
from tests.fix_cli import Run, Start, both, own_server, refuses, runs, until
from tests.fix_servers import BINARIES, VERSIONS, Database, Servers

SOURCE_CHANGED = 7
TABLES = 500
PARTITIONS = 20
MAKE = f"""
DO $$
BEGIN
    FOR n IN 1..{TABLES} LOOP
        EXECUTE format('CREATE TABLE t%s AS SELECT %s AS a', n, n);
        IF n % 50 = 0 THEN COMMIT; END IF;
    END LOOP;
    CREATE TABLE p (a int) PARTITION BY LIST (a);
    FOR n IN 1..{PARTITIONS} LOOP
        EXECUTE format('CREATE TABLE p%s PARTITION OF p FOR VALUES IN (%s)', n, n);
    END LOOP;
    INSERT INTO p SELECT generate_series(1, {PARTITIONS});
END
$$;
"""


@pytest.fixture(scope="module", params=sorted({VERSIONS[0], VERSIONS[-1]}), ids=lambda major: f"pg{major}")
def crowded(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with far more tables than there are locks."""
    with own_server(BINARIES[request.param], max_locks_per_transaction="10", max_connections="20") as server:
        database = Database(server, "template1", request.param)
        database.run(MAKE)
        yield database


@pytest.fixture
def there(servers: Servers) -> Database:
    return servers.database(VERSIONS[-1])


def test_the_room_is_there(crowded: Database) -> None:
    """In the statement's own words: so many locks can be taken."""
    with postgres.connect(crowded.dsn) as conn, conn.transaction(force_rollback=True):
        room, free = locks.room(conn)
        assert 200 < free <= room < TABLES
        conn.execute("; ".join(f"LOCK public.t{n} IN ACCESS EXCLUSIVE MODE" for n in range(1, free - 20)))
        assert locks.room(conn)[1] < 40


def test_it_is_copied_and_compared(crowded: Database, there: Database, replicator: Run) -> None:
    done = replicator("clone", "--verify", "--jobs", "2", *both(crowded, there))
    runs(done)
    assert "some tables are locked only while they are copied" in done.said
    assert there.value("SELECT count(*) FROM p") == PARTITIONS
    assert there.value(f"SELECT a FROM t{TABLES}") == TABLES


def test_as_many_tables_are_locked_as_there_is_room_for(crowded: Database) -> None:
    with postgres.connect(crowded.dsn) as conn, conn.transaction():
        statements, all_tables = locks.what_fits(conn)
        held = locks.take(conn, statements)
        assert 0 < len(held) < len(all_tables) == TABLES + PARTITIONS + 1
        assert locks.room(conn)[1] > 50
        taken = conn.execute("SELECT count(*) FROM pg_locks WHERE relation::bigint = ANY (%s)", [list(held)]).fetchall()
        assert taken == [(len(held),)]


def test_where_others_take_the_room_it_makes_do_with_less(crowded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "room", lambda conn: (10**6, 10**6))
    with psycopg.connect(crowded.dsn) as other, postgres.connect(crowded.dsn) as conn, conn.transaction():
        other.execute("SELECT")  # in one transaction
        with suppress(psycopg.errors.OutOfMemory):
            for n in range(10**6):
                with other.transaction():
                    other.execute(f"SELECT pg_advisory_xact_lock(g) FROM generate_series({n * 50}, {n * 50 + 49}) g")
        statements, all_tables = locks.what_fits(conn)
        assert len(locks.take(conn, statements)) < len(all_tables)
        conn.execute("SELECT FROM public.t1")


def last(database: Database) -> Relation:
    """A table that is not locked from the beginning."""
    return Relation("public.p1", database.value("SELECT 'p1'::regclass::oid::bigint"))


def test_a_table_that_others_have_locked_is_waited_for(crowded: Database) -> None:
    table = last(crowded)
    seen: list[object] = []
    with snapshot.take(crowded.dsn) as moment, psycopg.connect(crowded.dsn) as other:
        moment.lock_tables()
        other.execute("LOCK TABLE p1")

        def read() -> None:
            with moment.now() as conn, moment.imported(conn, [table]) as reader:
                seen.extend(reader.execute("SELECT a FROM public.p1").fetchall())

        reading = threading.Thread(target=read)
        reading.start()
        until(lambda: crowded.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == 1)
        other.rollback()
        reading.join()
        moment.check([table.oid])
    assert seen == [(1,)]


@pytest.mark.parametrize(
    "change", ["TRUNCATE p1; INSERT INTO p1 VALUES (1)", "ALTER TABLE p ADD IF NOT EXISTS later int"]
)
def test_what_was_changed_unseen_is_noticed(crowded: Database, change: str) -> None:
    table = last(crowded)
    with snapshot.take(crowded.dsn) as moment:
        moment.lock_tables()
        moment.check([table.oid])
        crowded.run(change)
        with pytest.raises(SourceChanged, match=r"public\.p1"):
            moment.check([table.oid])


def test_a_clone_whose_table_is_emptied_meanwhile_ends(
    crowded: Database, there: Database, start: Start, replicator: Run
) -> None:
    process = start("clone", "--jobs", "1", "--max-rate", "4kB/s", *both(crowded, there))
    until(lambda: process.ended or bool(there.value("SELECT to_regclass('replicator.step') IS NOT NULL")))
    assert not process.ended, process.ends()
    crowded.run("BEGIN; CREATE TEMP TABLE kept AS TABLE p2; TRUNCATE p2; INSERT INTO p2 TABLE kept; COMMIT")
    refuses(process.ends(60), SOURCE_CHANGED, "public.p2")


def test_probe_tells_of_it_and_stops_nobody(crowded: Database) -> None:
    with psycopg.connect(crowded.dsn) as conn:
        (finding,) = checks.check_locks(conn)
    assert not finding.fatal
