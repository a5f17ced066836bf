"""What a run leaves alone: the process that it is called in, and the servers' log."""

import gc
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from replicator import events
from replicator.runs.clone import clone
from replicator.sessions.workers import Sessions
from replicator.settings import Settings
from tests.fix_cli import NEWEST, Start, both, until
from tests.fix_servers import Database
from tests.test_faults import copying


@pytest.fixture
def major() -> int:
    """The newest version alone."""
    return NEWEST


def test_a_program_that_calls_the_library_keeps_its_garbage_collector(database: Database, destination: Database):
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    frozen, seen = gc.get_freeze_count(), []
    clone(Settings(database.dsn, destination.dsn, verify=True), lambda event: seen.append(gc.isenabled()))
    assert all(seen)
    assert gc.get_freeze_count() == frozen


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"verify": True}, ["Locking the source", "Reading the destination's catalogs"]),
        ({"replace": "swap"}, ["Dropping the replaced database"]),
        ({"replace": "drop"}, ["Trying to drop the destination's objects"]),
        ({"data_only": True}, ["Locking the source"]),
    ],
)
def test_what_may_take_long_says_so(given, words, database: Database, destination: Database, monkeypatch):
    """As if everything took too long."""
    monkeypatch.setattr("replicator.events.SILENT_SECONDS", 0.0005)
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    if given != {"verify": True}:
        destination.run("CREATE TABLE t (a int); CREATE TABLE t2 ()")
    said = []
    emit = lambda event: said.append(event.text) if isinstance(event, events.Note) else None  # noqa: E731
    clone(Settings(database.dsn, destination.dsn, **given), emit)
    for word in words:
        assert any(text.startswith(word) for text in said), said


class Busy:
    """A session whose server is slow to take a request to cancel: it takes them all at once, or none."""

    together = threading.Barrier(8)

    def cancel_safe(self, timeout: float) -> None:
        self.together.wait(30)


def test_sessions_are_cancelled_at_once():
    sessions = Sessions(None, "source")
    sessions._busy = {Busy() for _ in range(8)}
    with ThreadPoolExecutor(1) as thread:
        thread.submit(sessions.cancel).result()
    assert not Busy.together.broken


def test_who_holds_a_snapshot_logs_in_once(start: Start, database: Database, destination: Database):
    database.run("""CREATE TABLE slow (a int, b text, c text GENERATED ALWAYS AS (md5(repeat(b, 40))) STORED);
                    INSERT INTO slow SELECT g, repeat(md5(g::text), 8) FROM generate_series(1, 25000) g""")
    query = f"""SELECT pid, query_start FROM pg_stat_activity
                 WHERE application_name = 'replicator hold' AND datname = '{destination.name}'"""
    process = start("clone", "--hold-snapshot", "5m", "--jobs", "1", *both(database, destination))
    until(lambda: process.ended or copying(destination))
    process.send(signal.SIGKILL)
    process.ends()
    looks = set()
    until(lambda: looks.update(destination.rows(query)) or len({look for _, look in looks}) > 2)
    assert len({pid for pid, _ in looks}) == 1
    destination.run("DROP SCHEMA replicator CASCADE")
    until(lambda: not destination.rows(query))
