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

from tests.fix_cli import Result, Run, both, is_empty, leaves_no_session
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


@pytest.fixture
def judge(replicator: Run, request: pytest.FixtureRequest) -> Judge:
    """Count a run that met a fault, once it is known to have lost nothing: it is a copy, or it says that it is none."""

    def judge(result: Result, source: Database, destination: Database, count: bool = True, held: bool = False) -> str:
        """`held`: a process of the run's goes on to hold the source's snapshot."""
        if count:
            request.node.user_properties.append(("fault", "tried"))
        assert "Traceback" not in result.out + result.err, result
        leaves_no_session(*(() if held else (source.server,)), destination.server)
        status = replicator("status", "--destination", destination.dsn)
        if result.code == 0:
            verified = replicator("verify", *both(source, destination))
            assert verified.code == 0, f"{result}\n{verified}"
            assert contents(destination) == contents(source), result
            assert status.code == 0, status
            became = FINISHED
        else:
            assert "replicator: " in result.err or result.code < 0, result
            if status.code != FAILED and not is_empty(destination):
                # What was cut off in the moment of its last commit is complete without having said so.
                verified = replicator("verify", *both(source, destination))
                assert verified.code == 0, f"{result}\n{status}\n{verified}"
                assert contents(destination) == contents(source), result
            became = SAID_SO
        if count:
            request.node.user_properties.append(("fault", became))
        return became

    return judge


def pytest_terminal_summary(terminalreporter) -> None:
    reports = [r for reports in terminalreporter.stats.values() for r in reports if isinstance(r, pytest.TestReport)]
    became = Counter(what for r in reports if r.when == "call" for name, what in r.user_properties if name == "fault")
    if tried := became["tried"]:
        known = (FINISHED, SAID_SO, FALSELY, HUNG)
        lost = tried - sum(became[what] for what in known)  # whatever else failed counts as the worst
        counts = "".join(f", {what}: {became[what]}" for what in known)
        terminalreporter.write_line(f"faults tried: {tried}{counts}, {LOST}: {lost}")
