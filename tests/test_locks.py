"""A source that others alter while it is read: who waits for whom, and what changed names and types make of rows."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest

from replicator.catalog.read import read_catalog
from replicator.catalog.unprintable import unprintable
from replicator.errors import PreflightFailed, SourceChanged
from replicator.model import Address, Catalog, Sequence
from replicator.runs import hold, reading
from replicator.runs.clone import clone
from replicator.sessions import postgres, snapshot, watchdog
from replicator.sessions.changes import changed_contents
from replicator.sessions.locks import Relation
from replicator.sessions.watch import Wait, Watch, watched
from replicator.settings import Settings
from replicator.work import sequences
from tests.fix_cli import Run, Start, both, leaves_no_session, refuses, runs, until
from tests.fix_servers import SOME, Database
from tests.test_faults import SLOW_ROWS, SLOW_TABLES, in_mid_copy

pytestmark = SOME
PREFLIGHT_FAILED, SOURCE_CHANGED = 3, 7
APPLICATION = "their tool"


@pytest.fixture(scope="module")
def asked_soon() -> Iterator[None]:
    before, watchdog.LOOK_SECONDS = watchdog.LOOK_SECONDS, 0.3
    yield
    watchdog.LOOK_SECONDS = before


@contextmanager
def waiting(database: Database, statement: str) -> Iterator[threading.Thread]:
    """Let somebody run a statement without any timeout, who waits for a lock when the `with` begins."""

    def run() -> None:
        with (
            suppress(psycopg.errors.AdminShutdown),
            psycopg.connect(database.dsn, application_name=APPLICATION, autocommit=True) as conn,
        ):
            conn.execute(statement)

    thread = threading.Thread(target=run)
    thread.start()
    his = f"FROM pg_stat_activity WHERE application_name = '{APPLICATION}' AND wait_event_type = 'Lock'"
    until(lambda: database.value(f"SELECT count(*) {his}") == 1)
    try:
        yield thread
    except BaseException:
        database.run(f"SELECT pg_terminate_backend(pid) {his}")
        raise
    finally:
        thread.join()


def relation(database: Database, name: str, *, only: bool = True) -> Relation:
    return Relation(name, database.value(f"SELECT '{name}'::regclass::oid::bigint"), only)


# The moment


def test_the_position_of_a_snapshot_is_where_it_was_taken_not_where_it_was_read(database: Database) -> None:
    database.run("CREATE TABLE t (a int)")
    with snapshot.take(database.dsn, holders=2) as moment:
        lsn = database.value("SELECT pg_current_wal_lsn()")
        database.run("INSERT INTO t SELECT generate_series(1, 1000)")
        with snapshot.take(database.dsn, imported=moment.id) as joined:
            assert joined.read_point.snapshot == moment.read_point.snapshot
        assert database.value(f"SELECT '{moment.read_point.lsn}'::pg_lsn <= '{lsn}'::pg_lsn")
        moment.holder.close()
        moment.keep()
        assert database.value(f"SELECT '{moment.read_point.lsn}'::pg_lsn <= '{lsn}'::pg_lsn")


def test_sessions_that_look_at_what_is_there_now_are_used_again_while_they_are_fit(database: Database) -> None:
    with snapshot.take(database.dsn) as moment:
        with moment.now() as first:
            assert first.execute("SELECT 1").fetchall() == [(1,)]
        with moment.now() as again:
            assert again is first
            again.execute("BEGIN")  # whoever left it so may have failed
        with moment.now() as second:
            assert second is not first
            database.run(f"SELECT pg_terminate_backend({second.info.backend_pid})")
        with moment.another() as third:
            assert third and third is not second
            assert third.execute("SHOW transaction_isolation").fetchall() == [("repeatable read",)]
        with moment.now() as now:
            assert now is third
            assert now.execute("SHOW transaction_isolation").fetchall() == [("read committed",)]
    assert now.closed


def test_all_steps_of_a_run_have_the_position_of_its_snapshot(
    database: Database, destination: Database, start: Start
) -> None:
    database.run(SLOW_TABLES)
    process = in_mid_copy(start, database, destination)
    lsn = database.value("SELECT pg_current_wal_lsn()")
    database.run("CREATE TABLE later AS SELECT generate_series(1, 1000)")
    known = "SELECT count(*) FROM replicator.step WHERE lsn IS NOT NULL"
    until(lambda: process.ended or destination.value(known) == 1)
    process.kill()
    assert destination.value(f"SELECT bool_and(lsn <= '{lsn}') FROM replicator.step")


# Who is waited for


def test_a_wait_for_a_lock_names_who_has_it(database: Database, asked_soon: None) -> None:
    """The listener is told of the session in the way, or that there is none, while the statement goes on waiting."""
    database.run("CREATE TABLE t (a int)")
    heard: list[Wait] = []
    watch = Watch()
    watch.listener = heard.append
    with (
        watched(watch),
        psycopg.connect(database.dsn, application_name=APPLICATION) as other,
        postgres.connect(database.dsn) as ours,
    ):
        other.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        pid = other.info.backend_pid
        thread = threading.Thread(target=ours.execute, args=["LOCK TABLE public.t; SELECT pg_sleep(1)"])
        ours.execute("BEGIN")
        thread.start()
        until(lambda: bool(heard))
        other.rollback()
        until(lambda: not heard[-1].holders)
        thread.join()
    assert heard[0].what == "public.t"
    assert heard[0].statement.startswith("LOCK TABLE")
    (holder,) = heard[0].holders
    assert (holder.pid, holder.application) == (pid, APPLICATION)
    assert holder.statement == "LOCK TABLE t IN ACCESS EXCLUSIVE MODE"
    assert heard[-1].what == ""


def test_a_statement_that_somebody_cancels_names_its_server(database: Database) -> None:
    with postgres.connect(database.dsn) as ours:
        ours.server = "source"
        cancel = f"SELECT pg_cancel_backend({ours.info.backend_pid})"
        thread = threading.Timer(0.2, database.run, [cancel])
        thread.start()
        with pytest.raises(psycopg.errors.QueryCanceled) as caught:
            ours.execute("SELECT pg_sleep(30)")
        thread.join()
    assert caught.value.__notes__ == ["on the source"]


# The queue behind somebody who waits


@pytest.mark.parametrize("options", [(), ("--verify",)])
def test_a_clone_ends_though_somebody_waits_to_alter_a_table(
    options: tuple[str, ...], database: Database, destination: Database, start: Start
) -> None:
    """He waits for the clone, and a worker would wait behind him for ever: for rows, or for how large a file is."""
    database.run(f"{SLOW_TABLES} ANALYZE one, two")
    process = in_mid_copy(start, database, destination, *options)
    with waiting(database, "ALTER TABLE two ADD x int"):
        result = process.ends()
    runs(result)
    assert "public.two: reading in the session that holds its lock" in result.err
    assert f"({APPLICATION}): ALTER TABLE two ADD x int" in result.err
    assert destination.rows("SELECT count(*), sum(a) FROM two") == [(SLOW_ROWS, SLOW_ROWS * (SLOW_ROWS + 1) // 2)]
    assert (
        destination.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'two'::regclass AND attname = 'x'") == 0
    )
    assert database.value("SELECT count(*) FROM two WHERE x IS NULL") == SLOW_ROWS
    leaves_no_session(database.server)


def test_who_waits_for_the_clone_with_a_sequence_that_it_has_to_read_is_named(
    database: Database, destination: Database, start: Start
) -> None:
    """The clone waits for him, and he for the clone: nobody but the clone can know that."""
    database.run(f"{SLOW_TABLES} CREATE SEQUENCE s")
    process = in_mid_copy(start, database, destination, "--verify", "--retry-for", "3s")
    with waiting(database, "BEGIN; ALTER SEQUENCE s RENAME TO r; ALTER TABLE two ADD x int; COMMIT"):
        result = process.ends()
    refuses(result, 6, "waiting for a lock on public.s", f"({APPLICATION})", "which replicator itself holds")
    leaves_no_session(database.server)


def test_the_lent_connection_serves_one_reader_after_another(database: Database) -> None:
    database.run("CREATE TABLE t AS SELECT generate_series(1, 10) AS a")
    said: list[str] = []
    counts: list[int] = []
    t = [relation(database, "public.t")]
    with snapshot.take(database.dsn, holders=2) as moment:
        moment.lock_tables()
        moment.tell = said.append

        def read() -> None:
            with moment.now() as conn, moment.imported(conn, t) as reader:
                moment.keep()
                counts.extend(n for (n,) in reader.execute("SELECT count(*) FROM public.t, pg_sleep(0.2)").fetchall())

        readers = [threading.Thread(target=read) for _ in range(3)]
        with waiting(database, "TRUNCATE t"):
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
            moment.check([t[0].oid])
            moment.release()
    assert counts == [10, 10, 10]
    assert len(said) == 3


def test_a_failure_on_the_lent_connection_costs_neither_snapshot_nor_locks(database: Database) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    t = [relation(database, "public.t")]
    with snapshot.take(database.dsn) as moment:
        moment.lock_tables()
        with waiting(database, "TRUNCATE t"):
            with (
                moment.now() as conn,
                pytest.raises(psycopg.errors.DivisionByZero),
                moment.imported(conn, t) as reader,
            ):
                reader.execute("SELECT 1 / 0")
            moment.keep()
            with moment.now() as conn, moment.imported(conn, t) as reader:
                assert reader.execute("SELECT a FROM public.t").fetchall() == [(1,)]
            moment.release()


def test_the_catalogs_are_read_though_somebody_waits_to_alter_a_table(database: Database) -> None:
    database.run("CREATE TABLE t (a int PRIMARY KEY); CREATE VIEW v AS SELECT a FROM t")
    with snapshot.take(database.dsn) as moment:
        moment.lock_tables()
        expected = read_catalog(moment.holder)
        with waiting(database, "ALTER TABLE t ADD x int"):
            with moment.another() as beside:
                found = read_catalog(moment.holder, beside)
            moment.release()
    assert found == expected


def test_a_process_that_cannot_lock_what_it_is_to_hold_says_who_is_in_the_way(
    database: Database, destination: Database
) -> None:
    database.run("CREATE TABLE t (a int)")
    with snapshot.take(database.dsn) as moment:
        moment.lock_tables()
        with waiting(database, "ALTER TABLE t ADD x int"):
            request = hold.Request(database.dsn, destination.dsn, "UTF8", moment.id, 60)
            with pytest.raises(PreflightFailed, match=rf"\({APPLICATION}\): ALTER TABLE t ADD x int"):
                hold.start(request)
            moment.release()
    leaves_no_session(database.server)


def test_a_lock_that_is_not_to_be_had_in_time_ends_the_run_before_anything_is_written(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run("CREATE TABLE t (a int)")
    with psycopg.connect(database.dsn, application_name=APPLICATION) as other:
        other.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        result = replicator("clone", "--lock-timeout", "1s", *both(database, destination))
        words = f"session {other.info.backend_pid} ({APPLICATION}): LOCK TABLE t IN ACCESS EXCLUSIVE MODE"
    refuses(result, PREFLIGHT_FAILED, words, "--lock-timeout")
    assert destination.value("SELECT to_regnamespace('replicator')") is None


def test_a_clone_says_whom_it_waits_for_and_goes_on(database: Database, destination: Database, start: Start) -> None:
    database.run("CREATE TABLE t (a int)")
    with psycopg.connect(database.dsn, application_name=APPLICATION) as other:
        other.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        process = start("clone", *both(database, destination))
        process.says(f"waiting for a lock on public.t; held, or requested earlier, by session {other.info.backend_pid}")
    runs(process.ends())


def test_whom_those_before_us_wait_for_is_said_too(database: Database, destination: Database, start: Start) -> None:
    database.run("CREATE TABLE t (a int)")
    with psycopg.connect(database.dsn, application_name=APPLICATION) as other:
        other.execute("SELECT FROM t")
        with waiting(database, "ALTER TABLE t ADD b int"):
            process = start("clone", *both(database, destination))
            root = f"which waits for session {other.info.backend_pid} ({APPLICATION}): SELECT FROM t"
            process.says(root)
            other.rollback()
    runs(process.ends())


def test_what_cannot_be_printed_is_not_looked_for_behind_somebody_who_waits(database: Database) -> None:
    """He waits for the locks of the snapshot, which is renewed then, so that he gets on."""
    database.run("CREATE TABLE t (a int CHECK (a > 0))")
    with snapshot.take(database.dsn) as moment:
        moment.lock_tables()
        with waiting(database, "ALTER TABLE t ALTER a SET DEFAULT 1"):
            with moment.now() as conn, pytest.raises(psycopg.errors.LockNotAvailable):
                list(unprintable(conn))
            moment.renew()
        with moment.now() as conn:
            assert list(unprintable(conn)) == []


@pytest.mark.parametrize("options", [(), ("--verify",)])
def test_a_catalog_can_be_rebuilt_while_rows_are_copied(
    options: tuple[str, ...], database: Database, destination: Database, start: Start
) -> None:
    """Every new session waits behind whoever waits for a lock on it, this program's own and the application's."""
    database.run(SLOW_TABLES)
    process = in_mid_copy(start, database, destination, *options)
    for catalog in ("pg_class", "pg_attribute", "pg_enum", "pg_type", "pg_constraint"):
        database.run(f"SET lock_timeout = '2s'; VACUUM FULL pg_catalog.{catalog}")
    assert not process.ended
    runs(process.ends())


def test_a_catalog_can_be_rebuilt_once_it_is_read(
    database: Database, destination: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading of the catalogs and the first row there are new sessions, too."""
    waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 1259"  # pg_class
    read = reading.read
    with (
        psycopg.connect(database.dsn, autocommit=True) as other,
        psycopg.connect(database.dsn, autocommit=True) as watching,  # a new session would wait, too
        ThreadPoolExecutor() as pool,
    ):
        rebuilt: list[Future] = []

        def read_while_somebody_comes(moment: snapshot.Snapshot, *more: object) -> Catalog:
            catalog = read(moment, *more)
            rebuilt.append(pool.submit(other.execute, "VACUUM FULL pg_catalog.pg_class"))
            until(lambda: watching.execute(waits).rowcount == 1)
            return catalog

        monkeypatch.setattr(reading, "read", read_while_somebody_comes)
        other.execute("SET lock_timeout = '20s'")
        assert watching.execute(waits).rowcount == 0  # from now on it knows all names without looking
        clone(Settings(source=database.dsn, destination=destination.dsn), lambda event: None)
        rebuilt[0].result()


# Names that lead elsewhere

APPS = """
CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 'old' AS a FROM generate_series(1, 1000); CREATE SEQUENCE app.s;
CREATE SCHEMA app_new; CREATE TABLE app_new.t (a text); CREATE SEQUENCE app_new.s;
"""
SWAP = "ALTER SCHEMA app RENAME TO app_old; ALTER SCHEMA app_new RENAME TO app"
VIEW = "ALTER SCHEMA app RENAME TO app_old; CREATE SCHEMA app; CREATE VIEW app.t AS SELECT * FROM app_old.t LIMIT 1"
GONE = "ALTER SCHEMA app RENAME TO app_old"


@pytest.mark.parametrize(("change", "options"), [(SWAP, ()), (SWAP, ("--verify",)), (VIEW, ()), (GONE, ())])
def test_a_schema_that_takes_the_place_of_another_in_mid_copy_is_noticed(
    change: str, options: tuple[str, ...], database: Database, destination: Database, start: Start, replicator: Run
) -> None:
    database.run(SLOW_TABLES + APPS)
    process = in_mid_copy(start, database, destination, *options)
    database.run(change)
    refuses(process.ends(), SOURCE_CHANGED, "app.t", "`clean`, then `clone")
    told = replicator("status", "--destination", destination.dsn).out
    assert "changed" in told
    assert "Start over with `clean`, then `clone" in told and "--resume" not in told
    refuses(replicator("clone", "--resume=per-table", *both(database, destination)), PREFLIGHT_FAILED, "was altered")


def test_a_name_is_proved_between_the_lock_and_the_end_of_the_reading(database: Database) -> None:
    """And though it leads back to the planned relation afterwards."""
    database.run(APPS)
    t = [relation(database, "app.t")]
    with snapshot.take(database.dsn) as moment:
        moment.lock_tables()
        with (
            moment.now() as conn,
            pytest.raises(SourceChanged, match=r"Dropped, renamed or replaced during the run: app\.t\."),
            moment.imported(conn, t) as reader,
        ):
            database.run(SWAP)
            reader.execute("SELECT a FROM app.t")
            database.run("ALTER SCHEMA app RENAME TO app_else; ALTER SCHEMA app_old RENAME TO app")
        with moment.now() as conn, moment.imported(conn, t) as reader:
            assert len(reader.execute("SELECT a FROM app.t").fetchall()) == 1000


def test_a_name_is_proved_on_the_lent_connection(database: Database) -> None:
    database.run(APPS)
    t = [relation(database, "app.t")]
    with snapshot.take(database.dsn) as moment:
        moment.lock_tables()
        with waiting(database, "TRUNCATE app.t"):
            with (
                moment.now() as conn,
                pytest.raises(SourceChanged, match=r"Dropped, renamed or replaced during the run: app\.t\."),
                moment.imported(conn, t) as reader,
            ):
                database.run(SWAP)
                reader.execute("SELECT a FROM app.t")
            moment.release()


def test_partitions_indexes_and_new_indexes_are_no_other_relations(database: Database) -> None:
    database.run("""
        CREATE SCHEMA app; CREATE SCHEMA archive;
        CREATE TABLE app.t (a int PRIMARY KEY, b text) PARTITION BY RANGE (a);
        CREATE TABLE archive.t PARTITION OF app.t FOR VALUES FROM (0) TO (100);
        INSERT INTO app.t SELECT g, repeat('x', 100000) FROM generate_series(1, 9) g
    """)
    with snapshot.take(database.dsn) as moment:
        moment.lock_tables()
        database.run("CREATE INDEX ON archive.t (a, (b IS NULL))")
        for name, only in (("app.t", False), ("archive.t", True)):
            with moment.now() as conn, moment.imported(conn, [relation(database, name, only=only)]) as reader:
                assert reader.execute(f"SELECT count(b) FROM {name} WHERE a > 0").fetchall() == [(9,)]


def test_a_sequence_that_takes_the_place_of_another_is_noticed(database: Database) -> None:
    database.run(APPS)
    s = Sequence(Address(1259, relation(database, "app.s").oid), "app.s", "app")
    with postgres.connect(database.dsn) as conn:
        assert sequences.read_values(conn, [s]) == {"app.s": (1, False)}
        database.run(SWAP)
        with pytest.raises(SourceChanged, match=r"app\.s"):
            sequences.read_values(conn, [s])


# What no lock keeps out

STATES = """
CREATE TYPE state AS ENUM ('paid', 'open');
CREATE TABLE bill (a int, b state);
INSERT INTO bill SELECT g, CASE WHEN g <= 10 THEN 'paid' ELSE 'open' END::state FROM generate_series(1, 1000) g;
"""
RENAME = "ALTER TYPE state RENAME VALUE 'paid' TO 'x'; ALTER TYPE state RENAME VALUE 'open' TO 'paid'"
EXCHANGE = f"{RENAME}; ALTER TYPE state RENAME VALUE 'x' TO 'open'"


@pytest.mark.parametrize(("change", "options"), [(RENAME, ()), (EXCHANGE, ()), (EXCHANGE, ("--verify",))])
def test_an_enum_whose_values_are_renamed_in_mid_copy_is_noticed(
    change: str,
    options: tuple[str, ...],
    database: Database,
    destination: Database,
    start: Start,
    replicator: Run,
) -> None:
    """Whether the destination refuses them or takes them for others."""
    database.run(SLOW_TABLES + STATES)
    process = in_mid_copy(start, database, destination, *options)
    database.run(change)
    refuses(process.ends(), SOURCE_CHANGED, "type public.state", "while its rows were read")
    assert "changed" in replicator("status", "--destination", destination.dsn).out


TYPES = (
    STATES
    + """
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN short AS text;
CREATE FUNCTION twice(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 2 * $1';
CREATE TABLE of_types (a pair[], b short, c int, d int GENERATED ALWAYS AS (twice(c)) STORED, CHECK (twice(c) > 0));
CREATE TABLE named (a regclass[]);
CREATE VIEW seen AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW kept AS SELECT a FROM bill;
CREATE UNIQUE INDEX kept_a ON kept (a);
CREATE ROLE somebody_else;
"""
)
MATTERS = {
    RENAME: "type public.state",
    "ALTER TYPE state RENAME VALUE 'paid' TO 'x'; ALTER TYPE state RENAME VALUE 'x' TO 'paid'": "type public.state",
    "ALTER TYPE pair ADD ATTRIBUTE z int": "public.pair",
    "ALTER TYPE pair DROP ATTRIBUTE x": "public.pair",
    "CREATE OR REPLACE FUNCTION twice(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 3 * $1'": "public.twice",
    "ALTER VIEW seen RENAME TO looked_at": "public.looked_at",
    "TRUNCATE bill": "table public.bill",
    "DROP TABLE bill CASCADE": "object",
    "ALTER TABLE bill ADD c int": "table public.bill",
}
PASSES = [
    "ALTER TYPE state ADD VALUE 'late' BEFORE 'paid'",
    "ALTER TYPE state RENAME TO status",
    "ALTER TYPE state OWNER TO somebody_else; GRANT ALL ON TYPE state TO PUBLIC",
    "COMMENT ON TABLE bill IS 'said'; GRANT SELECT ON bill TO PUBLIC; ALTER TABLE bill OWNER TO somebody_else",
    "GRANT SELECT (a) ON bill TO PUBLIC; ALTER TABLE bill ALTER a SET STATISTICS 1000",
    "ALTER FUNCTION twice(int) OWNER TO somebody_else; ALTER FUNCTION twice(int) RENAME TO double",
    "CREATE TYPE other AS ENUM (); CREATE TABLE other_table (a other); DROP TABLE other_table",
    "CREATE INDEX ON bill (a); ANALYZE bill",
    "REFRESH MATERIALIZED VIEW kept",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY kept",
    "ALTER DOMAIN short SET DEFAULT 'x'",
]


@pytest.fixture
def typed(database: Database) -> Iterator[Database]:
    database.run(TYPES)
    yield database
    database.run("DROP OWNED BY somebody_else CASCADE; DROP ROLE somebody_else")


def changes(database: Database, change: Callable[[], None]) -> list[str]:
    tables = [oid for (oid,) in database.rows("SELECT oid::bigint FROM pg_class WHERE relkind = 'r' AND oid >= 16384")]
    with snapshot.take(database.dsn) as moment, moment.now() as now:
        change()
        return changed_contents(moment.holder, now, tables)


@pytest.mark.parametrize("statement", MATTERS)
def test_a_change_that_can_matter_is_named(statement: str, typed: Database) -> None:
    found = changes(typed, lambda: typed.run(statement))
    assert any(MATTERS[statement] in name for name in found), found


@pytest.mark.parametrize("statement", PASSES)
def test_a_change_that_cannot_matter_passes(statement: str, typed: Database) -> None:
    assert changes(typed, lambda: typed.run(statement)) == []


def test_maintenance_passes(typed: Database) -> None:
    def change() -> None:
        with psycopg.connect(typed.dsn, autocommit=True) as conn:
            conn.execute("VACUUM FREEZE")

    assert changes(typed, change) == []


# Locks that are lost


@pytest.mark.parametrize("statement", ["TRUNCATE two", "ALTER TABLE two ADD x int"])
def test_what_gets_through_while_nobody_has_the_locks_is_noticed(
    statement: str, database: Database, destination: Database, start: Start
) -> None:
    database.run(SLOW_TABLES)
    process = in_mid_copy(start, database, destination)
    with waiting(database, statement):
        database.run(
            """SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
                WHERE application_name = 'replicator snapshot' AND relation = 'two'::regclass"""
        )
    refuses(process.ends(), SOURCE_CHANGED, "public.two")
    leaves_no_session(database.server)


def test_a_table_that_was_emptied_while_nobody_had_the_locks_is_noticed_at_once_and_at_the_end(
    database: Database,
) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    t = [relation(database, "public.t")]
    with snapshot.take(database.dsn, holders=2) as moment:
        moment.lock_tables()
        moment.holder.close()
        database.run("TRUNCATE t")
        with moment.now() as conn, pytest.raises(SourceChanged, match=r"these were altered: table public\.t"):
            moment.imported(conn, t).__enter__()
        with pytest.raises(SourceChanged, match=r"table public\.t"):
            moment.check([t[0].oid])
