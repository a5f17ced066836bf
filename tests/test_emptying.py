"""Whatever a database holds is noticed, and `clean` takes it away: each kind's fixture leaves nothing behind."""

import re
from pathlib import Path

import pytest

from replicator import journal
from replicator.runs.clone import clone
from replicator.sessions import postgres
from replicator.sessions.statements import for_version, statement
from replicator.settings import Settings
from replicator.work import emptying
from tests.fix_cli import Run, both, runs
from tests.fix_servers import SEVERAL, SOME, Database
from tests.test_journal import UNFINISHED
from tests.test_kinds import FIXTURES, difference, has_feature, missing_features

pytestmark = SEVERAL

ADDS_TO_BUILT_IN = {"acl", "comment", "security_label"}
"""These fixtures also say something of built-in objects, which no DROP takes away."""


def occupied(database: Database) -> list[tuple]:
    with postgres.connect(database.dsn) as conn:
        return conn.execute(statement("replicator.work", "occupied")).fetchall()


@SOME
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
def test_each_kind_is_noticed_and_goes_away(fixture: Path, database: Database) -> None:
    script = for_version(fixture.read_text("utf-8"), database.major)
    if lacking := missing_features(script, database):
        pytest.skip(f"this server is built without {lacking}")
    before = dump(database)
    assert occupied(database) == []
    database.run(script)
    assert occupied(database)
    with postgres.connect(database.dsn) as conn:
        emptying.empty(conn)
    assert occupied(database) == []
    if fixture.stem not in ADDS_TO_BUILT_IN:
        assert not difference(before, dump(database))


def dump(database: Database) -> str:
    return re.sub(r"^-- .*\n", "", database.dump(), flags=re.MULTILINE)


@SOME
def test_clean_takes_away_what_a_clone_made_and_nothing_else(
    database: Database, destination: Database, replicator: Run
) -> None:
    """An extension that was there before stays, though its functions are the copy's as well."""
    if not has_feature("pgcrypto", database):
        pytest.skip("this server has no pgcrypto")
    database.run(
        UNFINISHED
        + """
        CREATE EXTENSION pgcrypto;
        CREATE FUNCTION next(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
        CREATE AGGREGATE counted(*) (SFUNC = next, STYPE = int, INITCOND = '0');
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO alice;"""
    )
    destination.run("CREATE EXTENSION pgcrypto")
    before = dump(destination)
    extension = destination.value("SELECT oid FROM pg_extension WHERE extname = 'pgcrypto'")
    assert replicator("clone", *both(database, destination)).code == 6
    runs(replicator("clean", "--destination", destination.dsn))
    assert dump(destination) == before
    assert destination.value("SELECT oid FROM pg_extension WHERE extname = 'pgcrypto'") == extension


@SOME
def test_an_extension_of_another_role_stops_neither_clean_nor_drop(
    database: Database, destination: Database, replicator: Run
) -> None:
    if not has_feature("pgcrypto", database):
        pytest.skip("this server has no pgcrypto")
    database.run(UNFINISHED + "CREATE EXTENSION pgcrypto")
    destination.run(f"""
        ALTER ROLE bob LOGIN; GRANT CREATE ON DATABASE {destination.name} TO bob; GRANT ALL ON SCHEMA public TO bob;
        CREATE EXTENSION pgcrypto""")
    before = dump(destination)
    flags = list(both(database, destination))
    flags[3] = destination.server.conninfo(destination.name, user="bob")
    try:
        left_alone = ("--no-owner", "--no-acl", "--skip-unprivileged")
        assert replicator("clone", *left_alone, *flags).code == 6
        runs(replicator("clean", "--destination", flags[3]))
        assert "TABLE" not in destination.dump()
        assert replicator("clone", *left_alone, *flags).code == 6
        assert replicator("clone", "--replace", "drop", *left_alone, *flags, "--allow-empty").code == 6
    finally:
        destination.run("ALTER ROLE bob NOLOGIN")
    assert "CREATE EXTENSION IF NOT EXISTS pgcrypto" in before
    assert destination.value("SELECT count(*) FROM pg_extension WHERE extname = 'pgcrypto'") == 1


@SOME
def test_clean_keeps_all_that_a_drop_had_not_begun_to_drop(
    database: Database, destination: Database, replicator: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    destination.run("CREATE TABLE dear AS SELECT generate_series(1, 700) AS a")
    before = dump(destination)

    def end(conn: postgres.Connection) -> None:
        raise Killed

    monkeypatch.setattr(journal, "begin_dropping", end)
    with pytest.raises(Killed):
        clone(Settings(database.dsn, destination.dsn, replace="drop"), lambda event: None)
    assert "Unfinished clone" in replicator("status", "--destination", destination.dsn).out
    result = replicator("clean", "--destination", destination.dsn)
    assert "had not been dropped yet: they stay" in result.said
    assert "Removed 0 objects" in runs(result)
    assert dump(destination) == before
    assert destination.value("SELECT count(*) FROM dear") == 700


class Killed(BaseException):
    """The process ends in the transaction of the first drop."""
