"""A source that others alter while it is read: who waits for whom, and what changed names and types make of rows."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from replicator import patience, postgres, snapshot
from tests.fix_cli import Start, until
from tests.fix_servers import Database
from tests.test_faults import SLOW_TABLES, in_mid_copy


@pytest.fixture(scope="module")
def asked_soon() -> Iterator[None]:
    before, patience.LOOK_SECONDS = patience.LOOK_SECONDS, 0.3
    yield
    patience.LOOK_SECONDS = before


# The moment


def test_the_position_of_a_snapshot_is_where_it_was_taken_not_where_it_was_read(database: Database) -> None:
    database.run("CREATE TABLE t (a int)")
    with snapshot.take(database.dsn, holders=2) as moment:
        lsn = database.value("SELECT pg_current_wal_lsn()")
        database.run("INSERT INTO t SELECT generate_series(1, 1000)")
        with snapshot.take(database.dsn, imported=moment.id) as joined:
            assert joined.moment.snapshot == moment.moment.snapshot
        assert database.value(f"SELECT '{moment.moment.lsn}'::pg_lsn <= '{lsn}'::pg_lsn")
        moment.holder.close()
        moment.keep()
        assert database.value(f"SELECT '{moment.moment.lsn}'::pg_lsn <= '{lsn}'::pg_lsn")


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
    assert destination.value(f"SELECT max(lsn) <= '{lsn}' FROM replicator.step")


# Who is waited for


def test_a_wait_for_a_lock_names_who_has_it(database: Database, asked_soon: None) -> None:
    """The listener is told of the session in the way, or that there is none, while the statement goes on waiting."""
    database.run("CREATE TABLE t (a int)")
    heard: list[patience.Wait] = []
    patience.listener = heard.append
    try:
        with (
            psycopg.connect(database.dsn, application_name="their tool") as other,
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
    finally:
        patience.listener = None
    assert heard[0].what == "public.t"
    assert heard[0].statement.startswith("LOCK TABLE")
    (holder,) = heard[0].holders
    assert (holder.pid, holder.application) == (pid, "their tool")
    assert holder.statement == "LOCK TABLE t IN ACCESS EXCLUSIVE MODE"
    assert heard[-1].what == ""
