"""A destination in use is replaced in one moment, or stays as it is, whatever befalls the run."""

import random
import signal
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from replicator.runs.swap import COMPLETE, DISCARDED, INCOMING, PREVIOUS
from tests.fix_cli import NEWEST, Run, Start, both, refuses, runs, until
from tests.fix_servers import SEVERAL, SOME, VERSIONS, Database, Servers

pytestmark = SEVERAL

SWAP = ("clone", "--replace", "swap", "--jobs", "1")
SLOW = """
CREATE TABLE slow (a int PRIMARY KEY, b text, c text GENERATED ALWAYS AS (md5(repeat(b, 40))) STORED);
INSERT INTO slow SELECT g, repeat(md5(g::text), 8) FROM generate_series(1, 8000) g;
"""
VERY_SLOW = SLOW.replace("(b, 40)", "(b, 400)")
"""So slow that a test can do something meanwhile, however fast the machine is."""
NEW = "CREATE TABLE t AS SELECT 'new' AS a FROM generate_series(1, 1000); CREATE SCHEMA only_new;"
OLD = "CREATE TABLE t AS SELECT 'old' AS a FROM generate_series(1, 700); CREATE SCHEMA only_old;"


@pytest.fixture
def old(destination: Database) -> Iterator[Database]:
    """A destination that is in use."""
    destination.run(OLD + f"COMMENT ON DATABASE {destination.name} IS 'the old one'")
    yield destination
    with psycopg.connect(destination.server.conninfo(), autocommit=True) as conn:
        for name in beside(destination):
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            conn.execute(f'DROP DATABASE "{name}"')


@pytest.fixture
def new(database: Database) -> Database:
    database.run(NEW + f"COMMENT ON DATABASE {database.name} IS 'the new one'")
    return database


def maintain(database: Database, query: str) -> list[tuple]:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        return conn.execute(query).fetchall()


def beside(database: Database) -> dict[str, str | None]:
    """Return the databases that a swap may leave, with their comments."""
    return dict(
        maintain(
            database,
            "SELECT datname::text, shobj_description(oid, 'pg_database') FROM pg_database"
            f" WHERE datname ~ '^{database.name}__'",
        )
    )


def serves(database: Database, what: str) -> bool:
    """Tell whether the database is that one whole, and lets anybody in."""
    rows = database.rows("SELECT a, count(*) FROM t GROUP BY a")
    allowed = maintain(database, f"SELECT datallowconn FROM pg_database WHERE datname = '{database.name}'")
    comment = maintain(database, "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
                                 f" WHERE datname = '{database.name}'")  # fmt: skip
    expected = {"old": ([("old", 700)], [(True,)], [("the old one",)]),
                "new": ([("new", 1000)], [(True,)], [("the new one",)])}  # fmt: skip
    return (rows, allowed, comment) == expected[what]


@SOME
def test_the_new_one_takes_the_old_one_s_place(replicator: Run, new: Database, old: Database) -> None:
    result = replicator(*SWAP, *both(new, old))
    assert "complete and verified" in runs(result)
    assert serves(old, "new")
    assert beside(old) == {}
    assert old.dump() == new.dump()
    new.run("INSERT INTO t VALUES ('new')")
    runs(replicator(*SWAP, *both(new, old)))  # the next night
    assert old.value("SELECT count(*) FROM t") == 1001
    assert beside(old) == {}


@SOME
def test_a_subscriber_is_not_replaced_unasked(replicator: Run, new: Database, old: Database) -> None:
    """Its server would refuse to drop it, and its subscription would go on into what it is called then."""
    options = "WITH (connect = false, slot_name = NONE)"
    subscription = f"""CREATE SUBSCRIPTION "its own" CONNECTION '' PUBLICATION p {options}"""
    old.run(subscription)
    refuses(replicator(*SWAP, *both(new, old)), 3, "its own", 'DROP SUBSCRIPTION "its own";', "--keep-previous")
    assert serves(old, "old")
    old.run('DROP SUBSCRIPTION "its own"')
    runs(replicator(*SWAP, *both(new, old)))
    old.run(subscription)
    result = replicator(*SWAP, "--keep-previous", *both(new, old))
    runs(result)
    assert "its own" in result.said
    (previous,) = beside(old)
    Database(old.server, previous, old.major).run('DROP SUBSCRIPTION "its own"')


@SOME
def test_the_old_one_is_kept_on_request(replicator: Run, new: Database, old: Database) -> None:
    result = replicator(*SWAP, "--keep-previous", *both(new, old))
    runs(result)
    assert serves(old, "new")
    ((name, comment),) = beside(old).items()
    assert f'"{old.name}" is the new copy. The old database is kept as "{name}".' in result.said
    assert name.startswith(old.name + PREVIOUS)
    assert comment == "the old one"
    assert Database(old.server, name, old.major).rows("SELECT DISTINCT a FROM t") == [("old",)]
    runs(replicator(*SWAP, *both(new, old)))
    assert list(beside(old)) == [name]  # what was to be kept stays


@SOME
def test_the_first_night_there_is_no_old_one(replicator: Run, new: Database, old: Database) -> None:
    maintain_only(old, f"DROP DATABASE {old.name}")
    runs(replicator(*SWAP, *both(new, old)))
    assert serves(old, "new")
    assert beside(old) == {}


def maintain_only(database: Database, *statements: str) -> None:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement)


@SOME
def test_clients_see_the_old_one_or_the_new_one_and_nothing_between(start: Start, new: Database, old: Database) -> None:
    stop = threading.Event()
    seen: list[object] = []
    gaps: list[float] = []

    def read() -> None:
        last = time.monotonic()
        while not stop.is_set():
            try:
                with psycopg.connect(old.dsn, autocommit=True) as conn:
                    while not stop.is_set():
                        rows = conn.execute(
                            "SELECT array_agg(DISTINCT a), count(*), to_regnamespace('replicator') IS NULL"
                            ", to_regnamespace('only_new') IS NULL FROM t"
                        ).fetchall()
                        if not seen or seen[-1] != rows:
                            seen.append(rows)
                        gaps.append(time.monotonic() - last)
                        last = time.monotonic()
                        time.sleep(0.001)
            except psycopg.OperationalError:
                pass

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        until(lambda: bool(seen))
        result = start(*SWAP, *both(new, old)).ends()
        until(lambda: [(["new"], 1000, True, False)] in seen, 5)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    runs(result)
    assert {str(rows) for rows in seen} == {
        "[(['old'], 700, True, True)]",
        "[(['new'], 1000, True, False)]",
    }
    assert max(gaps) < 5  # seconds without an answer
    print(f"longest gap {max(gaps):.2f} s")


@SOME
def test_a_plain_role_that_may_create_databases_can(replicator: Run, new: Database, old: Database) -> None:
    new.run("GRANT SELECT ON t TO PUBLIC; ALTER TABLE t OWNER TO alice; ALTER SCHEMA only_new OWNER TO alice")
    maintain_only(old, f"ALTER DATABASE {old.name} OWNER TO alice", f"ALTER DATABASE {new.name} OWNER TO alice",
                  "ALTER ROLE alice LOGIN NOCREATEDB")  # fmt: skip
    flags = [flag.replace("user=postgres", "user=alice") for flag in both(new, old)]
    try:
        refuses(replicator(*SWAP, *flags), 3, "may not create databases", 'ALTER ROLE "alice" CREATEDB')
        maintain_only(old, "ALTER ROLE alice CREATEDB", f"ALTER DATABASE {old.name} OWNER TO bob")
        refuses(replicator(*SWAP, *flags), 3, 'belongs to "bob"', 'GRANT "bob" TO "alice"')
        maintain_only(old, f"ALTER DATABASE {old.name} OWNER TO alice")
        assert beside(old) == {}
        runs(replicator(*SWAP, *flags))
        assert old.value("SELECT count(*) FROM t") == 1000
    finally:
        maintain_only(old, "ALTER ROLE alice NOLOGIN NOCREATEDB")


class TestFailures:
    @pytest.fixture
    def major(self) -> int:
        """The newest version alone: these are about failures, not versions."""
        return NEWEST

    @pytest.mark.parametrize("moment", range(6))
    def test_killed_at_any_moment_one_of_them_serves(
        self, moment: int, start: Start, replicator: Run, new: Database, old: Database
    ) -> None:
        new.run(SLOW)
        began = time.monotonic()
        runs(start(*SWAP, *both(new, old)).ends())
        whole = time.monotonic() - began
        new.run("INSERT INTO t VALUES ('new')")
        chance = random.Random(moment)
        process = start(*SWAP, *both(new, old))
        time.sleep(whole * chance.uniform(0.3, 1.05))
        process.send(signal.SIGKILL)
        process.ends()
        assert old.value("SELECT count(*) FROM t") in (1000, 1001)
        assert old.value("SELECT to_regnamespace('replicator') IS NULL")
        runs(replicator(*SWAP, *both(new, old)))
        assert old.value("SELECT count(*) FROM t") == 1001
        assert beside(old) == {}

    def test_killed_while_it_waits_for_the_rename_nothing_has_changed_and_resume_swaps(
        self, start: Start, replicator: Run, new: Database, old: Database
    ) -> None:
        with psycopg.connect(old.server.conninfo()) as blocker:
            blocker.execute(f"COMMENT ON DATABASE {old.name} IS 'not yet'")  # its lock keeps RENAME waiting
            process = start(*SWAP, *both(new, old))
            waiting = (
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE query ~ '^ALTER DATABASE.*RENAME' AND wait_event_type = 'Lock'"
            )
            until(lambda: process.ended or maintain(old, waiting) == [(1,)])
            process.send(signal.SIGKILL)
            process.ends()
            blocker.rollback()
        until(lambda: maintain(old, waiting) == [(0,)], 10)
        assert serves(old, "old")
        ((name, comment),) = beside(old).items()
        assert (name, str(comment).startswith(COMPLETE)) == (old.name + INCOMING, True)
        result = replicator(*SWAP, "--resume", *both(new, old))
        runs(result)
        assert "planned" not in result.err
        assert serves(old, "new")
        assert beside(old) == {}

    def test_a_lock_that_passes_is_waited_for(self, start: Start, new: Database, old: Database) -> None:
        with psycopg.connect(old.server.conninfo()) as blocker:
            blocker.execute(f"COMMENT ON DATABASE {old.name} IS 'not yet'")
            process = start(*SWAP, *both(new, old))
            process.says("Retrying the swap")
        runs(process.ends())
        assert serves(old, "new")

    def test_what_was_to_be_dropped_goes_the_next_night(self, replicator: Run, new: Database, old: Database) -> None:
        name = f"{old.name}{PREVIOUS}20200101000000"
        maintain_only(old, f"CREATE DATABASE {name}", f"COMMENT ON DATABASE {name} IS '{DISCARDED}'")
        runs(replicator(*SWAP, *both(new, old)))
        assert beside(old) == {}

    def test_a_copy_that_differs_is_not_swapped_in(self, start: Start, new: Database, old: Database) -> None:
        new.run(VERY_SLOW)
        process = start(*SWAP, *both(new, old))
        incoming = Database(old.server, old.name + INCOMING, old.major)
        until(lambda: process.ended or (incoming.name in beside(old) and _has_rows(incoming)))
        incoming.run("INSERT INTO t VALUES ('astray')")
        result = process.ends()
        refuses(result, 8, "differs", f'"{old.name}" is unchanged')
        assert serves(old, "old")
        runs(start(*SWAP, *both(new, old)).ends())
        assert serves(old, "new")

    def test_what_is_refused_leaves_no_copy_to_look_for(self, replicator: Run, new: Database, old: Database) -> None:
        refused = replicator(*SWAP, *both(new, old), "--define", 'tables."public.nothing".where = "true"')
        refuses(refused, 2, "no table public.nothing", f'"{old.name}" is unchanged.')
        assert "the unfinished copy is in" not in refused.said and beside(old) == {}

    def test_an_unfinished_copy_is_shown_and_goes_away(
        self, start: Start, replicator: Run, new: Database, old: Database
    ) -> None:
        new.run(VERY_SLOW)
        process = start(*SWAP, *both(new, old))
        incoming = Database(old.server, old.name + INCOMING, old.major)
        until(lambda: process.ended or (incoming.name in beside(old) and _has_rows(incoming)))
        process.send(signal.SIGKILL)
        process.ends()
        shown = replicator("status", "--destination", old.dsn)
        assert (shown.code, f'into "{incoming.name}"' in shown.out) == (6, True), shown
        runs(replicator("clean", "--destination", old.dsn))
        assert beside(old) == {}
        assert serves(old, "old")
        assert replicator("status", "--destination", old.dsn).code == 0

    def test_an_unfinished_copy_is_resumed_on_request(
        self, start: Start, replicator: Run, new: Database, old: Database
    ) -> None:
        new.run(VERY_SLOW)
        process = start(*SWAP, "--hold-snapshot", *both(new, old))
        incoming = Database(old.server, old.name + INCOMING, old.major)
        until(lambda: process.ended or (incoming.name in beside(old) and _has_rows(incoming)))
        process.send(signal.SIGKILL)
        process.ends()
        new.run("INSERT INTO t VALUES ('later')")
        result = replicator(*SWAP, "--resume", *both(new, old))
        runs(result)
        assert serves(old, "new")
        until(lambda: maintain(old, "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^repl'") == [(0,)])

    def test_a_database_in_its_way_that_is_not_ours_is_left_alone(
        self, replicator: Run, new: Database, old: Database
    ) -> None:
        maintain_only(old, f"CREATE DATABASE {old.name}{INCOMING}")
        other = Database(old.server, old.name + INCOMING, old.major)
        other.run("CREATE TABLE dear (a int)")
        refuses(replicator(*SWAP, *both(new, old)), 3, "was not created by replicator", "public.dear")
        assert other.value("SELECT count(*) FROM dear") == 0
        assert serves(old, "old")

    def test_source_and_destination_must_be_two(self, replicator: Run, old: Database) -> None:
        refuses(replicator(*SWAP, *both(old, old)), 3, "same database")
        assert serves(old, "old")

    def test_a_name_must_leave_room(self, replicator: Run, new: Database, servers: Servers) -> None:
        long = Database(new.server, "x" * 39, new.major)
        refuses(replicator(*SWAP, *both(new, long)), 3, "is too long for the suffix")

    def test_options_that_exclude_each_other(self, replicator: Run, new: Database, old: Database) -> None:
        flags = both(new, old)
        refuses(replicator("clone", "--replace", "swap", "--data-only", *flags), 2, "exclude each other")
        refuses(replicator("clone", "--keep-previous", *flags), 2, "--replace swap")
        refuses(replicator("clone", "--truncate", *flags), 2, "--data-only")
        refuses(replicator("clone", "--data-only", "--truncate", "--append", *flags), 2, "exclude each other")


DROP = ("clone", "--replace", "drop", "--jobs", "2")
IN_USE = """
CREATE SCHEMA "Own, stays"; CREATE TABLE "Own, stays".dear AS SELECT 1 AS a;
CREATE VIEW "Own, stays".v AS SELECT 1 AS a;
CREATE SCHEMA shared; CREATE TABLE shared.gone (a int); CREATE TYPE mood AS ENUM ('x'); CREATE TABLE t (other mood);
SELECT lo_from_bytea(4711, 'old'); CREATE PUBLICATION mine FOR TABLE t; CREATE FUNCTION f() RETURNS int RETURN 1;
"""
REBUILT = (
    NEW
    + "CREATE SCHEMA shared; CREATE TABLE shared.t AS SELECT 1 AS a; CREATE SEQUENCE s; CREATE TYPE mood AS (a int);"
)


class TestDrop:
    @pytest.fixture
    def used(self, destination: Database) -> Database:
        destination.run(IN_USE if destination.major >= 14 else IN_USE.replace("RETURN 1", "LANGUAGE sql AS 'SELECT 1'"))
        return destination

    @pytest.fixture
    def rebuilt(self, database: Database) -> Database:
        database.run(REBUILT)
        return database

    def is_rebuilt(self, rebuilt: Database, used: Database) -> None:
        assert used.dump("-s", "-N", '"Own, stays"') == rebuilt.dump()
        assert used.value("SELECT count(*) FROM t") == 1000
        assert used.rows('SELECT a FROM "Own, stays".dear') == [(1,)]

    @SOME
    def test_what_is_there_is_dropped_and_rebuilt(self, replicator: Run, rebuilt: Database, used: Database) -> None:
        refuses(replicator("clone", *both(rebuilt, used)), 3, "not empty")
        result = replicator(*DROP, "--verify", *both(rebuilt, used))
        runs(result)
        assert 'only the destination has are kept: "Own, stays"' in result.said
        assert "incomplete until this run ends" in result.said
        self.is_rebuilt(rebuilt, used)
        assert used.value("SELECT count(*) FROM pg_largeobject_metadata") == 0
        runs(replicator(*DROP, "--verify", *both(rebuilt, used)))  # the next night
        self.is_rebuilt(rebuilt, used)

    @pytest.mark.skipif(15 not in VERSIONS, reason="needs PostgreSQL 15")
    @pytest.mark.pg("in 12 18")
    def test_into_another_version(self, replicator: Run, servers: Servers, used: Database) -> None:
        rebuilt = servers.database(15)
        rebuilt.run(REBUILT)
        runs(replicator(*DROP, "--verify", *both(rebuilt, used)))
        assert used.value("SELECT count(*) FROM t") == 1000

    @pytest.mark.pg("in 18")
    def test_what_stays_must_not_need_what_goes(self, replicator: Run, rebuilt: Database, used: Database) -> None:
        used.run('CREATE VIEW "Own, stays".needs AS SELECT * FROM t; ALTER TABLE "Own, stays".dear ADD m mood')
        before = used.dump()
        result = replicator(*DROP, *both(rebuilt, used))
        refuses(result, 3, 'column m of table "Own, stays".dear', 'view "Own, stays".needs')
        assert used.dump() == before

    @pytest.mark.pg("in 18")
    def test_a_role_that_may_not_drop_is_told_before(self, replicator: Run, rebuilt: Database, used: Database) -> None:
        maintain_only(used, "ALTER ROLE bob LOGIN", f"GRANT CREATE ON DATABASE {used.name} TO bob")
        before = used.dump()
        flags = list(both(rebuilt, used))
        flags[3] = flags[3].replace("user=postgres", "user=bob")
        try:
            refuses(replicator(*DROP, "--no-owner", "--no-acl", *flags), 3, "cannot be dropped", "must be owner")
        finally:
            maintain_only(used, "ALTER ROLE bob NOLOGIN")
        assert used.dump() == before

    @pytest.mark.pg("in 18")
    @pytest.mark.parametrize("afterwards", ["anew", "--resume", "clean"])
    def test_killed_half_way_it_is_known_as_unfinished(
        self, afterwards: str, start: Start, replicator: Run, rebuilt: Database, used: Database
    ) -> None:
        rebuilt.run(VERY_SLOW)
        flags = both(rebuilt, used)
        process = start(*DROP, "--hold-snapshot", *flags)
        done = "SELECT count(*) FROM replicator.step WHERE done_at IS NOT NULL"
        until(lambda: process.ended or (used.value("SELECT to_regclass('replicator.step')") and used.value(done)))
        process.send(signal.SIGKILL)
        assert process.ends().code == -signal.SIGKILL
        assert "Unfinished clone" in replicator("status", "--destination", used.dsn).out
        refuses(replicator("clone", *flags), 3, "unfinished clone")
        if afterwards == "clean":
            runs(replicator("clean", "--destination", used.dsn))
            assert used.rows('SELECT a FROM "Own, stays".dear') == [(1,)]
        if afterwards == "--resume":
            refuses(replicator("clone", "--resume", *flags), 3, "with --replace drop")
            runs(replicator(*DROP, "--resume", "--verify", *flags))
        else:
            runs(replicator(*DROP, "--verify", *flags))
        self.is_rebuilt(rebuilt, used)


def _has_rows(database: Database) -> bool:
    try:
        return database.value("SELECT count(*) FROM t") == 1000
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return False


def test_keep_previous_with_a_number_keeps_the_newest(
    replicator: Run, database: Database, destination: Database
) -> None:
    """What another way keeps, or somebody made by hand, is left alone."""
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    pair = both(database, destination)
    mine = f"{destination.name}__previous_20200101000000"
    with psycopg.connect(destination.server.conninfo(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {mine}")
        find = f"SELECT datname FROM pg_database WHERE datname LIKE '{destination.name}%previous%' ORDER BY 1"
        try:
            seen = []
            for _ in range(4):
                result = replicator("clone", "--replace", "swap", "--keep-previous", "2", *pair)
                runs(result)
                seen.append([name for (name,) in conn.execute(find).fetchall()])
                assert "Swapped at 20" in result.said and f'kept as "{seen[-1][-1]}"' in result.said
            assert [len(names) for names in seen] == [2, 3, 3, 3]
            assert all(names[0] == mine for names in seen)
            assert seen[3][1] == seen[2][2]
        finally:
            for (name,) in conn.execute(find).fetchall():
                conn.execute(f"DROP DATABASE {name}")
