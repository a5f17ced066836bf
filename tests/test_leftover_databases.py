"""What earlier runs, interrupted drops and other people leave beside a database that is replaced: `--replace swap`."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import conninfo

from replicator.errors import PreflightFailed
from replicator.runs import create as databases
from replicator.runs.swap import COMPLETE, DISCARDED, INCOMING, PREVIOUS
from replicator.settings import Settings
from tests.fix_cli import NEWEST, Run, Start, both, own_server, refuses, runs, until
from tests.fix_servers import SOME, Database, Servers

SWAP = ("clone", "--replace", "swap", "--jobs", "1")
NEW = "CREATE TABLE t AS SELECT 'new' AS a FROM generate_series(1, 1000)"
OLD = "CREATE TABLE t AS SELECT 'old' AS a FROM generate_series(1, 700)"
INVALID = "UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{}'"


def maintain(database: Database, *statements: str) -> None:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement)


def beside(database: Database) -> dict[str, str | None]:
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:
        query = "SELECT datname::text, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname ~ %s"
        return dict(conn.execute(query, [f"^{database.name}__"]).fetchall())


@pytest.fixture
def old(destination: Database) -> Iterator[Database]:
    """A destination that is in use."""
    destination.run(OLD)
    yield destination
    for name in beside(destination):
        maintain(destination, f'DROP DATABASE "{name}"')


@pytest.fixture
def new(database: Database) -> Database:
    database.run(NEW)
    return database


@SOME
@pytest.mark.parametrize("flags", [(), ("--keep-previous",)])
@pytest.mark.parametrize("which", ["previous", "incoming", "itself"])
def test_an_invalid_database_is_dropped(
    which: str, flags: tuple[str, ...], replicator: Run, new: Database, old: Database
) -> None:
    name = {"previous": f"{old.name}{PREVIOUS}20200101000000", "incoming": old.name + INCOMING, "itself": old.name}
    if which != "itself":
        maintain(old, f"CREATE DATABASE {name[which]}")
    if which == "previous":
        maintain(old, f"COMMENT ON DATABASE {name[which]} IS '{DISCARDED}'")
    maintain(old, INVALID.format(name[which]))
    runs(replicator(*SWAP, *flags, *both(new, old)))
    assert old.value("SELECT count(*) FROM t") == 1000
    assert len(beside(old)) == (1 if flags and which != "itself" else 0)


@SOME
def test_create_finds_an_invalid_database(replicator: Run, new: Database, old: Database) -> None:
    maintain(old, INVALID.format(old.name))
    result = replicator("clone", "--create", *both(new, old))
    refuses(result, 3, "is half dropped (invalid)", f'DROP DATABASE "{old.name}";')
    result = replicator("clone", *both(new, old))
    refuses(result, 4, "invalid database")
    maintain(old, f"DROP DATABASE {old.name}")
    runs(replicator("clone", "--create", *both(new, old)))


def test_a_drop_that_is_really_interrupted(replicator: Run) -> None:
    """DROP DATABASE waits for a checkpoint once the database is marked invalid."""
    with own_server() as server:
        new, old = (Database(server, name, NEWEST) for name in ("new", "old"))
        previous = f"old{PREVIOUS}20200101000000"
        maintain(old, *(f"CREATE DATABASE {name}" for name in ("new", "old", previous)))
        maintain(old, f"COMMENT ON DATABASE {previous} IS '{DISCARDED}'")
        new.run(NEW)
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            checkpointer = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
            ((pid,),) = conn.execute(checkpointer).fetchall()
            with stopped(pid):
                thread = threading.Thread(target=lambda: drop(old, previous))
                thread.start()
                dropping = "SELECT pid FROM pg_stat_activity WHERE query ~ '^DROP' AND wait_event ~ '^Checkpoint'"
                until(lambda: bool(conn.execute(dropping).fetchall()))
                conn.execute(f"SELECT pg_terminate_backend(pid) FROM ({dropping}) AS d")
                thread.join()
            query = "SELECT datconnlimit FROM pg_database WHERE datname = %s"
            assert conn.execute(query, [previous]).fetchall() == [(-2,)]
        runs(replicator(*SWAP, *both(new, old)))
        assert old.value("SELECT count(*) FROM t") == 1000
        assert beside(old) == {}


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def drop(database: Database, name: str) -> None:
    with contextlib.suppress(psycopg.OperationalError):
        maintain(database, f"DROP DATABASE {name}")


@pytest.fixture
def mallory(old: Database) -> Iterator[str]:
    """A role that may create databases, and nothing else."""
    maintain(old, "ALTER ROLE bob LOGIN CREATEDB")
    yield old.server.conninfo(user="bob")
    for name in beside(old):
        maintain(old, f'ALTER DATABASE "{name}" OWNER TO postgres')
    maintain(old, "ALTER ROLE bob NOLOGIN NOCREATEDB")


@SOME
@pytest.mark.parametrize("comment", [COMPLETE, "<as ours>", None])
def test_a_database_that_somebody_else_made_is_not_swapped_in(
    comment: str | None, mallory: str, replicator: Run, new: Database, old: Database
) -> None:
    if comment == "<as ours>":
        comment = f"{COMPLETE}: {identity(new)}"
    name = old.name + INCOMING
    with psycopg.connect(mallory, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
        if comment:
            conn.execute(f"COMMENT ON DATABASE {name} IS '{comment}'")
    for flags in ((), ("--resume",)):
        refuses(
            replicator(*SWAP, *flags, *both(new, old)), 3, "was not created by replicator", 'belongs to "bob"', "RENAME"
        )
    assert beside(old) == {name: comment}
    assert old.value("SELECT count(*) FROM t") == 700


@SOME
def test_a_comment_does_not_get_somebody_else_s_database_dropped(
    mallory: str, replicator: Run, new: Database, old: Database
) -> None:
    name = f"{old.name}{PREVIOUS}20200101000000"
    with psycopg.connect(mallory, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
        conn.execute(f"COMMENT ON DATABASE {name} IS '{DISCARDED}'")
    runs(replicator(*SWAP, *both(new, old)))
    assert beside(old) == {name: DISCARDED}


def identity(database: Database) -> object:
    return database.value(
        "SELECT format('database %s (%s) of system %s', datname, oid, system_identifier)"
        "  FROM pg_database, pg_control_system() WHERE datname = current_database()"
    )


@SOME
def test_a_complete_copy_of_another_source_is_not_swapped_in(
    replicator: Run, servers: Servers, new: Database, old: Database
) -> None:
    other = servers.database(new.major)
    other.run(NEW.replace("new", "other"))
    name = old.name + INCOMING
    runs(replicator("clone", "--create", "--source", new.dsn, "--destination", old.server.conninfo(name)))
    maintain(old, f"COMMENT ON DATABASE {name} IS '{COMPLETE}: {identity(new)}'")
    result = replicator(*SWAP, "--resume", *both(other, old))
    refuses(result, 3, "a complete copy of another source", new.name, "running without --resume")
    assert old.rows("SELECT DISTINCT a FROM t") == [("old",)]
    result = replicator(*SWAP, "--resume", *both(new, old))
    assert "it is swapped in now" in result.said
    assert old.rows("SELECT DISTINCT a FROM t") == [("new",)]
    runs(replicator(*SWAP, *both(other, old)))
    assert old.rows("SELECT DISTINCT a FROM t") == [("other",)]
    maintain(other, f"DROP DATABASE {other.name}")


@pytest.mark.pg(f"in {NEWEST}")
@pytest.mark.parametrize("holds", ["", OLD, "CREATE SCHEMA replicator", "another"])
def test_only_an_untouched_database_goes_away_again(holds: str, new: Database, old: Database) -> None:
    """A refusal comes late: the database that was made for the clone may hold something by then."""
    maintain(old, f"DROP DATABASE {old.name}")
    settings = Settings(new.dsn, old.dsn, create=True)
    with pytest.raises(PreflightFailed), databases.created(settings, lambda event: None):
        if holds == "another":
            maintain(old, f"DROP DATABASE {old.name}", f"CREATE DATABASE {old.name}")
        else:
            old.run(holds)
        raise PreflightFailed("late")
    with psycopg.connect(old.server.conninfo(), autocommit=True) as conn:
        left = conn.execute("SELECT FROM pg_database WHERE datname = %s", [old.name]).fetchall()
    if not left:
        maintain(old, f"CREATE DATABASE {old.name}")  # for the fixtures
    assert bool(left) is bool(holds)


@pytest.mark.pg(f"in {NEWEST}")
def test_what_a_kill_left_before_the_journal_is_told_and_cleaned(replicator: Run, old: Database) -> None:
    maintain(old, f"CREATE DATABASE {old.name}{INCOMING}")
    result = replicator("status", "--destination", old.dsn)
    assert result.code == 6, result
    assert f'Unfinished clone into "{old.name}{INCOMING}": killed.' in result.out
    with psycopg.connect(conninfo.make_conninfo(old.dsn, dbname=old.name + INCOMING)):
        refuses(replicator("clean", "--destination", old.dsn), 3, "Sessions use")
    runs(replicator("clean", "--destination", old.dsn))
    assert beside(old) == {}
    assert old.value("SELECT count(*) FROM t") == 700


@pytest.mark.pg(f"in {NEWEST}")
@pytest.mark.parametrize("fills", ["CREATE TABLE mine ()", "COMMENT ON DATABASE {} IS 'mine'"])
def test_a_database_of_that_name_with_contents_or_a_comment_is_left_alone(
    fills: str, replicator: Run, old: Database
) -> None:
    name = old.name + INCOMING
    maintain(old, f"CREATE DATABASE {name}")
    with psycopg.connect(conninfo.make_conninfo(old.dsn, dbname=name)) as conn:
        conn.execute(fills.format(name))
    assert "No unfinished clone" in replicator("status", "--destination", old.dsn).out
    runs(replicator("clean", "--destination", old.dsn))
    assert list(beside(old)) == [name]


@pytest.mark.pg(f"in {NEWEST}")
@pytest.mark.parametrize("pause", [0.0, 0.03, 0.1])
def test_a_second_interrupt_leaves_no_database_behind(
    pause: float, start: Start, replicator: Run, new: Database, old: Database
) -> None:
    process = start(*SWAP, *both(new, old))
    with psycopg.connect(old.server.conninfo(), autocommit=True) as conn:
        exists = "SELECT FROM pg_database WHERE datname = %s"
        until(lambda: bool(conn.execute(exists, [old.name + INCOMING]).fetchall()) or process.ended)
    for _ in range(2):
        process.send(signal.SIGINT)
        time.sleep(pause)
    assert process.ends(20).code == 130
    assert beside(old) == {} or replicator("status", "--destination", old.dsn).code == 6
