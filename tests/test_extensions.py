"""Extensions that the destination has already: what does not fit is found before, with statements that mend it."""

from collections.abc import Callable

import pytest

from replicator.model import Finding
from replicator.runs.check import preflight
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.fix_servers import SOME, Database

EXTENSIONS = "SELECT extname::text, extnamespace::regnamespace::text FROM pg_extension ORDER BY 1"
VERSION = "SELECT extversion FROM pg_extension WHERE extname = 'pg_trgm'"
Find = Callable[[], list[Finding]]


@pytest.fixture
def find(database: Database, destination: Database) -> Find:
    """Return what is said of extensions."""
    for name in ("cube", "earthdistance", "pg_trgm", "hstore"):
        if not database.rows(f"SELECT FROM pg_available_extensions WHERE name = '{name}'"):
            pytest.skip(f"this server has no {name}")

    def find() -> list[Finding]:
        found = preflight(Settings(database.dsn, destination.dsn), lambda event: None)[1]
        return [finding for finding in found if finding.object.startswith("extension")]

    return find


def copy(database: Database, destination: Database) -> None:
    clone(Settings(database.dsn, destination.dsn, jobs=1, verify=True), lambda event: None)


@SOME
def test_one_that_others_need_is_made_anew_with_them(find: Find, database: Database, destination: Database) -> None:
    """earthdistance names cube by its schema: it does not let it go, or is broken by it."""
    database.run("CREATE SCHEMA ext; CREATE EXTENSION cube SCHEMA ext; CREATE EXTENSION earthdistance SCHEMA ext")
    database.run("CREATE TABLE t (a ext.earth)")
    destination.run("CREATE EXTENSION earthdistance CASCADE")
    for _ in range(2):
        for finding in find()[:1]:
            destination.run(finding.run)
    assert find() == []
    assert destination.rows(EXTENSIONS) == database.rows(EXTENSIONS)
    copy(database, destination)
    assert destination.dump() == database.dump()


def test_one_that_the_server_does_not_have_may_be_left_out(find: Find, database: Database) -> None:
    database.run("CREATE EXTENSION hstore; UPDATE pg_extension SET extname = 'not here' WHERE extname = 'hstore'")
    (finding,) = find()
    assert finding.fatal
    assert finding.hint.endswith("without it and everything that needs it: --exclude-extension 'not here'")


@SOME
def test_one_of_another_version_is_updated_or_made_anew(find: Find, database: Database, destination: Database) -> None:
    old, new = database.rows(
        "SELECT min(version), max(version) FROM pg_available_extension_versions WHERE name = 'pg_trgm'"
    )[0]
    database.run(f"CREATE EXTENSION pg_trgm VERSION '{new}'")
    destination.run(f"CREATE EXTENSION pg_trgm VERSION '{old}'")
    (finding,) = find()
    assert (finding.fatal, finding.run) == (False, f"""ALTER EXTENSION "pg_trgm" UPDATE TO '{new}';""")
    destination.run(finding.run)
    assert find() == []
    database.run(f"DROP EXTENSION pg_trgm; CREATE EXTENSION pg_trgm VERSION '{old}'")
    destination.run("CREATE TABLE t (a text); CREATE INDEX ON t USING gin (a gin_trgm_ops)")
    assert [finding.remedy for finding in find()] == [""]  # what needs it would have to go
    destination.run("DROP TABLE t")
    (finding,) = find()
    destination.run(finding.run)
    assert destination.value(VERSION) == old
    copy(database, destination)
    assert verify_copy(Settings(database.dsn, destination.dsn), lambda event: None) == []


@SOME
def test_one_of_the_destinations_own_is_no_difference(find: Find, database: Database, destination: Database) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a; CREATE EXTENSION hstore")
    destination.run(
        """CREATE SCHEMA own; CREATE EXTENSION cube SCHEMA own; CREATE EXTENSION earthdistance SCHEMA own;
        CREATE EXTENSION pg_trgm; COMMENT ON EXTENSION pg_trgm IS 'kept'; COMMENT ON SCHEMA own IS 'kept, too'"""
    )
    (finding,) = find()
    assert "will stay: cube, earthdistance, pg_trgm." in finding.text
    copy(database, destination)
    assert destination.value("SELECT a FROM t") == 1
    mismatches = verify_copy(Settings(database.dsn, destination.dsn), lambda event: None)
    assert {"extension cube", "schema own"} <= {mismatch.what for mismatch in mismatches}
    destination.run(finding.run)
    assert verify_copy(Settings(database.dsn, destination.dsn), lambda event: None) == []
    assert destination.dump() == database.dump()
