"""A resumed copy is never called complete when it is not: verdicts stay, and what changed between the runs is seen."""

import signal
from pathlib import Path

import psycopg
import pytest

from tests.fix_cli import (
    Result,
    Run,
    Start,
    both,
    refuses,
    runs,
)
from tests.fix_servers import SOME, Database, Servers
from tests.test_faults import SCHEMA, SLOW_TABLES
from tests.test_masks import define
from tests.test_resume import HOLD, killed

pytestmark = SOME
PREFLIGHT, DIFFERENT, FAILED = 3, 8, 6
SHOP = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE shop (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE ware (id int PRIMARY KEY, shop_id int REFERENCES shop, price numeric(10, 2));
CREATE TABLE parted (k int, t text) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
INSERT INTO shop SELECT g, 'shop ' || g FROM generate_series(1, 20) g;
INSERT INTO ware SELECT g, 1 + g % 20, g FROM generate_series(1, 100) g;
INSERT INTO parted SELECT 1 + g % 2, g FROM generate_series(1, 10) g;
CREATE INDEX ware_price ON ware (price);
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
CREATE VIEW cheap AS SELECT * FROM ware WHERE price < 10;
CREATE MATERIALIZED VIEW sums AS SELECT shop_id, sum(price) FROM ware GROUP BY 1;
CREATE SEQUENCE number START 77;
SELECT nextval('number');
SELECT lo_from_bytea(4711, 'large');
"""
LATE = "CREATE MATERIALIZED VIEW late AS SELECT 1 / (price - 50) AS x FROM ware WHERE id <> 50;"


@pytest.fixture
def shop(database: Database) -> Database:
    database.run(SHOP)
    return database


def fails_at_the_end(replicator: Run, source: Database, destination: Database, *options: str) -> Result:
    """Leave a copy that is made but for a materialized view, which fails."""
    source.run(f"{LATE} UPDATE ware SET price = 50 WHERE id = 51")
    result = replicator("clone", "--jobs", "2", *both(source, destination), *options)
    refuses(result, FAILED, "refresh public.late", "Continue with `clone ", "--resume`.")
    source.run("UPDATE ware SET price = 51 WHERE id = 51")
    destination.run("UPDATE ware SET price = 51 WHERE id = 51")
    return result


def differs(start: Start, source: Database, destination: Database, *options: str) -> None:
    """Leave a copy that was compared and found to differ: somebody changed a row while an index was built."""
    source.run("""
        CREATE FUNCTION waits(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN $1; END';
        CREATE INDEX ON ware (waits(id))
    """)
    with psycopg.connect(destination.dsn) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(42)")
        process = start("clone", "--verify", "--jobs", "2", *both(source, destination), *options)
        process.says("data: 4 steps, ")
        destination.run("UPDATE shop SET name = 'spoiled' WHERE id = 7")
    refuses(process.ends(), DIFFERENT, "differs from the source in 1 place", "`verify --repair`")


def names(destination: Database) -> object:
    return destination.value("SELECT string_agg(name, ',' ORDER BY id) FROM shop")


class TestAVerdict:
    def test_goes_away_by_a_comparison_alone(
        self, start: Start, replicator: Run, shop: Database, destination: Database
    ) -> None:
        differs(start, shop, destination)
        assert "verify --repair" in replicator("status", "--destination", destination.dsn).out
        for _ in range(2):
            again = replicator("clone", "--resume", *both(shop, destination))
            refuses(again, DIFFERENT, "1 place")
            assert "complete" not in again.out
        destination.run("UPDATE shop SET name = 'shop 7' WHERE id = 7")
        assert "complete and verified" in runs(replicator("clone", "--resume", *both(shop, destination)))
        assert names(destination) == names(shop)

    def test_of_a_killed_second_run_stays(
        self, start: Start, replicator: Run, shop: Database, destination: Database
    ) -> None:
        differs(start, shop, destination)
        shop.run("UPDATE shop SET name = 'later' WHERE id = 8")
        destination.run("UPDATE replicator.run SET state = 'running'")  # as a kill in mid-comparison leaves it
        refuses(replicator("clone", "--resume", *both(shop, destination)), DIFFERENT)

    def test_is_mended_by_verify_repair_which_ends_the_run(
        self, start: Start, replicator: Run, shop: Database, destination: Database
    ) -> None:
        shop.run(f"ALTER DATABASE {shop.name} SET work_mem = '5MB'")
        differs(start, shop, destination)
        shop.run("INSERT INTO shop VALUES (99, 'new'); SELECT nextval('number'), nextval('number')")
        result = replicator("verify", "--repair", *both(shop, destination))
        runs(result)
        assert "1 changed, 1 missing rows, repaired" in result.out
        assert names(destination) == names(shop)
        assert destination.value("SELECT last_value FROM number") == 79
        assert destination.value("SELECT to_regnamespace('replicator')") is None
        assert destination.dump() == shop.dump()
        settings = (
            "SELECT array_to_string(setconfig, ',') FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase"
        )
        assert destination.value(f"{settings} WHERE datname = current_database()") == "work_mem=5MB"
        runs(replicator("verify", *both(shop, destination)))

    def test_that_repair_does_not_mend_stays(
        self, start: Start, replicator: Run, shop: Database, destination: Database
    ) -> None:
        differs(start, shop, destination)
        destination.run("CREATE TABLE extra ()")
        refuses(replicator("verify", "--repair", *both(shop, destination)), DIFFERENT)
        assert "differs" in replicator("status", "--destination", destination.dsn).out
        destination.run("DROP TABLE extra")
        runs(replicator("verify", "--repair", *both(shop, destination)))

    def test_is_mended_with_the_definition_of_the_run(
        self, start: Start, replicator: Run, shop: Database, destination: Database, tmp_path: Path
    ) -> None:
        options = define(tmp_path, '[tables."public.ware"]\nwhere = "id > 5"\n[mask."public.shop"]\nname = "text"')
        differs(start, shop, destination, *options, "--unmasked-large-objects")
        refused = replicator("verify", "--repair", *both(shop, destination))
        refuses(refused, PREFLIGHT, "with another definition", "verify --repair --definition FILE --mask-key-file FILE")
        shop.run("INSERT INTO shop VALUES (99, 'new')")
        result = replicator("verify", "--repair", *options, *both(shop, destination))
        runs(result)
        assert "1 changed, 1 missing rows, repaired" in result.out
        assert destination.value("SELECT count(*) FROM shop WHERE name ~ 'shop|new|spoiled'") == 0
        assert destination.value("SELECT min(id) FROM ware") == 6
        assert destination.value("SELECT to_regnamespace('replicator')") is None

    def test_repair_needs_a_copy_that_is_made(
        self, start: Start, replicator: Run, database: Database, destination: Database
    ) -> None:
        database.run(SLOW_TABLES + SCHEMA)
        killed(start, database, destination)
        result = replicator("verify", "--repair", *both(database, destination))
        refuses(result, 3, "once all its steps are done", "clone --resume=per-table")

    def test_of_a_row_that_was_spoiled_before_the_comparison_needs_no_snapshot(
        self, replicator: Run, shop: Database, destination: Database
    ) -> None:
        """The first run ended before it compared; of a table that has not changed since it can be told all the same."""
        fails_at_the_end(replicator, shop, destination, "--verify")
        destination.run("UPDATE shop SET name = 'spoiled' WHERE id = 7")
        shop.run("INSERT INTO parted VALUES (1, 'later')")
        result = replicator("clone", "--resume", *both(shop, destination))
        refuses(result, DIFFERENT, "differs from the source in 1 place", "`verify --repair`")


class TestOptions:
    @pytest.mark.parametrize(
        ("begun", "resumed", "words"),
        [
            (("--no-owner",), (), ("started with --no-owner", "`clone --no-owner --resume`")),
            ((), ("--no-acl",), ("started without --no-acl", "`clone --resume`")),
            (("--roles",), ("--no-acl",), ("started without --no-acl", "`clone --roles --resume`")),
            ((), ("--replace", "drop"), ("started without --replace drop",)),
        ],
    )
    def test_that_change_the_copy_are_those_of_then(
        self,
        begun: tuple[str, ...],
        resumed: tuple[str, ...],
        words: tuple[str, ...],
        replicator: Run,
        shop: Database,
        destination: Database,
    ) -> None:
        shop.run(f"{LATE} UPDATE ware SET price = 50 WHERE id = 51")
        assert replicator("clone", *begun, *both(shop, destination)).code == FAILED
        refuses(replicator("clone", "--resume", *resumed, *both(shop, destination)), 3, *words)

    def test_that_do_not_matter_may_differ(self, replicator: Run, shop: Database, destination: Database) -> None:
        fails_at_the_end(replicator, shop, destination, "--verify", "--format", "text")
        said = runs(replicator("clone", "--resume", "--format", "binary", "--jobs", "1", *both(shop, destination)))
        assert "complete and verified" in said, "what was begun with --verify is verified"


class TestOnALiveSource:
    def test_sequences_are_compared_with_what_they_were_given(
        self, replicator: Run, shop: Database, destination: Database
    ) -> None:
        fails_at_the_end(replicator, shop, destination)
        shop.run("SELECT nextval('number')")
        runs(replicator("clone", "--resume", "--verify", *both(shop, destination)))
        assert destination.value("SELECT last_value FROM number") == 77

    def test_what_is_of_another_moment_is_not_said_to_differ(
        self, replicator: Run, shop: Database, destination: Database
    ) -> None:
        fails_at_the_end(replicator, shop, destination, "--verify")
        shop.run("UPDATE shop SET name = 'later' WHERE id = 7; INSERT INTO parted VALUES (1, 'later')")
        shop.run("SELECT lo_from_bytea(4712, 'later')")
        result = replicator("clone", "--resume", *both(shop, destination))
        assert "The copy is complete.\n" in runs(result)
        assert "Not verified" in result.said
        for name in ("table public.parted_1", "table public.shop", "large objects"):
            assert name in result.said
        assert "table public.parted_2" not in result.said, "it is as the source's is"

    def test_a_table_without_rows_at_first_is_not_said_to_differ(
        self, start: Start, replicator: Run, database: Database, destination: Database
    ) -> None:
        database.run(SLOW_TABLES + SCHEMA + "CREATE TABLE empty (a int)")
        killed(start, database, destination, "--verify")
        database.run("INSERT INTO empty VALUES (1); INSERT INTO few VALUES (99); SELECT nextval('s')")
        database.run("UPDATE one SET b = 'later' WHERE a = 1; UPDATE two SET b = 'later' WHERE a = 1")
        result = replicator("clone", "--resume=per-table", *both(database, destination))
        assert "The copy is complete.\n" in runs(result)
        assert "table public.empty" in result.said
        kept, again = (
            ("one", "two") if destination.value("SELECT b FROM one WHERE a = 1") != "later" else ("two", "one")
        )
        note = next(line for line in result.err.splitlines() if "Not verified" in line)
        assert f"table public.{kept}" in note
        assert f"table public.{again}" not in note, "it was compared in its own moment"


class TestASnapshotOfTheSameName:
    def test_of_another_moment_is_not_the_earlier_run_s(
        self, start: Start, replicator: Run, database: Database, destination: Database
    ) -> None:
        database.run(SLOW_TABLES + SCHEMA)
        killed(start, database, destination)
        database.run("INSERT INTO few VALUES (99); UPDATE one SET b = 'later'; UPDATE two SET b = 'later'")
        with psycopg.connect(database.dsn) as holder:
            holder.execute(HOLD)
            ((name,),) = holder.execute("SELECT pg_export_snapshot()").fetchall()
            destination.run(f"UPDATE replicator.run SET snapshot = '{name}'")
            refuses(replicator("clone", "--resume", *both(database, destination)), 3, "no longer exists")
            result = replicator("clone", "--resume=per-table", *both(database, destination))
        runs(result)
        assert "WAL position" in result.err

    def test_of_another_start_of_the_server_is_not_either(
        self, start: Start, replicator: Run, spare_database: Database, destination: Database
    ) -> None:
        """It sees the same only by accident: a backup that was restored counts its transactions again."""
        spare_database.run(SLOW_TABLES + SCHEMA)
        killed(start, spare_database, destination, "--hold-snapshot")
        spare_database.server.stop(signal.SIGINT)
        spare_database.server.start()
        with psycopg.connect(spare_database.dsn) as holder:
            holder.execute(HOLD)
            ((name, moment),) = holder.execute("SELECT pg_export_snapshot(), pg_current_snapshot()::text").fetchall()
            destination.run(f"UPDATE replicator.run SET snapshot = '{name}', moment = '{moment}'")
            refuses(replicator("clone", "--resume", *both(spare_database, destination)), 3, "no longer exists")


CHANGES = {
    "a row deleted": ("DELETE FROM ware WHERE id = 3", "table public.ware: 100 rows were copied, but it has 99"),
    "a row added": ("INSERT INTO parted VALUES (1, 'x')", "table public.parted_1: 5 rows were copied, but it has 6"),
    "a table emptied": ("TRUNCATE ware", "table public.ware: 100 rows were copied, but it has 0"),
    "a table dropped": ("DROP TABLE ware CASCADE", "table public.ware: missing"),
    "a table altered": ("ALTER TABLE shop ADD COLUMN x int", "table public.shop: different"),
    "a partition detached": ("ALTER TABLE parted DETACH PARTITION parted_2", "attachment of partition"),
    "an index dropped": ("DROP INDEX ware_price", "index public.ware_price: missing"),
    "a foreign key dropped": (
        "ALTER TABLE ware DROP CONSTRAINT ware_shop_id_fkey",
        "ware_shop_id_fkey on public.ware: m",
    ),
    "a function replaced": (
        "CREATE OR REPLACE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 3 * $1'",
        "function public.twice(integer): different",
    ),
    "a view dropped": ("DROP VIEW cheap", "view public.cheap: missing"),
    "a label added": ("ALTER TYPE mood ADD VALUE 'so so'", "enum type public.mood: different"),
    "a matview emptied": (
        "REFRESH MATERIALIZED VIEW sums WITH NO DATA",
        "materialized view public.sums: not populated",
    ),
    "a large object removed": ("SELECT lo_unlink(4711)", "1 large objects were copied, but there are 0"),
    "a privilege granted": ("REVOKE ALL ON shop FROM alice", "privileges of table public.shop"),
}


@pytest.mark.pg("in 18")
class TestBetweenTheRuns:
    @pytest.mark.parametrize("what", CHANGES)
    def test_what_changed_is_named(self, what: str, replicator: Run, shop: Database, destination: Database) -> None:
        change, words = CHANGES[what]
        shop.run("GRANT SELECT ON shop TO alice")
        fails_at_the_end(replicator, shop, destination)
        destination.run(change)
        result = replicator("clone", "--resume", *both(shop, destination))
        refuses(result, 3, words, "Start over with `clean`, then `clone`.")

    def test_what_is_said_to_do_about_it_works(self, replicator: Run, shop: Database, destination: Database) -> None:
        fails_at_the_end(replicator, shop, destination)
        destination.run("DELETE FROM ware")
        refuses(replicator("clone", "--resume", *both(shop, destination)), 3, "Start over with `clean`, then `clone`.")
        runs(replicator("clean", "--destination", destination.dsn))
        assert destination.value("SELECT count(*) FROM pg_class WHERE oid >= 16384") == 0, "the partitioned table, too"
        runs(replicator("clone", *both(shop, destination)))
        assert destination.dump() == shop.dump()

    def test_another_database_of_the_same_name_is_another_source(
        self, replicator: Run, servers: Servers, shop: Database, destination: Database
    ) -> None:
        fails_at_the_end(replicator, shop, destination)
        other = servers.database(shop.major)
        with psycopg.connect(shop.server.conninfo(), autocommit=True) as conn:
            for old, new in ((shop.name, "set_aside"), (other.name, shop.name)):
                conn.execute(f"ALTER DATABASE {old} RENAME TO {new}")
            try:
                result = replicator("clone", "--resume=per-table", *both(shop, destination))
            finally:
                for new, old in ((other.name, shop.name), (shop.name, "set_aside")):
                    conn.execute(f"ALTER DATABASE {old} RENAME TO {new}")
        refuses(result, 3, "is a copy of another database")

    def test_rows_that_somebody_wrote_are_compared(
        self, replicator: Run, shop: Database, destination: Database
    ) -> None:
        fails_at_the_end(replicator, shop, destination)  # it changes a row on the destination
        refused = replicator("clone", "--resume", *both(shop, destination))
        refuses(refused, 3, "1 of public.ware", "`clone --resume=same-snapshot --verify`")
        destination.run("UPDATE ware SET price = 7 WHERE id = 3")
        result = replicator("clone", "--resume", "--verify", *both(shop, destination))
        assert "complete and verified" not in result.out, result
        assert result.code == DIFFERENT or "Not verified" in result.err, result

    def test_a_sequence_that_was_used_is_set_again(
        self, replicator: Run, shop: Database, destination: Database
    ) -> None:
        fails_at_the_end(replicator, shop, destination)
        destination.run("SELECT nextval('number')")
        result = replicator("clone", "--resume", "--verify", *both(shop, destination))
        runs(result)
        assert "public.number" in result.said
        assert destination.value("SELECT last_value FROM number") == 77

    def test_rows_that_went_from_a_destination_of_somebody_else_s(
        self, replicator: Run, database: Database, destination: Database
    ) -> None:
        tables = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int REFERENCES a);"
        database.run("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a_id int);"
                     "INSERT INTO a SELECT generate_series(1, 9); INSERT INTO b VALUES (77)")  # fmt: skip
        destination.run(tables)
        result = replicator("clone", "--data-only", *both(database, destination))
        refuses(result, FAILED, "`clone --data-only --resume`")
        database.run("DELETE FROM b")
        destination.run("DELETE FROM a")
        result = replicator("clone", "--data-only", "--resume", *both(database, destination))
        refuses(result, 3, "table public.a: 9 rows were copied, but it has 0", "`clone --data-only --truncate`")
        runs(replicator("clean", "--destination", destination.dsn))
        runs(replicator("clone", "--data-only", "--truncate", "--verify", *both(database, destination)))
