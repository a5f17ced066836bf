"""A source on which something goes on all the time that is no change of its schema: the clone does not give up."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from replicator.sessions import postgres
from replicator.sessions.changes import changed_objects
from tests.fix_cli import Run, both, refuses, runs
from tests.fix_servers import Database

pytestmark = pytest.mark.pg("in 12 15 18")

SCHEMA = """
CREATE TABLE t (a int PRIMARY KEY, b text DEFAULT 'x');
INSERT INTO t SELECT generate_series(1, 100);
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM t;
CREATE UNIQUE INDEX ON counted (n);
CREATE SEQUENCE counter;
CREATE TABLE owned (id serial, other int GENERATED ALWAYS AS IDENTITY);
CREATE TYPE mood AS ENUM ('fine');
CREATE DOMAIN amount AS int;
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
CREATE VIEW seen AS SELECT a FROM t;
CREATE SCHEMA other;
ANALYZE;
"""
GOES_ON = [
    "REFRESH MATERIALIZED VIEW counted",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY counted",
    "ALTER SEQUENCE counter RESTART",
    "ALTER TABLE owned ALTER other RESTART",
    "GRANT SELECT ON t TO alice; REVOKE SELECT ON t FROM alice",
    "GRANT SELECT (a) ON t TO alice; REVOKE SELECT (a) ON t FROM alice",
    "GRANT EXECUTE ON FUNCTION twice(int) TO alice; GRANT USAGE ON SCHEMA other TO bob",
    "CREATE OR REPLACE FUNCTION twice(int) RETURNS int LANGUAGE sql COST 7 AS 'SELECT 2 * $1'",
    "CREATE TABLE staging (a int); DROP TABLE staging",
    "CREATE TABLE IF NOT EXISTS later (a int)",
    "CREATE OR REPLACE VIEW pg_temp.mine AS SELECT 1",
    "ANALYZE t",
    "VACUUM FULL counted",
    "REINDEX INDEX t_pkey",
]
CHANGES = [
    ("CREATE OR REPLACE VIEW seen AS SELECT a, 1 AS more FROM t", "public.seen"),
    ("ALTER TYPE mood ADD VALUE 'better'", "public.mood"),
    ("ALTER FUNCTION twice(int) RENAME TO double", "public.double"),
    ("ALTER TABLE t ALTER b SET DEFAULT 'y'", "public.t"),
    ("ALTER TABLE t ALTER b SET STORAGE EXTERNAL", "public.t"),
    ("ALTER DOMAIN amount SET DEFAULT 5", "public.amount"),
    ("DROP SCHEMA other", "of catalog 2615"),
    ("ALTER SEQUENCE counter SET SCHEMA other", "other.counter"),
    ("ALTER MATERIALIZED VIEW counted SET (fillfactor = 50)", "public.counted"),
]


@pytest.fixture
def source(database: Database) -> Database:
    database.run(SCHEMA)
    return database


@pytest.mark.parametrize("statement", GOES_ON)
def test_what_says_nothing_of_a_definition_is_no_change(statement: str, source: Database) -> None:
    assert seen_of(statement, source) == []


@pytest.mark.parametrize(("statement", "name"), CHANGES, ids=[name for _, name in CHANGES])
def test_a_changed_definition_is_named(statement: str, name: str, source: Database) -> None:
    assert name in str(seen_of(statement, source))


def seen_of(statement: str, source: Database) -> list[str]:
    """Return which changes are seen of a statement that comes after the snapshot."""
    with postgres.connect(source.dsn) as then, postgres.connect(source.dsn) as now:
        then.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class")
        source.run(statement.replace("; ", ";\n"))
        return changed_objects(then, now)


@contextmanager
def again_and_again(source: Database, statement: str) -> Iterator[None]:
    """Run a statement all the time."""
    ended = threading.Event()

    def run() -> None:
        with psycopg.connect(source.dsn, autocommit=True) as conn:
            while not ended.is_set():
                for each in statement.split("; "):
                    conn.execute(each)
                time.sleep(0.005)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("statement", GOES_ON[:9:2])
def test_a_clone_is_made_while_it_goes_on(
    statement: str, source: Database, destination: Database, replicator: Run
) -> None:
    with again_and_again(source, statement):
        runs(replicator("clone", "--verify", *both(source, destination)))
    assert destination.value("SELECT n FROM counted") == 100


def test_a_view_that_never_stands_still_is_named(source: Database, destination: Database, replicator: Run) -> None:
    with again_and_again(source, "CREATE OR REPLACE VIEW seen AS SELECT a FROM t"):
        refuses(replicator("clone", *both(source, destination)), 7, "public.seen")
