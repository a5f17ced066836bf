"""What a batch of steps does on real servers: all of it or nothing, and errors with the name of their step."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from replicator.errors import StepFailed
from replicator.events import Event
from replicator.journal import Journal
from replicator.journal.connection import ControlConnection
from replicator.journal.run import Run
from replicator.model import Execute, Outcome, Phase, Plan, Step
from replicator.runs.endpoints import Endpoints, identity, open_both
from replicator.sessions import postgres
from replicator.sessions.snapshot import Snapshot
from replicator.sessions.workers import Sessions
from replicator.settings import Settings
from replicator.work.index_memory import Sorting
from replicator.work.step_runner import StepRunner
from tests.fix_cli import until
from tests.fix_servers import VERSIONS, Servers

NEWEST = VERSIONS[-1]


def steps(*statements: str, phase: Phase = Phase.SCHEMA) -> tuple[Step, ...]:
    return tuple(Step(f"step {n}", phase, Execute((text,))) for n, text in enumerate(statements))


def places(ends: Endpoints) -> tuple[Sessions, Sessions, Snapshot, ControlConnection]:
    """Where the steps of a clone are done."""
    return ends.source.sessions, ends.destination.sessions, ends.snapshot, ends.control


def begun(ends: Endpoints) -> Run:
    return Run("the test", "", "", ends.sessions, ends.snapshot.id, *identity(ends.snapshot), None, {})


class Done:
    """What became of a batch: its error, the steps that the journal misses, the tables that are there."""

    def __init__(self, servers: Servers, batch: tuple[Step, ...]) -> None:
        source, destination = servers.database(NEWEST), servers.database(NEWEST)
        self.error: StepFailed | None = None
        with open_both(Settings(source.dsn, destination.dsn, jobs=1)) as ends:
            journal = Journal(Plan(batch))
            journal.create(ends.control.conn, begun(ends))
            runner = StepRunner(
                ends.source.sessions,
                ends.destination.sessions,
                ends.snapshot,
                ends.control,
                journal,
                list[Event]().append,
            )
            try:
                runner.run(batch, 0)
            except StepFailed as error:
                self.error = error
            self.unfinished = journal.unfinished(ends.control.conn)
        self.tables = [name for (name,) in destination.rows("SELECT relname FROM pg_class WHERE relname ~ '^t[0-9]'")]


def test_a_batch_is_done_as_a_whole(servers: Servers) -> None:
    done = Done(servers, steps("CREATE TABLE public.t0 ()", "CREATE TABLE public.t1 ()"))
    assert done.error is None
    assert not done.unfinished
    assert sorted(done.tables) == ["t0", "t1"]


@pytest.mark.parametrize("wrong", ["CREATE TABLE public.t0 ()", "CREATE TABLE", "SELECT 1/0"])
def test_an_error_in_a_batch_names_its_step_and_nothing_is_done(wrong: str, servers: Servers) -> None:
    batch = steps("CREATE TABLE public.t0 ()", wrong, "CREATE TABLE public.t2 ()")
    done = Done(servers, tuple(replace(step, indispensable=True) for step in batch))
    assert done.error is not None
    assert done.error.step == "step 1"
    assert done.unfinished == ["step 0", "step 1", "step 2"]
    assert done.tables == []


def test_of_a_batch_all_is_done_but_what_is_refused(servers: Servers) -> None:
    batch = steps("CREATE TABLE public.t0 ()", "SELECT 1/0", "CREATE TABLE public.t2 ()", "CREATE TABLE public.t3 ()")
    done = Done(servers, (*batch[:3], replace(batch[3], builds_on=frozenset({"step 1"}))))
    assert done.error is None
    assert done.unfinished == ["step 1", "step 3"]
    assert sorted(done.tables) == ["t0", "t2"]


def test_a_step_whose_commit_is_in_doubt_is_not_done_twice(servers: Servers) -> None:
    """Its connection was lost, and the first transaction is alive on the server: it commits after all."""
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    destination.run("CREATE TABLE t0 (a int)")
    batch = steps("INSERT INTO public.t0 SELECT generate_series(1, 10)", phase=Phase.BUILD)
    with open_both(Settings(source.dsn, destination.dsn, jobs=1)) as ends, ThreadPoolExecutor(1) as threads:
        journal = Journal(Plan(batch))
        journal.create(ends.control.conn, begun(ends))
        runner = StepRunner(
            ends.source.sessions, ends.destination.sessions, ends.snapshot, ends.control, journal, list[Event]().append
        )
        with postgres.connect(destination.dsn) as first, first.transaction():
            journal.take(first, [batch[0].name])
            first.execute("INSERT INTO public.t0 SELECT generate_series(1, 10)")
            journal.done(first, {batch[0].name: Outcome(1.5, 10)})
            second = threads.submit(runner.run, batch, 0)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            until(lambda: bool(destination.value(f"{waiting} AND datname = current_database()")))
        assert second.result() == {batch[0].name: Outcome(1.5, 10)}
    assert destination.value("SELECT count(*) FROM t0") == 10


def test_of_a_batch_that_is_done_in_part_the_rest_is_done(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    batch = steps("CREATE TABLE public.t0 ()", "CREATE TABLE public.t1 ()", "CREATE TABLE public.t2 ()")
    with open_both(Settings(source.dsn, destination.dsn, jobs=1)) as ends:
        journal = Journal(Plan(batch))
        journal.create(ends.control.conn, begun(ends))
        runner = StepRunner(
            ends.source.sessions, ends.destination.sessions, ends.snapshot, ends.control, journal, list[Event]().append
        )
        runner.run(batch[1:2], 0)
        assert runner.run(batch, 0).keys() == {step.name for step in batch}
        assert not journal.unfinished(ends.control.conn)


def test_where_the_journal_is_another_runs_nothing_is_done(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    batch = steps("CREATE TABLE public.t0 ()")
    for change in ("UPDATE replicator.run SET sessions = 'other'", "DROP SCHEMA replicator CASCADE"):
        with open_both(Settings(source.dsn, destination.dsn, jobs=1)) as ends:
            journal = Journal(Plan(batch))
            journal.create(ends.control.conn, begun(ends))
            runner = StepRunner(
                ends.source.sessions,
                ends.destination.sessions,
                ends.snapshot,
                ends.control,
                journal,
                list[Event]().append,
            )
            destination.run(change)
            with pytest.raises(StepFailed, match="somebody resumed or cleaned up"):
                runner.run(batch, 0)
        destination.run("DROP SCHEMA IF EXISTS replicator CASCADE")
        assert not destination.rows("SELECT FROM pg_class WHERE relname = 't0'")


def test_what_is_sorted_has_the_memory_that_suits_it(servers: Servers) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    see = "CREATE TABLE public.t{} AS SELECT current_setting('maintenance_work_mem') AS memory"
    plain, sorting = steps(see.format(0), see.format(1), phase=Phase.BUILD)
    sorting = replace(sorting, sorts=16341 * 1024)
    with open_both(Settings(source.dsn, destination.dsn, jobs=1)) as ends:
        journal = Journal(Plan((plain, sorting)))
        journal.create(ends.control.conn, begun(ends))
        places = (
            ends.source.sessions,
            ends.destination.sessions,
            ends.snapshot,
            ends.control,
            journal,
            list[Event]().append,
        )
        runner = StepRunner(*places, sorting=Sorting(2**30, 0))
        for step in (sorting, plain):
            runner.run([step], 0)
        ((session,),) = ends.control.conn.execute("SELECT memory FROM public.t0").fetchall()
    assert destination.rows("SELECT memory FROM public.t1") == [("16341kB",)]
    assert session != "16341kB"
