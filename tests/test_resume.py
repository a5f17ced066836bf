"""A copy that was cut short goes on where it was: what is done is kept, and it is all of one moment, or says so."""

import re
import signal
import time

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.fix_cli import NEWEST, Run, Start, both, is_empty, leaves_no_session, refuses, runs, sessions, until
from tests.fix_servers import VERSIONS, Database, Servers
from tests.test_faults import SCHEMA, SLOW_TABLES, in_mid_copy

FAILED, CHANGED = 6, 7
HOLD = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


@pytest.fixture
def major() -> int:
    return NEWEST


@pytest.fixture
def source(database: Database) -> Database:
    database.run(SLOW_TABLES + SCHEMA)
    return database


def run_snapshot(destination: Database) -> str:
    return str(destination.value("SELECT snapshot FROM replicator.run"))


def done_steps(destination: Database) -> dict[str, object]:
    return dict(destination.rows("SELECT name, done_at FROM replicator.step WHERE done_at IS NOT NULL"))


def killed(start: Start, source: Database, destination: Database, *options: str) -> None:
    """Leave a clone that was killed when one of its tables was there and another one was not."""
    process = start("clone", "--jobs", "1", *both(source, destination), *options)
    copied = "SELECT count(*) FROM replicator.step WHERE phase = 'data' AND done_at IS NOT NULL"
    until(lambda: process.ended or destination.value("SELECT to_regclass('replicator.step')") is not None)
    until(lambda: process.ended or destination.value(copied) == 1)
    process.send(signal.SIGKILL)
    assert process.ends().code == -signal.SIGKILL
    until(lambda: not [name for name, *_ in sessions(destination.server) if "worker" in name])  # it may still commit
    assert destination.value(copied) == 1


def test_a_subset_whose_snapshot_is_lost_is_started_over(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    subset = ("--define", 'subset.roots."public.one" = "true"')
    killed(start, source, destination, *subset)
    over = "The rows of a subset belong together: start over with `clean`, then `clone --definition FILE`."
    assert over in replicator("status", "--destination", destination.dsn).out
    refused = replicator("clone", "--resume", *subset, *both(source, destination))
    refuses(refused, 3)
    assert over in refused.said
    runs(replicator("clean", "--destination", destination.dsn))
    runs(replicator("clone", *subset, *both(source, destination)))


def test_in_the_same_snapshot_only_what_is_missing_is_done(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    with psycopg.connect(source.dsn) as holder:  # another program holds the snapshot
        process = in_mid_copy(start, source, destination)
        holder.execute(HOLD)
        holder.execute(f"SET TRANSACTION SNAPSHOT '{run_snapshot(destination)}'")
        ((name,),) = holder.execute("SELECT pg_export_snapshot()").fetchall()
        process.send(signal.SIGKILL)
        process.ends()
        destination.run(f"UPDATE replicator.run SET snapshot = '{name}'")
        done = len(done_steps(destination))
        steps = destination.value("SELECT count(*) FROM replicator.step")
        source.run("INSERT INTO few VALUES (99); UPDATE one SET b = 'later' WHERE a = 1")
        result = replicator("clone", "--resume", "--verify", *both(source, destination))
        runs(result)
        assert f"planned: {steps - done} steps" in result.err
    assert destination.value("SELECT count(*) FROM few") == 10
    assert destination.value("SELECT count(*) FROM one WHERE b = 'later'") == 0
    assert "WAL position" not in result.err
    leaves_no_session(source.server)


def test_a_table_that_was_empty_at_first_stays_of_that_moment(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    """Its key and what refers to it may be there already: it can be neither emptied nor filled."""
    source.run("CREATE TABLE empty (a int PRIMARY KEY); CREATE TABLE refers (a int REFERENCES empty)")
    killed(start, source, destination)
    source.run("INSERT INTO empty VALUES (1); INSERT INTO refers VALUES (1)")
    result = replicator("clone", "--resume=per-table", *both(source, destination))
    runs(result)
    assert "Empty when the first run began, and left empty: public.empty, public.refers." in result.err
    assert destination.rows("SELECT (SELECT count(*) FROM empty), (SELECT count(*) FROM refers)") == [(0, 0)]
    assert destination.dump() == source.dump()


def test_a_table_that_has_grown_is_planned_as_it_was(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    """How its foreign key is made depends on its size, and the journal has the steps of then."""
    source.run("CREATE TABLE grows (a int REFERENCES one); INSERT INTO grows VALUES (1)")
    killed(start, source, destination)
    source.run("INSERT INTO grows SELECT a FROM one, generate_series(1, 3)")
    runs(replicator("clone", "--resume=per-table", "--verify", *both(source, destination)))
    assert destination.dump() == source.dump()


def test_a_held_snapshot_outlives_the_run_and_goes_with_the_journal(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    killed(start, source, destination, "--hold-snapshot")
    until(lambda: {name for name, *_ in sessions(source.server)} == {"replicator snapshot", "replicator hold"})
    source.run("INSERT INTO few VALUES (99); UPDATE one SET b = 'later'; UPDATE two SET b = 'later'")
    with psycopg.connect(source.dsn) as conn, pytest.raises(psycopg.errors.LockNotAvailable):
        conn.execute("SET lock_timeout = '100ms'; TRUNCATE one, two")
    result = replicator("clone", "--resume", *both(source, destination))
    runs(result)
    assert "WAL position" not in result.err
    assert destination.value("SELECT count(*) FROM few") == 10
    assert destination.value("SELECT count(*) FROM (TABLE one UNION ALL TABLE two) t WHERE b = 'later'") == 0
    leaves_no_session(source.server)


WAITING_INDEX = """
CREATE FUNCTION waits(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN $1; END';
CREATE INDEX ON few (waits(a));
"""


@pytest.mark.parametrize("hold", [(), ("--hold-snapshot",)])
def test_when_all_is_read_the_snapshot_goes_and_a_run_that_ends_then_goes_on_without(
    hold: tuple[str, ...], start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    source.run(WAITING_INDEX)
    with psycopg.connect(destination.dsn) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(42)")
        process = start("clone", "--jobs", "2", *both(source, destination), *hold)
        until(lambda: process.ended or destination.value("SELECT to_regclass('replicator.run')") is not None)
        until(lambda: process.ended or run_snapshot(destination) == "")
        until(lambda: "replicator snapshot" not in [name for name, *_ in sessions(source.server)], 10)
        source.run("SET lock_timeout = '1s'; ALTER TABLE few ADD COLUMN x int; ALTER TABLE few DROP COLUMN x")
        source.run("INSERT INTO few VALUES (99); SELECT nextval('s'), lo_unlink(4711), lo_from_bytea(4712, 'later')")
        process.send(signal.SIGKILL)
        assert process.ends().code == -signal.SIGKILL
    result = replicator("clone", "--resume", *both(source, destination))
    runs(result)
    assert "WAL position" not in result.err
    assert destination.value("SELECT count(*) FROM few") == 10
    assert destination.value("SELECT last_value FROM s") == 77
    assert destination.rows("SELECT oid::int FROM pg_largeobject_metadata") == [(4711,)]
    assert destination.dump() == source.dump()
    leaves_no_session(source.server)


def test_what_is_taken_back_once_all_was_read_is_not_read_at_another_moment_unasked(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    """As a failover does it: the server that takes over has neither the rows nor their line in the journal."""
    source.run(WAITING_INDEX)
    with psycopg.connect(destination.dsn) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(42)")
        process = start("clone", "--jobs", "2", *both(source, destination))
        until(lambda: process.ended or destination.value("SELECT to_regclass('replicator.run')") is not None)
        until(lambda: process.ended or run_snapshot(destination) == "")
        process.kill()
    destination.run("UPDATE replicator.step SET done_at = NULL WHERE name = 'data public.two'; TRUNCATE two")
    source.run("UPDATE two SET b = 'later'")
    assert "--resume=per-table" in replicator("status", "--destination", destination.dsn).out
    refuses(replicator("clone", "--resume", *both(source, destination)), 3, "no longer exists", "--resume=per-table")
    assert destination.value("SELECT count(*) FROM two") == 0


@pytest.mark.parametrize("resume", ["same-snapshot", "per-table"])
def test_a_table_in_parts_is_finished_in_its_snapshot_and_begun_again_in_another(
    resume: str, start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    hold = ("--hold-snapshot",) if resume == "same-snapshot" else ()
    killed(start, source, destination, "--split-larger-than", "2MB", *hold)
    (done,) = [name for name in done_steps(destination) if name.startswith("data ")]
    assert ", part " in done
    steps, finished = destination.rows("SELECT count(*), count(done_at) FROM replicator.step")[0]
    source.run("INSERT INTO one SELECT a + 100000, 'later' FROM two; UPDATE one SET b = 'later' WHERE a < 100")
    result = replicator("clone", f"--resume={resume}", "--split-larger-than", "1MB", *both(source, destination))
    runs(result)
    again = resume == "per-table"
    assert f"planned: {steps - finished + again} steps" in result.err, result  # the parts are those of then
    if not again:
        assert destination.value("SELECT count(*) FROM one WHERE b = 'later'") == 0
        assert destination.value("SELECT count(*) FROM one") == destination.value("SELECT count(*) FROM two")
    else:
        source.run("REFRESH MATERIALIZED VIEW counted")  # as the clone did on the destination
        runs(replicator("verify", *both(source, destination)))


def test_a_snapshot_that_verification_needs_is_kept(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    process = start("clone", "--jobs", "2", "--verify", *both(source, destination))
    until(lambda: process.ended or "verification" in process.stderr)
    source.run("INSERT INTO few VALUES (99)")
    runs(process.ends())


def test_what_failed_when_all_was_read_needs_its_snapshot_no_more(
    replicator: Run, source: Database, destination: Database
) -> None:
    source.run("CREATE TABLE t AS SELECT 1 AS a; CREATE MATERIALIZED VIEW m AS SELECT 1 / a FROM t; UPDATE t SET a = 0")
    refuses(replicator("clone", "--verify", *both(source, destination)), 6, "refresh public.m", "--skip-failed-refresh")
    source.run("UPDATE one SET b = 'later'; SELECT nextval('s'); SELECT lo_unlink(4711)")
    result = replicator("clone", "--resume", "--skip-failed-refresh", *both(source, destination))
    assert "complete, except for what was left out:\nLeft out: refresh public.m failed" in runs(result)
    assert "WAL position" not in result.err
    assert destination.value("SELECT count(*) FROM one WHERE b = 'later'") == 0
    assert destination.value("SELECT last_value FROM s") == 77
    assert destination.rows("SELECT lo_get(oid) FROM pg_largeobject_metadata") == [(b"large",)]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_names_are_read_in_their_encoding_again(encoding: str, servers: Servers, replicator: Run) -> None:
    source = servers.database(NEWEST, "ENCODING 'LATIN1'")
    destination = servers.database(NEWEST, f"ENCODING '{encoding}'")
    source.run("""CREATE TABLE "tä" AS SELECT 1 AS "ä", 'ö' AS b; CREATE UNLOGGED TABLE "tö" AS TABLE "tä";
        CREATE MATERIALIZED VIEW m AS SELECT 1 / "ä" FROM "tä"; UPDATE "tä" SET "ä" = 0""")
    refuses(replicator("clone", "--verify", *both(source, destination)), 6, "refresh public.m")
    runs(replicator("clone", "--resume", "--skip-failed-refresh", *both(source, destination)))
    runs(replicator("clone", "--data-only", "--truncate", "--skip-failed-refresh", *both(source, destination)))


FAILING_VIEW = "CREATE TABLE t AS SELECT 1 AS a; CREATE MATERIALIZED VIEW m AS SELECT 1 / a FROM t"


def test_large_objects_are_the_same_when_all_was_read_though_their_owner_stayed_behind(
    replicator: Run, source: Database, servers: Servers
) -> None:
    destination = servers.database(NEWEST, "OWNER alice")
    destination.run("ALTER ROLE alice LOGIN")
    source.run(f"{FAILING_VIEW}; UPDATE t SET a = 0")
    destination.dsn = make_conninfo(destination.dsn, user="alice")
    clone = ("clone", "--skip-unprivileged", "--verify", *both(source, destination))
    refuses(replicator(*clone), 6, "refresh public.m")
    result = replicator(*clone, "--resume", "--skip-failed-refresh")
    runs(result)
    assert "Not verified" not in result.err
    assert destination.rows("SELECT pg_get_userbyid(lomowner) FROM pg_largeobject_metadata") == [("alice",)]


def test_large_objects_of_a_copy_of_rows_alone_are_compared_when_all_was_read(
    replicator: Run, source: Database, destination: Database
) -> None:
    """The journal still has them after another run that ended early."""
    source.run(FAILING_VIEW)
    runs(replicator("clone", *both(source, destination)))
    destination.run("TRUNCATE one, two, few, t; SELECT lo_unlink(4711)")
    source.run("UPDATE t SET a = 0")
    clone = ("clone", "--data-only", "--verify", *both(source, destination))
    for command in (clone, (*clone, "--resume")):
        refuses(replicator(*command), 6, "refresh public.m")
    source.run("SELECT lo_put(4711, 0, 'later')")
    result = replicator(*clone, "--resume", "--skip-failed-refresh")
    runs(result)
    assert "Not verified: large objects" in result.err, result


def test_a_held_snapshot_goes_when_its_time_is_over(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    killed(start, source, destination, "--hold-snapshot", "3s")
    until(lambda: not sessions(source.server), 10)
    refuses(replicator("clone", "--resume", *both(source, destination)), 3, "no longer exists")


def test_without_its_snapshot_it_is_refused_unless_asked_for(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    killed(start, source, destination)
    before = done_steps(destination)
    refuses(replicator("clone", *both(source, destination)), 3, "unfinished clone", "--resume")
    refuses(
        replicator("clone", "--resume", *both(source, destination)), 3, "no longer exists", "`clone --resume=per-table`"
    )
    assert done_steps(destination) == before
    source.run("INSERT INTO few VALUES (99); UPDATE one SET b = 'later'; UPDATE two SET b = 'later'")
    source.run("SELECT nextval('s'); SELECT lo_from_bytea(4712, 'later')")
    result = replicator("clone", "--resume=per-table", *both(source, destination))
    runs(result)
    assert re.search(r"Copied as of WAL position [0-9A-F/]+ of the source, or earlier: public\.\w+\.", result.err), (
        result
    )
    later = [destination.value(f"SELECT count(*) FROM {table} WHERE b = 'later'") for table in ("one", "two")]
    assert sorted(later) == [0, destination.value("SELECT count(*) FROM one")], "one was kept, the other copied later"
    assert destination.value("SELECT count(*) FROM few") == 11
    assert destination.value("SELECT last_value FROM s") == 78
    assert destination.rows("SELECT lo_get(oid) FROM pg_largeobject_metadata ORDER BY oid") == [
        (b"large",),
        (b"later",),
    ]
    assert destination.value("SELECT to_regnamespace('replicator')") is None
    assert destination.dump() == source.dump()


def test_a_source_that_changed_is_refused_with_names(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    killed(start, source, destination)
    source.run("ALTER TABLE few ADD COLUMN b int; CREATE TABLE more (a int); DROP VIEW both_tables CASCADE")
    refuses(
        replicator("clone", "--resume=per-table", *both(source, destination)),
        CHANGED,
        "table public.few",
        "table public.more",
        "view public.both_tables",
    )
    assert "Unfinished clone" in replicator("status", "--destination", destination.dsn).out


def test_an_unfinished_clone_of_another_database_is_refused(
    start: Start, replicator: Run, source: Database, destination: Database, servers: Servers
) -> None:
    killed(start, source, destination)
    other = servers.database(NEWEST)
    other.run(SLOW_TABLES + SCHEMA)
    refuses(replicator("clone", "--resume=per-table", *both(other, destination)), 3, "another database")


def test_a_copy_into_a_newer_version_goes_on_as_well(
    start: Start, replicator: Run, servers: Servers, destination: Database
) -> None:
    older = servers.database(VERSIONS[0])
    older.run(SLOW_TABLES + SCHEMA)
    if older.value("SELECT count(*) > 1 FROM pg_collation WHERE collprovider = 'i'"):
        older.run("CREATE COLLATION named (PROVIDER = icu, LOCALE = 'de_DE')")  # de-DE from 16 on
    killed(start, older, destination)
    runs(replicator("clone", "--resume=per-table", "--verify", *both(older, destination)))


def test_rows_in_a_table_that_was_still_to_be_copied_are_refused(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    killed(start, source, destination)
    undone = "SELECT relation FROM replicator.step WHERE phase = 'data' AND done_at IS NULL AND cost > 100000 LIMIT 1"
    table = destination.value(undone)
    destination.run(f"INSERT INTO {table} (a) VALUES (1)")
    result = replicator("clone", "--resume=per-table", *both(source, destination))
    refuses(result, 3, f"table {table}: 0 rows were copied, but it has 1")


NEEDING_A_KEY = """
ALTER TABLE one CLUSTER ON one_pkey;
ALTER TABLE two REPLICA IDENTITY USING INDEX two_pkey;
CREATE INDEX computed ON one ((a + 1));
ALTER INDEX computed ALTER COLUMN 1 SET STATISTICS 7;
CREATE STATISTICS known ON a, b FROM one;
CREATE VIEW grouped AS SELECT a, b FROM one GROUP BY a;
CREATE VIEW upon_grouped AS SELECT a FROM grouped;
CREATE RULE twice AS ON INSERT TO few DO ALSO INSERT INTO one VALUES (new.a) ON CONFLICT (a) DO NOTHING;
COMMENT ON INDEX computed IS 'an index';
COMMENT ON CONSTRAINT one_pkey ON one IS 'a key';
COMMENT ON CONSTRAINT two_a_fkey ON two IS 'a foreign key';
COMMENT ON STATISTICS known IS 'statistics';
COMMENT ON VIEW upon_grouped IS 'a view';
GRANT SELECT ON upon_grouped TO bob;
"""


@pytest.mark.parametrize("older", VERSIONS[-2:])
def test_what_needs_an_index_that_is_not_built_yet_is_no_loss(
    older: int, start: Start, replicator: Run, servers: Servers
) -> None:
    """A plain role has the schema tried in its own version as well."""
    source, destination = servers.database(older), servers.database(NEWEST, "OWNER alice")
    source.run(SLOW_TABLES + SCHEMA + NEEDING_A_KEY)
    destination.run("ALTER ROLE alice LOGIN")
    destination.dsn = make_conninfo(destination.dsn, user="alice")
    killed(start, source, destination, "--no-owner")
    resume = ("clone", "--no-owner", "--resume=per-table", "--verify", *both(source, destination))
    runs(replicator(*resume))
    assert destination.value("SELECT indisclustered FROM pg_index WHERE indexrelid = 'one_pkey'::regclass") is True


@pytest.mark.skipif(VERSIONS[0] >= 17, reason="a server is wanted that has no uuid_extract_version")
def test_what_was_left_out_stays_so(start: Start, replicator: Run, servers: Servers) -> None:
    """An index, and what needs a key, cannot be tried on what is there. What is neither made nor left out is new."""
    source, destination = servers.database(NEWEST), servers.database([v for v in VERSIONS if v < 17][-1])
    source.run(SLOW_TABLES + SCHEMA + NEEDING_A_KEY)
    source.run("""CREATE INDEX newer ON two (uuid_extract_version(md5(b)::uuid)); COMMENT ON INDEX newer IS 'lost, too';
        CREATE VIEW newest AS SELECT a, b, uuidv7() FROM one GROUP BY a""")
    killed(start, source, destination, "--downgrade")
    result = replicator("clone", "--downgrade", "--resume=per-table", "--verify", *both(source, destination))
    runs(result)
    for name in ("index public.newer", "view public.newest"):
        assert f"note: Left out for PostgreSQL {destination.major}: {name}: " in result.err
    other = servers.database(destination.major)
    killed(start, source, other, "--downgrade")
    source.run("CREATE INDEX later ON few (a)")
    result = replicator("clone", "--downgrade", "--resume=per-table", *both(source, other))
    refuses(result, CHANGED, "index public.later")


def test_where_nothing_was_begun_it_begins(replicator: Run, source: Database, destination: Database) -> None:
    runs(replicator("clone", "--resume", "--verify", *both(source, destination)))
    refuses(replicator("clone", "--resume", *both(source, destination)), 3, "not empty")


def test_sessions_that_the_killed_run_left_are_ended(
    start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    killed(start, source, destination)
    left = str(destination.value("SELECT sessions FROM replicator.run"))
    with psycopg.connect(destination.dsn, application_name=f"replicator worker {left}") as conn:
        conn.execute("LOCK TABLE few")
        runs(replicator("clone", "--resume=per-table", *both(source, destination)))
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT")


@pytest.mark.parametrize("part", range(2))
def test_killed_again_and_again_it_ends_complete(
    part: int, start: Start, replicator: Run, source: Database, destination: Database
) -> None:
    """Kill at a moment of its own each time, and resume, until it gets through."""
    for attempt in range(12):
        process = start("clone", "--resume=per-table", "--jobs", "2", *both(source, destination))
        deadline = time.monotonic() + 0.6 + 0.3 * attempt + 0.07 * part
        until(lambda: process.ended or time.monotonic() > deadline)  # noqa: B023
        if process.ended:
            runs(process.ends())
            break
        process.send(signal.SIGKILL)
        process.ends()
        status = replicator("status", "--destination", destination.dsn)
        if status.code == 0 and not is_empty(destination):
            break  # killed between the end of the work and the end of the process: no journal, so all has to be there
        assert status.code == FAILED or is_empty(destination), status
    else:
        runs(replicator("clone", "--resume=per-table", *both(source, destination)))
    assert destination.dump() == source.dump()
    runs(replicator("verify", *both(source, destination)))
