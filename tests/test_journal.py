"""The journal is known by more than its name: what others have under that name is neither read nor dropped."""

import pytest

from tests.fix_cli import NEWEST, Run, both, is_empty, refuses, runs
from tests.fix_servers import SOME, Database

UNFINISHED = """
CREATE TABLE t AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW m AS SELECT 1 / (SELECT count(*) FROM t) AS a;
DELETE FROM t;
"""
"""A source whose copy stays unfinished: one materialized view cannot be filled."""
ITS_OWN = "CREATE SCHEMA replicator; CREATE TABLE replicator.{table} AS SELECT 'dear' AS source"


@pytest.fixture
def source(database: Database) -> Database:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    return database


@pytest.fixture
def unfinished(database: Database, destination: Database, replicator: Run) -> Database:
    """A destination with a journal."""
    database.run(UNFINISHED)
    assert replicator("clone", *both(database, destination)).code == 6
    return destination


@SOME
@pytest.mark.parametrize("table", ["customers", "run"])
@pytest.mark.parametrize("flags", [(), ("--resume",), ("--replace", "drop"), ("--data-only", "--append")])
def test_a_schema_of_the_user_s_is_in_the_way_and_stays(
    table: str, flags: tuple[str, ...], source: Database, destination: Database, replicator: Run
) -> None:
    destination.run(ITS_OWN.format(table=table) + "; CREATE TABLE t (a int)")
    before = destination.dump("--inserts")
    result = replicator("clone", *flags, *both(source, destination))
    refuses(result, 3, "schema named replicator", "ALTER SCHEMA replicator RENAME TO replicator_of_the_destination;")
    assert destination.dump("--inserts") == before
    destination.run("ALTER SCHEMA replicator RENAME TO replicator_of_the_destination")
    if "--replace" in flags:
        runs(replicator("clone", *flags, *both(source, destination)))
        assert destination.value(f"SELECT source FROM replicator_of_the_destination.{table}") == "dear"


@SOME
def test_a_schema_of_the_user_s_is_no_journal(source: Database, destination: Database, replicator: Run) -> None:
    destination.run(ITS_OWN.format(table="run") + "; CREATE TABLE t AS SELECT 1 AS a")
    before = destination.dump("--inserts")
    assert "no journal" in runs(replicator("status", "--destination", destination.dsn))
    assert "no journal" in runs(replicator("clean", "--destination", destination.dsn))
    result = replicator("verify", *both(source, destination))
    assert (result.code, "replicator.run" in result.out) == (8, True), str(result)  # extra on the destination
    assert destination.dump("--inserts") == before


@SOME
@pytest.mark.parametrize("command", ["status", "clean", "clone", "clone --resume", "clone --replace drop", "verify"])
def test_a_journal_of_another_version_is_left_alone(
    command: str, database: Database, unfinished: Database, replicator: Run
) -> None:
    unfinished.run("COMMENT ON SCHEMA replicator IS NULL; ALTER TABLE replicator.run DROP COLUMN kept")
    before = unfinished.dump()
    flags = ("--destination", unfinished.dsn) if command in ("status", "clean") else both(database, unfinished)
    refuses(replicator(*command.split(), *flags), 3, "another version of replicator", "Use that version to finish it")
    assert unfinished.dump() == before


@SOME
def test_a_journal_of_another_role_is_not_read(unfinished: Database, replicator: Run) -> None:
    alter_role = "ALTER ROLE bob {}"
    unfinished.run(alter_role.format("LOGIN"))
    try:
        dsn = unfinished.server.conninfo(unfinished.name, user="bob")
        for command in ("status", "clean"):
            refuses(
                replicator(command, "--destination", dsn),
                3,
                'belongs to "postgres", so',
            )
        unfinished.run("ALTER TABLE replicator.taken OWNER TO bob")
        before = unfinished.dump()
        for command in ("status", "clean"):
            refuses(replicator(command, "--destination", unfinished.dsn), 3, 'belongs to "bob"', 'Connect as "bob"')
        assert unfinished.dump() == before
    finally:
        unfinished.run(alter_role.format("NOLOGIN"))


@pytest.mark.pg(f"in {NEWEST}")
def test_the_journal_goes_with_its_mark(source: Database, destination: Database, replicator: Run) -> None:
    runs(replicator("clone", "--verify", *both(source, destination)))
    assert not is_empty(destination)
    assert destination.value("SELECT to_regnamespace('replicator') IS NULL")
