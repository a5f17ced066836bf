"""What the destination refuses for a reason of its own is named before anything is written, with the way out."""

import pytest

from tests.fix_cli import Run, both, is_empty, refuses, runs
from tests.fix_servers import VERSIONS, Servers

NEWEST = VERSIONS[-1]
LOST_LIBRARY = """
CREATE TABLE t AS SELECT generate_series(1, 10) AS a;
CREATE FUNCTION lost(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION not_in_it(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
UPDATE pg_proc SET prolang = 13, prosrc = 'a_c', probin = '$libdir/gone' WHERE proname = 'lost';
UPDATE pg_proc SET prolang = 13, prosrc = 'a_c', probin = '$libdir/plpgsql' WHERE proname = 'not_in_it';
CREATE VIEW v AS SELECT lost(a) FROM t;
CREATE TABLE needing (a int DEFAULT lost(1));
CREATE INDEX ON t (a);
"""


@pytest.mark.parametrize("major", sorted({v for v in (15, NEWEST) if v in VERSIONS}))
def test_a_function_whose_library_is_not_there(major: int, servers: Servers, replicator: Run) -> None:
    source, destination = servers.database(major), servers.database(NEWEST)
    source.run(LOST_LIBRARY)
    refused = replicator("clone", *both(source, destination))
    refuses(
        refused,
        3,
        "function public.lost(integer): could not access file",
        "public.not_in_it(integer)",
        "Install",
        "public.v",
    )
    assert is_empty(destination)
    done = replicator("clone", "--verify", "--downgrade", *both(source, destination))
    runs(done)
    assert "table public.needing WITH ALL ITS ROWS" in done.said
    assert destination.value("SELECT count(*) FROM t") == 10
    runs(replicator("verify", "--downgrade", *both(source, destination)))


@pytest.mark.parametrize(
    ("major", "script", "words"),
    [
        (
            13,
            "CREATE AGGREGATE arr(anyelement) (SFUNC = array_append, STYPE = anyarray)",
            ["Since PostgreSQL 14", "anycompatiblearray"],
        ),
        (
            17,
            "CREATE TABLE t (a int NOT NULL); ALTER TABLE t ADD CONSTRAINT t_a_not_null CHECK (a > 0) NOT VALID",
            ["RENAME CONSTRAINT"],
        ),
        (
            17,
            "CREATE TABLE p (a int); CREATE TABLE c () INHERITS (p); ALTER TABLE ONLY p ALTER a SET NOT NULL",
            ["table public.c", "child tables inherit NOT NULL"],
        ),
    ],
)
def test_a_known_way_out_is_told_and_no_newer_server(
    major: int, script: str, words: list[str], servers: Servers, replicator: Run
) -> None:
    if major not in VERSIONS:
        pytest.skip(f"no PostgreSQL {major} at hand")
    source, destination = servers.database(major), servers.database(18)
    source.run(script)
    refused = replicator("clone", *both(source, destination))
    refuses(refused, 3, *words, "--downgrade, which leaves it out.")
    assert "into PostgreSQL" not in refused.said


@pytest.mark.parametrize("major", [v for v in (15,) if v in VERSIONS])
def test_tables_with_rows_are_the_first_losses_that_are_named(major: int, servers: Servers, replicator: Run) -> None:
    source, destination = servers.database(18), servers.database(major)
    source.run("""
        CREATE TABLE a (a int) WITH (autovacuum_vacuum_max_threshold = 5);
        CREATE VIEW a_view AS SELECT uuidv7() AS u;
        CREATE TABLE z (a uuid DEFAULT uuidv7()); INSERT INTO z DEFAULT VALUES;
    """)
    refused = replicator("clone", *both(source, destination))
    refuses(refused, 3, "or into PostgreSQL 18.")
    done = replicator("clone", "--downgrade", *both(source, destination))
    runs(done)
    assert "table public.z" in next(line for line in done.err.splitlines() if "Left out" in line)
    lines = [line for line in done.out.splitlines() if "Left out" in line]
    assert "table public.z" in lines[0]
