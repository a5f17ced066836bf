"""A source that was frozen for the move: the copy is, too, which is said, or it is thawed."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from replicator.cluster.frozen import freezes
from tests.fix_cli import Run, both, refuses, runs
from tests.fix_servers import Database, Servers
from tests.test_globals import dump
from tests.test_reread import script

FROZEN = """
ALTER DATABASE {0} SET default_transaction_read_only = 'tru'; ALTER DATABASE {0} CONNECTION LIMIT 0;
ALTER ROLE alice IN DATABASE {0} SET default_transaction_read_only = on;
ALTER ROLE bob IN DATABASE {0} SET default_transaction_read_only = off;
ALTER DATABASE {0} SET work_mem = '5MB';
"""
FREEZING = r"default_transaction_read_only TO '(tru|on)'|CONNECTION LIMIT = 0"
SETTINGS = r" SET | CONNECTION LIMIT "
NOTE = "The source is frozen, so the copy will be, too: database connection limit, database setting default"


@pytest.fixture
def guest(servers: Servers, major: int) -> Iterator[str]:
    """A role that is no superuser and owns nothing."""
    with psycopg.connect(servers[major].conninfo(), autocommit=True) as conn:
        conn.execute("CREATE ROLE guest LOGIN")
        yield "guest"
        conn.execute("DROP ROLE guest")


@pytest.fixture
def frozen(database: Database) -> Database:
    database.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    database.run(FROZEN.format(database.name))
    return database


def said(database: Database, but: str = "never") -> list[str]:
    """Return what pg_dump has of the database itself, but for some of it."""
    lines = [line for line in dump(database).splitlines() if re.match(r"ALTER (DATABASE|ROLE) ", line)]
    return [line for line in lines if not re.search(but, line)]


def test_the_copy_is_frozen_as_well_and_a_note_says_so(replicator: Run, frozen: Database, destination: Database):
    done = replicator("clone", "--verify", *both(frozen, destination))
    runs(done)
    assert NOTE in done.said and "--thaw leaves that out" in done.said
    assert said(destination) == said(frozen)
    assert len(said(frozen)) - len(said(frozen, FREEZING)) == 3
    probed = replicator("probe", *both(frozen, destination))
    assert "The destination is read-only" in probed.out + probed.err


def test_a_frozen_copy_reads_definitions_again(replicator: Run, database: Database, destination: Database, major: int):
    database.run(script(major)[0])
    database.run(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    runs(replicator("clone", *both(database, destination)))
    runs(replicator("verify", *both(database, destination)))
    database.run("SET default_transaction_read_only = off; CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    refuses(replicator("verify", "--repair", *both(database, destination)), 3, "The destination is read-only")
    mending = replicator("verify", "--sql", *both(database, destination)).out.replace("\\", "-- \\")
    assert destination.value("SELECT to_regclass('t')") is None
    destination.run(mending)
    assert destination.value("SELECT to_regclass('t')") == "t"


@pytest.mark.parametrize(("option", "gone"), [("--thaw", FREEZING), ("--no-database-settings", SETTINGS)])
def test_what_freezes_the_source_can_be_left_out(
    option: str, gone: str, replicator: Run, frozen: Database, destination: Database, guest: str
):
    done = replicator("clone", "--verify", option, *both(frozen, destination))
    runs(done)
    assert NOTE not in done.said
    assert ("Not copied (--thaw), since it freezes the source" in done.said) == (option == "--thaw")
    assert said(destination) == said(frozen, gone)
    destination.run("CREATE TABLE more (a int)")
    with psycopg.connect(destination.server.conninfo(destination.name, user=guest)) as conn:
        assert conn.execute("SELECT datconnlimit FROM pg_database WHERE datname = current_database()").fetchone() == (
            -1,
        )
    destination.run("DROP TABLE more")
    runs(replicator("verify", option, *both(frozen, destination)))
    refuses(replicator("verify", *both(frozen, destination)), 8)


def test_a_source_that_lets_nobody_in_says_why(
    replicator: Run, servers: Servers, major: int, destination: Database, guest: str
):
    source = servers.database(major)
    with psycopg.connect(source.server.conninfo(), autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {source.name} ALLOW_CONNECTIONS false")
        refuses(replicator("clone", *both(source, destination)), 4, "not currently accepting", "ALLOW_CONNECTIONS true")
        conn.execute(f"ALTER DATABASE {source.name} ALLOW_CONNECTIONS true CONNECTION LIMIT 0")
    as_guest = source.server.conninfo(source.name, user=guest)
    refused = replicator(
        "clone", "--source", as_guest, "--destination", destination.dsn, *both(source, destination)[4:]
    )
    refuses(refused, 1, "too many connections", "CONNECTION LIMIT -1")


def test_both_options_together_are_refused(replicator: Run, database: Database, destination: Database):
    both_of_them = replicator("clone", "--thaw", "--no-database-settings", *both(database, destination))
    refuses(both_of_them, 2, "exclude each other")


def test_a_limit_of_a_few_freezes_nothing():
    assert not freezes(["ALTER DATABASE d CONNECTION LIMIT 10", "ALTER DATABASE d SET work_mem TO '0'"])
