"""Nobody is shut out of a copy by what is set for its database: that is found before anything is written."""

import psycopg
import pytest

from replicator.cluster import database as of_database
from replicator.errors import StepFailed
from replicator.model import Execute, Phase, Step
from replicator.runs.swap import INCOMING
from replicator.sessions import postgres
from tests.fix_cli import Run, both, is_empty, own_server, refuses, runs
from tests.fix_servers import BINARIES, SOME, Database

LIBRARY = "only_on_the_source"
SETTINGS = (
    "ALTER DATABASE {name} SET session_preload_libraries = 'auto_explain', '" + LIBRARY + "'",
    "ALTER DATABASE {name} SET local_preload_libraries = '" + LIBRARY + "'",
    "ALTER ROLE alice IN DATABASE {name} SET session_preload_libraries = '" + LIBRARY + "'",
)


@pytest.mark.parametrize("setting", SETTINGS)
@SOME
def test_a_library_that_is_missing_is_found_before(
    replicator: Run, database: Database, destination: Database, setting: str
) -> None:
    database.run("CREATE TABLE t AS SELECT 1 AS a")
    maintain(database, setting.format(name=database.name))
    through = f"{database.dsn} options='-c session_preload_libraries= -c local_preload_libraries='"
    flags = ("--source", through, "--destination", destination.dsn)
    if "ROLE" not in setting:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(database.dsn)
    else:
        flags = both(database, destination)
    refuses(replicator("clone", *flags), 3, "nobody could connect to the copy", f'{LIBRARY}": No such file')
    assert is_empty(destination)
    assert replicator("probe", *flags).code == 3
    destination.run("CREATE TABLE in_use ()")
    refuses(replicator("clone", "--replace", "swap", *flags), 3, "nobody could connect to the copy")
    assert destination.value("SELECT to_regclass('in_use')")
    assert maintain(database, f"SELECT FROM pg_database WHERE datname = '{destination.name}{INCOMING}'") == []
    if "local" in setting:  # a folder of their own has these
        maintain(database, f"ALTER DATABASE {database.name} RESET ALL")
    else:
        maintain(database, setting.format(name=database.name).replace(LIBRARY, "auto_explain"))
        runs(replicator("clone", "--replace", "swap", *flags))
        assert destination.value("SELECT a FROM t") == 1
        assert "auto_explain" in str(destination.rows("SELECT setconfig FROM pg_db_role_setting"))


@SOME
def test_what_was_there_before_and_is_gone_ends_the_copy_in_time(database: Database) -> None:
    """The last transaction is undone: whoever is to go on can connect."""
    statement = SETTINGS[0].format(name=database.name)
    step = Step("database setting session_preload_libraries", Phase.DATABASE, Execute((statement,)))
    refused = pytest.raises(StepFailed, match="nobody could connect")
    with postgres.connect(database.dsn) as conn, refused, conn.transaction():
        of_database.apply(conn, [step], lambda event: None)
    assert database.value("SELECT 1") == 1


@SOME
def test_a_role_that_sessions_become_must_be_there(replicator: Run, database: Database) -> None:
    with own_server(BINARIES[database.major]) as server:
        destination = Database(server, "copy", database.major)
        maintain(destination, "CREATE DATABASE copy")
        maintain(database, 'CREATE ROLE "it\'s"')
        try:
            maintain(database, f"ALTER DATABASE {database.name} SET role = 'it''s'")
            flags = both(database, destination)
            refuses(
                replicator("clone", *flags),
                3,
                """Role "it's" does not exist on the destination""",
                """CREATE ROLE "it's";""",
            )
            assert is_empty(destination)
            maintain(database, f"""ALTER ROLE "it's" SET session_preload_libraries = '{LIBRARY}'""")
            refuses(replicator("clone", "--roles", *flags), 3, 'With role "it\'s", nobody could connect')
            assert is_empty(destination)
            maintain(database, """ALTER ROLE "it's" RESET session_preload_libraries""")
            runs(replicator("clone", "--roles", "--verify", *flags))
            with psycopg.connect(server.conninfo("copy")) as conn:
                assert conn.execute("SELECT current_user").fetchall() == [("it's",)]
        finally:
            maintain(database, f"ALTER DATABASE {database.name} RESET ALL")
            maintain(database, 'DROP ROLE "it\'s"')


def maintain(database: Database, statement: str) -> list[tuple]:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        found = conn.execute(statement)
        return found.fetchall() if found.description else []
