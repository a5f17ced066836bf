"""The wrong source replaces nothing: a database has to be named, and an empty one must be meant."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from replicator.runs.swap import INCOMING
from tests.fix_cli import NEWEST, SHORT_WAIT, Run, both, refuses, runs
from tests.fix_servers import Database

pytestmark = pytest.mark.pg(f"in 12 {NEWEST}")
REPLACING = [("--replace", "swap"), ("--replace", "drop"), ("--data-only", "--truncate")]
DEAR = "CREATE TABLE t AS SELECT generate_series(1, 100) AS a"


def url(database: Database) -> str:
    """Return a URL that leads to the database's server, and names no database."""
    return f"postgresql://postgres@127.0.0.1:{database.server.port}"


@pytest.mark.parametrize("flags", [(), *REPLACING])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_url_without_a_database_is_refused(
    side: str, flags: tuple[str, ...], database: Database, destination: Database, replicator: Run
) -> None:
    database.run(DEAR)
    destination.run(DEAR)
    dsn = {"source": database.dsn, "destination": destination.dsn, side: url(database)}
    result = replicator("clone", *flags, "--source", dsn["source"], "--destination", dsn["destination"], *SHORT_WAIT)
    refuses(result, 2, "No database is named: postgres@127.0.0.1", "postgresql://user@host:5432/database")
    assert destination.value("SELECT count(*) FROM t") == 100


@pytest.mark.parametrize("command", ["probe", "status", "clean"])
def test_every_command_wants_a_name(command: str, database: Database, replicator: Run) -> None:
    refuses(replicator(command, "--destination", url(database)), 2, "No database is named")


@pytest.mark.parametrize("command", ["check", "plan", "clone", "verify", "status", "clean"])
def test_it_is_said_as_well_if_the_user_has_no_database_either(
    command: str, database: Database, destination: Database, replicator: Run
) -> None:
    destination.run("CREATE ROLE homeless LOGIN")
    dsn = url(destination).replace("postgres@", "homeless@")
    try:
        result = replicator(command, "--source", database.dsn, "--destination", dsn)
        refuses(result, 2, "No database is named: homeless@")
    finally:
        destination.run("DROP ROLE homeless")


def test_a_service_or_the_environment_names_one(database: Database, replicator: Run, tmp_path) -> None:
    (tmp_path / "services").write_text(f"[mine]\ndbname={database.name}\n")
    where = f"host=127.0.0.1 port={database.server.port} user=postgres"
    for dsn, variables in ((where, {"PGDATABASE": database.name}),
                           (f"{where} service=mine", {"PGSERVICEFILE": str(tmp_path / "services")}),
                           (where, {"PGSERVICE": "mine", "PGSERVICEFILE": str(tmp_path / "services")})):  # fmt: skip
        result = replicator("probe", "--source", dsn, **variables)
        assert f"database {database.name}" in runs(result)
        assert f"source postgres@127.0.0.1:{database.server.port}/{database.name}" in result.said, str(result)
    named_as_the_user = make_conninfo(where, dbname="postgres")
    assert "database postgres" in runs(replicator("probe", "--source", named_as_the_user))


@pytest.mark.parametrize("flags", REPLACING)
@pytest.mark.parametrize("holds", ["", "CREATE TABLE t (a int); INSERT INTO t VALUES (1); DELETE FROM t"])
def test_an_empty_source_replaces_nothing_unless_that_is_meant(
    flags: tuple[str, ...], holds: str, database: Database, destination: Database, replicator: Run
) -> None:
    database.run(holds)
    destination.run(DEAR)
    result = replicator("clone", *flags, *both(database, destination))
    refuses(result, 3, f'The source database "{database.name}" has no', "add --allow-empty")
    assert destination.value("SELECT count(*) FROM t") == 100
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        conn.execute(f'DROP DATABASE IF EXISTS "{destination.name}{INCOMING}"')
    runs(replicator("clone", *flags, "--allow-empty", *both(database, destination)))
    there = destination.value("SELECT to_regclass('public.t') IS NOT NULL")
    assert there is (bool(holds) or "--data-only" in flags)
    if there:
        assert destination.value("SELECT count(*) FROM t") == (0 if holds else 100)
