"""The Python door: what a program that imports the package can do, and what it need not fear."""

import asyncio
import gc
import inspect
import pickle
import signal
import subprocess
import sys
import threading

import psycopg
import pytest

import replicator
from replicator import Settings, check, clean, clone, errors, events, plan, status, validate, verify
from replicator.catalog import keywords
from replicator.catalog.read import read_catalog
from replicator.checks import dry_run, supported
from replicator.errors import ReplicatorError
from replicator.model import Catalog, Phase
from replicator.runs import plan as runs_plan
from tests.fix_cli import until
from tests.fix_servers import SOME, Database

pytestmark = SOME
ROWS = 2000
ERRORS = [e for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, ReplicatorError)]
FILL = f"""
    CREATE TABLE a (n int PRIMARY KEY, t text); INSERT INTO a SELECT g, 'text ' || g FROM generate_series(1, {ROWS}) g;
    CREATE TABLE b (n int REFERENCES a); INSERT INTO b SELECT n FROM a WHERE n % 2 = 0;
    CREATE INDEX ON b (n)
"""


def settings(source: Database, destination: Database, **options: object) -> Settings:
    return Settings(source.dsn, destination.dsn, **options)  # type: ignore[arg-type]


# What is there


def test_every_public_name_can_be_imported_and_says_what_it_is() -> None:
    for name in replicator.__all__:
        assert hasattr(replicator, name)
        assert name == "__version__" or inspect.getdoc(getattr(replicator, name))
    assert set(dir(replicator)) == set(replicator.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = replicator.nothing


def test_the_package_loads_nothing_before_it_is_used() -> None:
    script = "import sys, replicator; sys.exit(bool({'psycopg', 'rich', 'click', 'tenacity'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_library_needs_no_package_of_the_command_line() -> None:
    script = "import sys; from replicator import clone; sys.exit(bool({'rich', 'click'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# What the commands return


def test_a_clone_returns_what_it_did(database: Database, destination: Database, capfd: pytest.CaptureFixture) -> None:
    database.run(FILL)
    result = clone(settings(database, destination, jobs=2, verify=True))
    assert {table.name: table.rows for table in result.tables} == {"public.a": ROWS, "public.b": ROWS // 2}
    assert result.rows == ROWS * 3 // 2
    assert result.bytes > 10 * ROWS
    assert result.verified and result.equal and not result.left_out and not result.deferred
    assert result.snapshot and result.snapshot.snapshot and result.snapshot.lsn
    assert result.source.endswith(f"/{database.name}") and result.destination.endswith(f"/{destination.name}")
    assert len(result.versions) == 2 and all(result.versions)
    assert capfd.readouterr() == ("", "")
    assert destination.value("SELECT count(*) FROM b JOIN a USING (n)") == ROWS // 2


def test_a_table_that_is_copied_in_parts_is_one_table(database: Database, destination: Database) -> None:
    database.run(FILL)
    result = clone(settings(database, destination, jobs=2, split_larger_than=16384))
    assert {table.name: table.rows for table in result.tables} == {"public.a": ROWS, "public.b": ROWS // 2}


def test_what_is_left_out_is_in_the_result(database: Database, destination: Database) -> None:
    database.run(f"{FILL}; CREATE EXTENSION hstore; CREATE TABLE h (h hstore)")
    result = clone(settings(database, destination, exclude_extension=("hstore",)))
    assert any("public.h" in text for text in result.left_out)


def test_differences_are_a_result_not_an_error(database: Database, destination: Database) -> None:
    database.run(FILL)
    clone(settings(database, destination))
    destination.run("UPDATE a SET t = 'other' WHERE n = 7")
    result = verify(settings(database, destination))
    assert [(difference.what, difference.repaired) for difference in result.differences] == [("table public.a", False)]
    assert not result.equal
    assert verify(settings(database, destination, repair=True)).equal
    assert verify(settings(database, destination)).differences == ()


def test_a_plan_and_a_check_write_nothing(database: Database, destination: Database) -> None:
    database.run(FILL)
    names = [step.name for step in plan(settings(database, destination)).plan.steps]
    assert "data public.a" in names
    found = check(settings(database, destination))
    assert not found.blocked and set(found.servers) == {"source", "destination"}
    destination.run("CREATE TABLE there ()")
    assert check(settings(database, destination)).blocked
    assert plan(settings(database, destination)).blocked
    alone = check(settings(database, destination), only="destination")
    assert {server: facts.database for server, facts in alone.servers.items()} == {"destination": destination.name}
    assert status(destination.dsn) is None and clean(destination.dsn) is None and validate(destination.dsn) is None


def test_a_plan_reads_the_catalogs_of_the_source_once(
    database: Database, destination: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.run(FILL)
    read: list[str] = []

    def counting(conn: psycopg.Connection, *given: object, **more: object) -> Catalog:
        read.append(conn.info.dbname)
        return read_catalog(conn, *given, **more)  # type: ignore[arg-type]

    for module in (keywords, runs_plan, supported):
        monkeypatch.setattr(module, "read_catalog", counting)
    planned = plan(settings(database, destination))
    assert read.count(database.name) == 1
    assert planned.servers["source"].database == database.name
    assert planned.plan == plan(settings(database, destination), checked=False).plan


def test_a_schema_too_large_to_be_tried_is_not_said_to_fit(
    database: Database, destination: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library is needed, so that the schema is tried although the servers are alike."""
    database.run("CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'")
    assert not check(settings(database, destination)).untried
    monkeypatch.setattr(dry_run, "_too_many", lambda *_: "The schema is too large.")
    checked = check(settings(database, destination))
    assert checked.untried and not checked.blocked


def test_a_plan_into_a_database_that_is_to_be_created(database: Database, destination: Database) -> None:
    database.run(FILL)
    absent = Settings(database.dsn, psycopg.conninfo.make_conninfo(destination.dsn, dbname="absent"), create=True)
    planned = plan(absent)
    assert not planned.blocked and planned.servers["destination"].database == "absent"
    assert planned.plan == plan(absent, checked=False).plan
    assert "data public.a" in {step.name for step in planned.plan.steps}


def test_deferred_work_is_named_and_done(database: Database, destination: Database) -> None:
    database.run(FILL)
    result = clone(settings(database, destination, defer_validation=True, defer_indexes=True))
    assert "1 index to build" in result.deferred
    found = status(destination.dsn)
    assert found and found.open and any("b_n_idx" in name for name in found.deferred)
    assert validate(destination.dsn)
    assert status(destination.dsn) is None


# Events, and an end from another thread


def test_a_run_can_be_followed(database: Database, destination: Database) -> None:
    database.run(FILL)
    heard: list[events.Event] = []
    with clone.running(settings(database, destination), on_event=heard.append) as run:
        seen = list(run)
        assert list(run) == []
    assert run.ended
    assert run.result().rows == ROWS * 3 // 2
    assert seen == heard
    assert {event.table for event in seen if isinstance(event, events.Done) if event.phase is Phase.DATA} == {
        "public.a",
        "public.b",
    }


def test_what_a_run_raised_is_raised_when_its_block_is_left(database: Database, destination: Database) -> None:
    destination.run("CREATE TABLE there ()")
    with pytest.raises(errors.PreflightFailed), clone.running(settings(database, destination)):
        pass
    with clone.running(settings(database, destination)) as run, pytest.raises(errors.PreflightFailed):
        run.result()


def test_an_exception_in_the_block_cancels_the_run(database: Database, destination: Database) -> None:
    with (
        psycopg.connect(database.dsn) as other,
        pytest.raises(ZeroDivisionError),
        clone.running(settings(database, destination)) as run,
    ):
        other.execute("CREATE TABLE t (); COMMIT; BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        for event in run:
            if isinstance(event, events.Ready):
                _ = 1 / 0
    with pytest.raises(errors.Interrupted):
        run.result()


@pytest.mark.parametrize("options", [{"wait_attempts": 100, "wait_delay": 600.0}, {}])
def test_a_run_that_waits_for_a_server_is_cancelled_at_once(database: Database, options: dict[str, float]) -> None:
    nobody = "host=127.0.0.1 port=1 dbname=x"
    with clone.running(Settings(nobody, database.dsn, **options)) as run:
        for event in run:
            if isinstance(event, events.Waiting):
                threading.Thread(target=run.cancel).start()
        with pytest.raises(errors.Interrupted):
            run.result(timeout=30)


def test_a_run_that_waits_for_a_lock_is_cancelled_at_once(database: Database, destination: Database) -> None:
    database.run(FILL)
    with psycopg.connect(database.dsn) as other, clone.running(settings(database, destination)) as run:
        other.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        with psycopg.connect(database.dsn, autocommit=True) as looking:
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'a'::regclass"
            until(lambda: looking.execute(waits).fetchall() == [(1,)] or run.ended)
            run.cancel()
            with pytest.raises(errors.Interrupted):
                run.result(timeout=30)
            until(lambda: looking.execute(waits).fetchall() == [(0,)])
    assert not destination.value("SELECT to_regclass('public.a') IS NOT NULL")


def test_a_copy_that_was_cancelled_is_unfinished_and_can_be_resumed(database: Database, destination: Database) -> None:
    database.run(FILL)
    with clone.running(settings(database, destination, max_rate=5000)) as run:
        until(lambda: destination.value("SELECT to_regclass('public.a') IS NOT NULL") or run.ended)
        for event in run:
            if isinstance(event, events.Started) and event.phase is Phase.DATA:
                run.cancel()
                run.cancel()
        with pytest.raises(errors.Interrupted) as raised:
            run.result(timeout=30)
    assert "clone --resume=per-table" in (raised.value.hint or "")
    found = status(destination.dsn)
    assert found and found.state == "interrupted" and not found.alive
    assert clone(settings(database, destination, resume="per-table", verify=True)).verified
    assert destination.rows("SELECT * FROM a EXCEPT SELECT g, 'text ' || g FROM generate_series(1, 2000) g") == []


def test_a_run_that_is_over_is_not_cancelled(database: Database, destination: Database) -> None:
    with clone.running(settings(database, destination)) as run:
        result = run.result()
        run.cancel()
    assert run.result() == result
    with pytest.raises(errors.UsageError, match="has not begun"):
        clone.running(settings(database, destination)).result()
    assert replicator.Interrupted is errors.Interrupted
    with clone.running(settings(database, destination)) as late, pytest.raises(TimeoutError):
        late.result(timeout=0)
    # the destination is empty still, as its source is


# The caller's process


def test_two_runs_go_on_side_by_side(database: Database, destination: Database, spare_database: Database) -> None:
    """One is cancelled, and waits for a lock that it tells of; the other knows nothing of that."""
    database.run(FILL)
    one, other = settings(database, destination, stall_seconds=1.0), settings(database, spare_database, max_rate=20_000)
    with clone.running(other) as slow:
        until(lambda: spare_database.value("SELECT to_regclass('public.a') IS NOT NULL") or slow.ended)
        assert clone(one).rows == ROWS * 3 // 2
        slow.cancel()
        with pytest.raises(errors.Interrupted):
            slow.result(timeout=30)
    assert clean(spare_database.dsn)


def test_the_process_is_left_as_it_was(database: Database, destination: Database) -> None:
    database.run(FILL)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    threads = set(threading.enumerate())
    seen: set[tuple[bool, int]] = set()
    wanted = settings(database, destination, verify=True)
    clone(wanted, on_event=lambda event: seen.add((gc.isenabled(), gc.get_freeze_count())))
    assert seen == {(gc.isenabled(), gc.get_freeze_count())}
    assert handlers == {number: signal.getsignal(number) for number in handlers}
    until(lambda: set(threading.enumerate()) <= threads)


def test_it_works_in_a_thread_of_asyncio(database: Database, destination: Database) -> None:
    database.run(FILL)

    async def main() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        result = await asyncio.to_thread(clone, settings(database, destination, verify=True))
        ticking.cancel()
        assert result.verified
        return ticks

    assert asyncio.run(main()) > 1  # the loop went on


# Pickles: results and errors come from other processes


def test_results_survive_a_pickle(database: Database, destination: Database) -> None:
    database.run(FILL)
    destination.run("CREATE TABLE a (n int)")
    for result in (
        verify(settings(database, destination)),
        plan(settings(database, destination)),
        check(settings(database, destination)),
    ):
        assert pickle.loads(pickle.dumps(result)) == result


@pytest.mark.parametrize("made", ERRORS)
def test_errors_survive_a_pickle(made: type[ReplicatorError]) -> None:
    given: dict[type, tuple[object, ...]] = {
        errors.StepFailed: ("data public.t", "no room"),
        errors.Incomplete: (("data public.t: no room",), 2),
        errors.Pooled: ("the source",),
        errors.VerificationFailed: (("table public.t: 1 row missing",),),
    }
    error = made(*given.get(made, ("A message.",)))
    error.hint = "Do this."
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is made
    assert (str(again), again.hint, again.exit_code) == (str(error), "Do this.", made.exit_code)
    assert vars(again) == vars(error)


def test_the_drivers_warnings_are_not_printed() -> None:
    """Python prints those of a logger without a handler on stderr."""
    script = "import replicator.library, logging; logging.getLogger('psycopg.pool').warning('discarding')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
