"""Work that a clone puts off: the copy is open before it, writers go on, and in the end pg_dump finds it all."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
import pytest

from replicator.checks.choices import check_choices
from replicator.model import Deferral
from replicator.runs.status import unfinished_clone
from tests.fix_cli import Run, Start, both, refuses, runs, until
from tests.fix_servers import SEVERAL, SOME, VERSIONS, Database, Servers

pytestmark = SEVERAL

SCHEMA = r"""
CREATE SCHEMA "Odd ""Schema";
CREATE TABLE "Odd ""Schema"."T ' x" (
    id int PRIMARY KEY, "A b" text, doc jsonb, n int, self int REFERENCES "Odd ""Schema"."T ' x", UNIQUE (n, id));
INSERT INTO "Odd ""Schema"."T ' x" SELECT g, 'a' || g, '{"a": 1}', g % 7, g / 2 + 1 FROM generate_series(1, 2000) g;
CREATE INDEX "i ; DROP" ON "Odd ""Schema"."T ' x" ("A b");
CREATE INDEX expression ON "Odd ""Schema"."T ' x" (lower("A b"), n) INCLUDE (id) WITH (fillfactor = 70) WHERE n > 2;
CREATE INDEX gin ON "Odd ""Schema"."T ' x" USING gin (doc jsonb_path_ops);
CREATE INDEX clustered ON "Odd ""Schema"."T ' x" (n DESC NULLS LAST);
ALTER TABLE "Odd ""Schema"."T ' x" CLUSTER ON clustered;
ALTER INDEX "Odd ""Schema".expression ALTER COLUMN 1 SET STATISTICS 77;
COMMENT ON INDEX "Odd ""Schema".expression IS E'it''s \\ "said"; DROP';
ALTER INDEX "Odd ""Schema".gin DEPENDS ON EXTENSION plpgsql;
CREATE UNIQUE INDEX computed ON "Odd ""Schema"."T ' x" ((n * 10000 + id));
CREATE TABLE a (id int PRIMARY KEY, b int);
CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b ON DELETE SET NULL;
CREATE INDEX b_a ON b (a);
INSERT INTO a SELECT g FROM generate_series(1, 500) g;
INSERT INTO b SELECT g, g FROM generate_series(1, 500) g;
UPDATE a SET b = id;
CREATE TABLE two (x int, y text, PRIMARY KEY (x, y));
CREATE TABLE of_two (y text, x int, FOREIGN KEY (x, y) REFERENCES two MATCH FULL ON UPDATE CASCADE);
INSERT INTO two SELECT g, 'y' FROM generate_series(1, 50) g;
INSERT INTO of_two SELECT 'y', g FROM generate_series(1, 50) g;
CREATE TABLE unvalidated (a int);
INSERT INTO unvalidated VALUES (12345);
ALTER TABLE unvalidated ADD CONSTRAINT never FOREIGN KEY (a) REFERENCES a NOT VALID;
CREATE TABLE p (id int, k int, t text, a int REFERENCES a, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10) PARTITION BY LIST (k);
CREATE TABLE p11 PARTITION OF p1 FOR VALUES IN (1, 2, 3);
CREATE TABLE p12 PARTITION OF p1 DEFAULT;
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (100);
CREATE INDEX p_t ON p (t, k);
COMMENT ON INDEX p_t IS 'of the parent';
COMMENT ON INDEX p2_t_k_idx IS 'of a leaf';
INSERT INTO p SELECT g, g % 50, 'x' || g FROM generate_series(1, 3000) g;
CREATE TABLE of_p (id int, k int, a int REFERENCES a, FOREIGN KEY (id, k) REFERENCES p);
INSERT INTO of_p SELECT g, g % 50, 1 FROM generate_series(1, 3000) g;
CREATE MATERIALIZED VIEW mv AS SELECT id, t FROM p;
CREATE UNIQUE INDEX mv_id ON mv (id);
CREATE INDEX mv_t ON mv (t);
CREATE TABLE identified (a int NOT NULL);
CREATE UNIQUE INDEX identified_a ON identified (a);
ALTER TABLE identified REPLICA IDENTITY USING INDEX identified_a;
ANALYZE;
"""
SMALL = """
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY, a int CONSTRAINT b_a REFERENCES a, n int);
CREATE TABLE c (a int CONSTRAINT c_a REFERENCES a);
CREATE INDEX b_n ON b (n);
CREATE INDEX b_an ON b (a, n);
INSERT INTO a SELECT g FROM generate_series(1, 100) g;
INSERT INTO b SELECT g, g, g FROM generate_series(1, 100) g;
INSERT INTO c SELECT g FROM generate_series(1, 100) g;
"""
PARTITIONED = """
CREATE TABLE p (id int, n int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1000) TO (2000);
CREATE INDEX p_n ON p (n);
INSERT INTO p SELECT g, g FROM generate_series(0, 1999) g;
"""
DEFER = ("--defer-validation", "--defer-indexes")
NOT_VALID = (
    "SELECT array_agg(conname::text ORDER BY conname) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"
)
BUILDING = """SELECT pid FROM pg_stat_activity
               WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active'"""
INVALID = "SELECT array_agg(indexrelid::regclass::text) FROM pg_index WHERE NOT indisvalid"


def opened(replicator: Run, source: Database, destination: Database, *more: str) -> str:
    return runs(replicator("clone", *both(source, destination), *DEFER, *more))


def on(destination: Database) -> tuple[str, ...]:
    return ("--destination", destination.dsn)


def is_complete(source: Database, destination: Database) -> None:
    assert destination.dump() == source.dump()
    assert destination.value("SELECT to_regnamespace('replicator')") is None


@contextmanager
def session(database: Database) -> Iterator[psycopg.Connection]:
    """A transaction that is open until the end."""
    conn = psycopg.connect(database.dsn)
    try:
        yield conn
    finally:
        conn.close()


def test_what_was_put_off_comes_later_and_all_is_as_it_was(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run(SCHEMA)
    said = opened(replicator, database, destination, "--verify")
    left = "5 foreign keys to validate, 9 indexes to build and 4 indexes to attach"
    assert (
        f"The copy can be used, but work was deferred: {left}. Run `validate`." in said
        and "complete and verified" in said
    )
    assert destination.value(NOT_VALID) == ["T ' x_self_fkey", "a_b_fkey", "b_a_fkey", "never", "of_p_a_fkey",
                                            "of_two_x_y_fkey"]  # fmt: skip
    assert destination.value("SELECT to_regclass('mv_id')") and not destination.value("SELECT to_regclass('mv_t')")
    status = replicator("status", *on(destination))
    assert status.code == 6 and left in status.out
    verified = replicator("verify", *both(database, destination))
    assert "No differences." in runs(verified)
    assert "Not compared, since it is deferred: index" in verified.err
    assert "The copy is complete." in runs(replicator("validate", *on(destination)))
    is_complete(database, destination)
    assert "No differences." in runs(replicator("verify", *both(database, destination)))
    known = "SELECT count(*) FROM pg_stats WHERE tablename = 'expression'"
    assert destination.value(known) == database.value(known) > 0


@SOME
@pytest.mark.parametrize(
    ("option", "left"),
    [("--defer-validation", "2 foreign keys to validate"), ("--defer-indexes", "2 indexes to build")],
)
def test_each_option_puts_off_its_own(
    option: str, left: str, database: Database, destination: Database, replicator: Run
) -> None:
    database.run(SMALL + "INSERT INTO b SELECT g, g % 100 + 1, 1 FROM generate_series(101, 60000) g")  # in two steps
    assert f"The copy can be used, but work was deferred: {left}. Run `validate`." in runs(
        replicator("clone", *both(database, destination), option)
    )
    assert destination.value(NOT_VALID) == (["b_a", "c_a"] if "validation" in option else None)
    assert (destination.value("SELECT to_regclass('b_n')") is None) == (option == "--defer-indexes")
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)


def test_nothing_put_off_leaves_nothing(database: Database, destination: Database, replicator: Run) -> None:
    database.run("CREATE TABLE t (a int PRIMARY KEY)")
    assert "open" not in opened(replicator, database, destination)
    is_complete(database, destination)
    assert "no journal" in runs(replicator("validate", *on(destination)))


@SOME
def test_the_plan_has_it_and_its_script_makes_the_same(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run(SCHEMA)
    lines = runs(replicator("plan", *both(database, destination), *DEFER)).splitlines()
    assert any("deferred: index public.mv_t" in line and line.endswith("later, by `validate`") for line in lines)
    assert any("key of_p_id_k_fkey on public.of_p" in line and "cannot be validated later" in line for line in lines)
    script = runs(replicator("plan", *both(database, destination), *DEFER, "--sql"))
    assert "CREATE INDEX CONCURRENTLY mv_t" in script and script.count("VALIDATE CONSTRAINT") == 5
    destination.run(script)
    assert destination.dump() == database.dump()
    assert "deferred" not in replicator("plan", *both(database, destination)).out


def test_killed_while_it_builds_it_goes_on(
    database: Database, destination: Database, start: Start, replicator: Run
) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    with session(destination) as writer:
        writer.execute("INSERT INTO b VALUES (1000, 1, 1)")  # whose end a build waits for
        process = start("validate", *on(destination), "--jobs", "2")
        until(lambda: destination.value(INVALID) is not None and destination.value(NOT_VALID) == ["b_a"])
        process.send(signal.SIGKILL)
        process.ends()
        left = destination.rows(BUILDING)
        assert left, "its session goes on"
        assert len(unfinished_clone(destination.dsn).deferred) == 3
        process = start("validate", *on(destination))
        until(lambda: set(left).isdisjoint(destination.rows(BUILDING)))
        assert destination.value(INVALID) is not None
        writer.rollback()
    runs(process.ends())
    is_complete(database, destination)


@SOME
def test_killed_again_and_again_it_ends_complete(
    database: Database, destination: Database, start: Start, replicator: Run
) -> None:
    database.run(SCHEMA)
    opened(replicator, database, destination)
    for n in range(8):
        process = start("validate", *on(destination), "--jobs", "2")
        time.sleep(0.05 + n * 0.04)
        process.send(signal.SIGKILL)
        process.ends()
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)


@SOME
def test_two_at_a_time_refuse_each_other(
    database: Database, destination: Database, start: Start, replicator: Run
) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    with session(destination) as writer:
        writer.execute("INSERT INTO b VALUES (1000, 1, 1)")
        process = start("validate", *on(destination))
        until(lambda: destination.value(INVALID) is not None)
        refuses(
            replicator("validate", *on(destination)),
            3,
            "Another `validate` or `clone` is running",
            "Wait until it ends",
        )
        refuses(replicator("clean", *on(destination)), 3, "`validate` of this database is still running")
        for option in ("--replace=drop", "--resume"):
            result = replicator("clone", *both(database, destination), option)
            refuses(result, 3, "`validate` is running on the destination: server process", "Wait until it ends.")
            assert "clean" not in result.err
        assert "`validate` is running." in replicator("status", *on(destination)).out
        writer.rollback()
    assert process.ends().code == 0
    is_complete(database, destination)


def test_what_rows_violate_hinders_nothing_else(database: Database, destination: Database, replicator: Run) -> None:
    database.run(SMALL + "CREATE INDEX inverse ON a ((1 / id)); CREATE TABLE d (a int CONSTRAINT d_a REFERENCES a);")
    opened(replicator, database, destination)
    destination.run("INSERT INTO a VALUES (0); SET session_replication_role = replica; INSERT INTO c VALUES (777)")
    result = replicator("validate", *on(destination))
    refuses(result, 6, "Everything is done except 2 steps.", "index public.inverse failed", "division by zero")
    refuses(
        result, 6, "validate foreign key c_a on public.c failed", "Key (a)=(777) is not present", "Correct the rows"
    )
    assert destination.value(NOT_VALID) == ["c_a"]
    assert destination.value(INVALID) is None
    status = replicator("status", *on(destination))
    assert "1 foreign key to validate and 1 index to build" in status.out
    assert "division by zero" in status.out
    destination.run("DELETE FROM a WHERE id = 0; DELETE FROM c WHERE a = 777")
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)


@SOME
def test_keys_that_may_be_violated_stay_so(database: Database, destination: Database, replicator: Run) -> None:
    database.run(SMALL + "SET session_replication_role = replica; INSERT INTO c VALUES (777)")
    opened(replicator, database, destination, "--foreign-keys", "not-valid")
    result = replicator("validate", *on(destination))
    told = runs(result).partition("complete, except for what was left out:")[2]
    assert "left NOT VALID, since" in told, result
    assert destination.value(NOT_VALID) == ["c_a"]
    assert unfinished_clone(destination.dsn) is None


def test_what_somebody_dropped_or_made_meanwhile_is_told(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run(SMALL + PARTITIONED + "CREATE INDEX c_i ON c (a); CREATE TABLE e AS SELECT 1 AS a;"
                 "CREATE INDEX e_i ON e (a); CREATE INDEX b_d ON b (n DESC)")  # fmt: skip
    opened(replicator, database, destination)
    destination.run("DROP TABLE e; ALTER TABLE c DROP CONSTRAINT c_a; ALTER TABLE b VALIDATE CONSTRAINT b_a;"
                    "DROP INDEX p_n; CREATE INDEX b_n ON b (a); CREATE INDEX b_d ON b (n DESC);")  # fmt: skip
    result = replicator("validate", *on(destination))
    runs(result)
    for told in (
        "index public.e_i: its table no longer exists.",
        "validate foreign key c_a on public.c: the key no longer exists.",
        "index public.b_n: somebody created an index of that name, which is kept: CREATE INDEX b_n ON public.b"
        " USING btree (a)",
        "attachment of index public.p1_n_idx: public.p_n no longer exists.",
    ):
        assert told in result.err, result
        assert told in result.out.partition("complete, except for what was left out:")[2], result
    assert "b_d:" not in result.err
    assert unfinished_clone(destination.dsn) is None
    assert destination.value("SELECT to_regclass('p2_n_idx')") and destination.value("SELECT to_regclass('c_i')")


@SOME
def test_others_indexes_of_the_name_are_not_dropped(database: Database, destination: Database, replicator: Run) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    destination.run("CREATE INDEX b_n ON c (a)")
    refuses(replicator("validate", *on(destination)), 6, 'index public.b_n failed: on the destination: relation "b_n"')
    assert destination.value("SELECT indrelid::regclass::text FROM pg_index WHERE indexrelid = 'b_n'::regclass") == "c"
    destination.run("DROP INDEX b_n")
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)


@SOME
def test_what_somebody_is_building_is_waited_for(
    database: Database, destination: Database, start: Start, replicator: Run
) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    with session(destination) as writer, psycopg.connect(destination.dsn, autocommit=True) as other:
        writer.execute("INSERT INTO b VALUES (1000, 1, 1)")
        building = threading.Thread(target=other.execute, args=("CREATE INDEX CONCURRENTLY b_n ON b (n)",))
        building.start()
        until(lambda: destination.value(INVALID) == ["b_n"])
        theirs = destination.value("SELECT 'b_n'::regclass::oid")
        process = start("validate", *on(destination), "--jobs", "1")
        until(lambda: destination.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"))
        writer.rollback()
        building.join()
        runs(process.ends())
    assert destination.value("SELECT 'b_n'::regclass::oid") == theirs
    is_complete(database, destination)


@SOME
def test_partitions_that_came_and_went_are_told(database: Database, destination: Database, replicator: Run) -> None:
    database.run(PARTITIONED + "CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (2000) TO (3000);")
    opened(replicator, database, destination)
    destination.run("ALTER TABLE p DETACH PARTITION p1; CREATE INDEX mine ON p2 (n); CREATE TABLE p4 PARTITION OF p"
                    " DEFAULT; ALTER INDEX p_n ATTACH PARTITION mine")  # fmt: skip
    result = replicator("validate", *on(destination))
    runs(result)
    assert "attachment of index public.p1_n_idx: its table is no longer a partition." in result.err
    assert "attachment of index public.p2_n_idx: public.p_n has another index there." in result.err
    assert destination.value(INVALID) is None
    assert unfinished_clone(destination.dsn) is None


@SOME
def test_a_copy_that_is_open_is_replaced(database: Database, destination: Database, replicator: Run) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    runs(replicator("clone", *both(database, destination), "--replace", "swap"))
    is_complete(database, destination)


@SOME
def test_what_a_failed_build_of_somebody_s_left_is_built_anew(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run(SMALL + "CREATE INDEX inverse ON a ((1 / id))")
    opened(replicator, database, destination)
    destination.run("INSERT INTO a VALUES (0)")
    with psycopg.connect(destination.dsn, autocommit=True) as conn, pytest.raises(psycopg.errors.DivisionByZero):
        conn.execute("CREATE INDEX CONCURRENTLY inverse ON a ((1 / id))")
    destination.run("DELETE FROM a WHERE id = 0")
    assert destination.value(INVALID) == ["inverse"]
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)


class Writer(threading.Thread):
    """Writes rows all the time, and never waits for longer than a moment."""

    def __init__(self, database: Database, *statements: str) -> None:
        super().__init__()
        self._dsn = database.dsn
        self._statements = statements
        self._stopped = threading.Event()
        self.longest = 0.0
        self.rounds = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True) as conn:
                while not self._stopped.is_set():
                    for statement in self._statements:
                        began = time.monotonic()
                        conn.execute(statement)
                        self.longest = max(self.longest, time.monotonic() - began)
                    self.rounds += 1
        except Exception as error:
            self.error = error

    def __enter__(self) -> "Writer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join()


def test_writers_go_on_meanwhile(database: Database, destination: Database, start: Start, replicator: Run) -> None:
    """Somebody reads a partition for long: to attach its index waits for that, but not in the writers' way."""
    database.run(SMALL + PARTITIONED)
    opened(replicator, database, destination)
    writes = (
        "INSERT INTO p SELECT 1500, n FROM (SELECT count(*) AS n FROM a) AS counted",
        "UPDATE p SET n = n + 1 WHERE id = 1500",
        "DELETE FROM p WHERE id = 1500",
        "INSERT INTO b VALUES (5000, 5, 5)",
        "DELETE FROM b WHERE id = 5000",
    )
    with Writer(destination, *writes) as writer:
        with session(destination) as reader:
            process = start("validate", *on(destination))
            until(lambda: destination.value("SELECT to_regclass('p2_n_idx')") is not None)
            reader.execute("SELECT count(*) FROM p2")
            until(lambda: process.ended or "attachment of index public.p2_n_idx" in process.stderr)
            before = writer.rounds
            until(lambda: writer.rounds > before + 5)
            reader.rollback()
        runs(process.ends())
    assert writer.error is None
    assert writer.rounds > 10
    assert writer.longest < 3
    is_complete(database, destination)


@SOME
def test_what_is_left_to_do_is_in_the_way_of_no_other_copy(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    before = destination.dump()
    open_copy = "work was deferred: 2 foreign keys to validate and 2 indexes to build. Run `validate`."
    given = both(database, destination)
    refuses(replicator("clone", *given), 3, open_copy, "`validate` does the deferred work")
    refuses(replicator("clone", *given, "--resume", *DEFER), 3, "The copy is complete and in use", "Run `validate`")
    refuses(replicator("clone", *given, "--data-only", "--truncate"), 3, open_copy)
    assert destination.dump() == before
    destination.run("INSERT INTO a VALUES (5000)")
    assert "table public.a" in replicator("verify", *given).out
    assert replicator("verify", *given, "--repair").code == 0
    assert unfinished_clone(destination.dsn).open
    runs(replicator("clone", *given, "--replace", "drop"))
    is_complete(database, destination)


@SOME
def test_clean_gives_up_what_is_left_and_nothing_else(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    result = replicator("clean", *on(destination))
    assert "Removed 0 objects" in runs(result)
    assert "Cancelled, and left unchanged: index public.b_an, index public.b_n, validate foreign key b_a" in result.err
    assert destination.value("SELECT count(*) FROM b") == 100
    assert destination.value("SELECT to_regnamespace('replicator')") is None


def test_clean_names_all_that_is_given_up_and_what_is_half_built(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run(f"""CREATE TABLE "A" (id int); {"".join(f'CREATE INDEX "I{n}" ON "A" (id);' for n in range(20))}
                 CREATE INDEX "Inverse" ON "A" ((1 / id))""")
    opened(replicator, database, destination)
    destination.run('INSERT INTO "A" VALUES (0)')
    with psycopg.connect(destination.dsn, autocommit=True) as conn, pytest.raises(psycopg.errors.DivisionByZero):
        conn.execute('CREATE INDEX CONCURRENTLY "Inverse" ON "A" ((1 / id))')
    result = replicator("clean", *on(destination))
    runs(result)
    assert all(f'index public."I{n}"' in result.err for n in range(20)), result
    assert 'Index public."Inverse" is invalid' in result.err
    assert 'index public."I1" is invalid' not in result.err
    destination.run('DROP INDEX CONCURRENTLY public."Inverse"')


@SOME
def test_a_killed_clone_is_resumed_and_puts_off_the_same(
    database: Database, destination: Database, start: Start, replicator: Run
) -> None:
    database.run(SMALL + "CREATE TABLE z AS SELECT 1 AS a")
    with session(database) as holder:
        process = start("clone", *both(database, destination), *DEFER, "--jobs", "1")
        until(lambda: destination.value("SELECT to_regclass('replicator.step')") is not None)
        process.send(signal.SIGKILL)
        process.ends()
        holder.rollback()
    refuses(replicator("validate", *on(destination)), 3, "The clone on the destination is unfinished", "--resume")
    refuses(
        replicator("clone", *both(database, destination), "--resume=per-table"), 3, "started with --defer-validation"
    )
    said = opened(replicator, database, destination, "--resume=per-table")
    assert "2 foreign keys to validate and 2 indexes to build" in said
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)


@SOME
def test_another_role_does_not_read_what_is_left(database: Database, destination: Database, replicator: Run) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    destination.run("ALTER ROLE bob LOGIN")
    try:
        dsn = destination.server.conninfo(destination.name, user="bob")
        refuses(replicator("validate", "--destination", dsn), 3, '"bob" does not trust it')
    finally:
        destination.run("ALTER ROLE bob NOLOGIN")


@SOME
@pytest.mark.parametrize(
    "statements",
    [
        ["DROP TABLE a"],
        ["CREATE INDEX CONCURRENTLY b_n ON public.b USING btree (n)", "DROP TABLE a"],
        ["ALTER TABLE ONLY public.b VALIDATE CONSTRAINT b_a; DROP TABLE a"],
        ["ALTER TABLE ONLY public.b VALIDATE CONSTRAINT b_a, DROP COLUMN n"],
        [],
    ],
)
def test_no_other_statement_is_run(
    statements: list[str], database: Database, destination: Database, replicator: Run
) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    with psycopg.connect(destination.dsn) as conn:
        conn.execute("UPDATE replicator.deferred SET statements = %s WHERE number = 0", [statements])
    refuses(replicator("validate", *on(destination)), 3, "schema replicator", "damaged")


@SOME
@pytest.mark.parametrize("tail", ["USING btree (n); DROP TABLE c", "USING btree (n); COMMIT; DROP TABLE c"])
def test_a_message_takes_one_statement(tail: str, database: Database, destination: Database, replicator: Run) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    with psycopg.connect(destination.dsn) as conn:
        statement = f"CREATE INDEX CONCURRENTLY b_an ON public.b {tail}"
        conn.execute("UPDATE replicator.deferred SET statements = %s WHERE number = 0", [[statement]])
    refuses(replicator("validate", *on(destination)), 6, "cannot insert multiple commands")
    assert destination.value("SELECT count(*) FROM c") == 100


@SOME
def test_a_frozen_copy_is_completed_all_the_same(database: Database, destination: Database, replicator: Run) -> None:
    database.run(f"{SMALL} ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    opened(replicator, database, destination)
    assert destination.value("SHOW default_transaction_read_only") == "on"
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)
    with psycopg.connect(destination.server.conninfo(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {destination.name}")
        conn.execute(f"CREATE DATABASE {destination.name} TEMPLATE template0")
    opened(replicator, database, destination)
    assert "Removed 0 objects" in runs(replicator("clean", *on(destination)))


@SOME
def test_a_copy_that_is_serializable_is_built_as_any_other(
    database: Database, destination: Database, replicator: Run
) -> None:
    database.run("""CREATE FUNCTION committed(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE
        AS 'BEGIN ASSERT current_setting(''transaction_isolation'') = ''read committed''; RETURN n; END';
        CREATE TABLE a AS SELECT 1 AS n; CREATE INDEX i ON a (committed(n))""")
    database.run(f"ALTER DATABASE {database.name} SET default_transaction_isolation = 'serializable'")
    opened(replicator, database, destination)
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)


@SOME
def test_an_owner_needs_no_more(database: Database, destination: Database, replicator: Run) -> None:
    database.run(SMALL + PARTITIONED)
    destination.run("CREATE ROLE modest LOGIN")
    try:
        destination.run(f"GRANT ALL ON DATABASE {destination.name} TO modest; GRANT ALL ON SCHEMA public TO modest")
        theirs = ("--destination", destination.server.conninfo(destination.name, user="modest"))
        runs(replicator("clone", "--source", database.dsn, *theirs, *DEFER, "--no-owner", "--no-acl"))
        runs(replicator("validate", *theirs))
        assert destination.value(NOT_VALID) is None and destination.value(INVALID) is None
        assert "No differences" in runs(replicator("verify", *both(database, destination), "--no-owner", "--no-acl"))
    finally:
        destination.run("DROP OWNED BY modest CASCADE; DROP ROLE modest")


@SOME
def test_a_session_that_is_lost_begins_again(database: Database, destination: Database, start: Start) -> None:
    database.run(SMALL)
    runs(start("clone", *both(database, destination), *DEFER).ends())
    with session(destination) as writer:
        writer.execute("INSERT INTO b VALUES (1000, 1, 1)")
        process = start("validate", *on(destination))
        until(lambda: destination.value(INVALID) is not None)
        destination.rows(f"SELECT pg_terminate_backend(pid) FROM ({BUILDING}) AS building")
        process.says("Retrying in")
        writer.rollback()
    runs(process.ends())
    is_complete(database, destination)


@SOME
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_how_to_go_on(
    how: signal.Signals, database: Database, destination: Database, start: Start, replicator: Run
) -> None:
    database.run(SMALL)
    opened(replicator, database, destination)
    with session(destination) as writer:
        writer.execute("INSERT INTO b VALUES (1000, 1, 1)")
        process = start("validate", *on(destination))
        until(lambda: destination.value(INVALID) is not None)
        process.send(how)
        refuses(process.ends(), 130, "Run `validate` again to continue.")
        assert destination.rows(BUILDING) == []
        writer.rollback()
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)


@SOME
def test_names_are_sent_in_the_bytes_that_they_have(servers: Servers, major: int, replicator: Run) -> None:
    source, copy = (servers.database(major, "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'") for _ in range(2))
    with psycopg.connect(source.dsn, autocommit=True, client_encoding="LATIN1") as conn:
        conn.execute('CREATE TABLE "caf\xe9" ("\xe0" int); CREATE INDEX "\xfc" ON "caf\xe9" ("\xe0")')
        conn.execute("COMMENT ON INDEX \"\xfc\" IS '50 % \xdf'")
    opened(replicator, source, copy)
    runs(replicator("validate", *on(copy)))
    assert "No differences" in runs(replicator("verify", *both(source, copy)))
    assert copy.value("SELECT relname::bytea FROM pg_class WHERE relkind = 'i' AND oid >= 16384") == b"\xfc"


@SOME
def test_event_triggers_that_came_along_do_not_act(database: Database, destination: Database, replicator: Run) -> None:
    database.run(SMALL + """CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
                 CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no()""")  # fmt: skip
    opened(replicator, database, destination)
    runs(replicator("validate", *on(destination)))
    is_complete(database, destination)


@pytest.mark.parametrize("major", [major for major in VERSIONS if major < 17])
def test_functions_that_rely_on_the_database_s_search_path_have_it(
    servers: Servers, major: int, replicator: Run
) -> None:
    source, copy = (servers.database(major) for _ in range(2))
    source.run("""CREATE FUNCTION following(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
        CREATE FUNCTION number(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN following(n); END';
        CREATE TABLE numbered AS SELECT 1 AS n; ANALYZE numbered;
        CREATE INDEX by_number ON numbered (number(n)); CREATE INDEX above ON numbered (n) WHERE number(n) > 1""")
    opened(replicator, source, copy)
    result = replicator("validate", "--jobs", "1", *on(copy))
    assert 'index public.by_number: done with search_path = "$user", public' in runs(result) + result.err
    is_complete(source, copy)
    assert "No differences" in runs(replicator("verify", *both(source, copy)))


def test_a_swap_puts_nothing_off(replicator: Run) -> None:
    for option in DEFER:
        result = replicator("clone", "--source", "dbname=a", "--destination", "dbname=b", "--replace", "swap", option)
        refuses(result, 2, "--replace swap puts the copy into use", option)
    refuses(replicator("clone", "--source", "dbname=a", "--destination", "dbname=b", "--data-only", *DEFER), 2,
            "--defer-validation", "would have no effect")  # fmt: skip


@SOME
def test_programs_are_told_as_well(database: Database, destination: Database, replicator: Run) -> None:
    database.run(SMALL)
    left = "2 foreign keys to validate and 2 indexes to build"
    assert left in json.loads(opened(replicator, database, destination, "--output", "json"))["deferred"]
    status = json.loads(replicator("status", *on(destination), "--output", "json").out)
    assert (status["state"], len(status["deferred"])) == ("open", 4)


@pytest.mark.parametrize(
    ("version", "number"), [("14.0", 140000), ("14.3", 140003), ("14.4", 140004), ("13.5", 130005)]
)
def test_servers_that_build_wrongly_are_named(version: str, number: int) -> None:
    info = SimpleNamespace(server_version=number, parameter_status=lambda _: version)
    found = check_choices(SimpleNamespace(info=info), None, None, defer=Deferral(indexes=True))
    assert [version in finding.text for finding in found] == ([True] if version in ("14.0", "14.3") else [])
    assert check_choices(SimpleNamespace(info=info), None, None) == []
