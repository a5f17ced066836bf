"""Faults are tried by number and counted: each ends in a copy that is complete, or in one that is said not to be.

`pytest -m faults --faults 50` tries fifty of each sort; without --faults there are two, which the seed of the day
chooses: REPLICATOR_TEST_SEED. A test that fails has lost something.
"""

import os
import time
from collections import Counter
from collections.abc import Callable

import psycopg
import pytest

from tests.fix_cli import STILL_RUNNING, Result, Run, both, is_empty, leaves_no_session
from tests.fix_servers import Database

FEW = 2
FINISHED, SAID_SO = "survived by finishing", "survived by saying so"
LOST, FALSELY, HUNG = "lost", "falsely said", "hung"
FAILED = 6
Judge = Callable[..., str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", type=int, default=FEW, help="How many faults of each sort are tried.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "attempt" in metafunc.fixturenames and metafunc.definition.get_closest_marker("faults"):
        metafunc.parametrize("attempt", range(metafunc.config.getoption("--faults")))


RELATIONS = """
SELECT format('SELECT %L::text, count(*)::text, md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM ONLY %s t',
              c.oid::regclass, c.oid::regclass)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE relkind IN ('r', 'm') AND relispopulated AND nspname !~ '^(pg_|information_schema$|replicator$)'
 UNION ALL
SELECT format('SELECT %L::text, last_value::text, is_called::text FROM %s', c.oid::regclass, c.oid::regclass)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE relkind = 'S' AND nspname <> 'replicator'
"""
LARGE_OBJECTS = "SELECT oid::text, pg_get_userbyid(lomowner)::text, md5(lo_get(oid)) FROM pg_largeobject_metadata"


def contents(database: Database) -> list[tuple]:
    """Return what a database holds: of each table and materialized view a hash of its rows, of each sequence its value.

    It is this that judges, since a verification that is wrong could not tell.
    """
    with psycopg.connect(database.dsn, autocommit=True) as conn:
        conn.execute("SET search_path = ''")
        queries = [query for (query,) in conn.execute(RELATIONS).fetchall()]
        return sorted(row for query in (*queries, LARGE_OBJECTS) for row in conn.execute(query).fetchall())


@pytest.fixture
def seed(attempt: int) -> int:
    """Return the number that decides about this attempt. It is printed, and the same number does the same again."""
    first = int(os.environ.get("REPLICATOR_TEST_SEED", time.time_ns() // 10**9))
    print(f"REPLICATOR_TEST_SEED={first}, attempt {attempt}")
    return first * 1000 + attempt


Count = Callable[[str], str]


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Count:
    """Count what became of a run: `count(SAID_SO)`."""

    def count(what: str) -> str:
        request.node.user_properties.append(("fault", what))
        return what

    return count


@pytest.fixture
def judge(replicator: Run, count: Count) -> Judge:
    """Count a run that met a fault, once it is known to have lost nothing: it is a copy, or it says that it is none."""

    def judge(
        result: Result, source: Database, destination: Database, *, counts: bool = True, held: bool = False
    ) -> str:
        """`held`: a process of the run's goes on to hold the source's snapshot."""
        say = count if counts else str
        say("tried")
        assert "Traceback" not in result.out + result.err, result
        leaves_no_session(*(() if held else (source.server, destination.server)))
        status = replicator("status", "--destination", destination.dsn)

        def is_a_copy() -> None:
            assert contents(destination) == contents(source), f"{result}\n{status}"
            verified = replicator("verify", *both(source, destination))
            if verified.code:
                say(FALSELY)
            assert verified.code == 0, f"{result}\n{status}\n{verified}"

        if result.code == 0:
            is_a_copy()
            assert status.code == 0, status
            return say(FINISHED)
        assert "replicator: " in result.err or result.code < 0, result
        if status.code != FAILED and not is_empty(destination):
            is_a_copy()  # what was cut off in the moment of its last commit is complete without having said so
        return say(SAID_SO)

    return judge


def became(report: pytest.TestReport) -> list[str]:
    """Return what was counted in a test. One that failed before it could tell why has hung, or has lost something."""
    told = [what for name, what in report.user_properties if name == "fault"]
    if not report.failed or "faults" not in report.keywords:
        return told
    bad = [what for what in told if what in (LOST, FALSELY, HUNG)]
    return ["tried", bad[0] if bad else HUNG if STILL_RUNNING in report.longreprtext else LOST]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for reports in terminalreporter.stats.values() for r in reports if isinstance(r, pytest.TestReport)]
    counts = Counter(what for report in reports if report.when == "call" for what in became(report))
    if tried := counts["tried"]:
        words = ", ".join(f"{what}: {counts[what]}" for what in (FINISHED, SAID_SO, LOST, FALSELY, HUNG))
        terminalreporter.write_line(f"faults tried: {tried}, {words}")
