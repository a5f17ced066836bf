"""A server that is newer than this program knows, or whose catalogs have more columns: nothing is lost in silence."""

from collections.abc import Iterator

import psycopg
import pytest

from replicator import checks
from replicator.checks.known import COLUMNS, NEWEST, unknown
from replicator.sessions import postgres
from tests.fix_cli import Run, both, is_empty, refuses, runs
from tests.fix_proxy import proxied
from tests.fix_servers import VERSIONS, Database, Servers


@pytest.fixture
def source(servers: Servers) -> Database:
    database = servers.database(VERSIONS[-1])
    database.run("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT a FROM t")
    return database


@pytest.fixture
def destination(servers: Servers) -> Database:
    return servers.database(VERSIONS[-1])


@pytest.fixture
def future(source: Database) -> Iterator[str]:
    """The source as it answers on a connection that says it is of the next version but one."""
    with proxied(source.dsn) as (proxy, dsn):
        name = b"server_version\x00"
        proxy.pretend(name + str(source.major).encode(), name + str(NEWEST + 1).encode())
        yield dsn


@pytest.mark.parametrize("command", ["probe", "plan", "clone", "verify"])
def test_an_unknown_version_is_refused(command: str, future: str, destination: Database, replicator: Run) -> None:
    flags = ("--source", future, "--destination", destination.dsn)
    refuses(replicator(command, *flags), 3, f"source runs PostgreSQL {NEWEST + 1}, but", "--allow-unknown-version")
    assert is_empty(destination)
    flags = ("--source", destination.dsn, "--destination", future)
    refuses(replicator(command, *flags), 3, f"destination runs PostgreSQL {NEWEST + 1}, but")


@pytest.mark.skipif(VERSIONS[-1] < NEWEST, reason="needs the newest version that is known: an older one lacks columns")
def test_who_allows_it_gets_a_copy_and_a_warning(future: str, destination: Database, replicator: Run) -> None:
    flags = ("--source", future, "--destination", destination.dsn, "--allow-unknown-version")
    done = replicator("clone", "--verify", *flags)
    runs(done)
    assert f"PostgreSQL {NEWEST + 1}, but this replicator supports versions up to {NEWEST}" in done.said
    assert destination.rows("SELECT a FROM v") == [(1,)]
    assert "No differences." in runs(replicator("verify", *flags))


def test_a_column_that_is_unknown_is_named(source: Database, destination: Database, replicator: Run) -> None:
    source.run("SET allow_system_table_mods = on; ALTER TABLE pg_catalog.pg_ts_parser ADD COLUMN prsfuture text")
    done = replicator("clone", "--verify", *both(source, destination))
    runs(done)
    assert "source has the column pg_ts_parser.prsfuture, which this replicator does not know and does not copy" in (
        " ".join(done.err.split())
    )
    with postgres.connect(source.dsn) as conn:
        (finding,) = checks.check_known("source", conn, allowed=False)
    assert not finding.fatal


def test_every_column_of_every_version_at_hand_is_known(database: Database) -> None:
    with psycopg.connect(database.dsn) as conn:
        found = dict(conn.execute(COLUMNS).fetchall())
    assert list(unknown(found)) == []
    assert list(unknown({**found, "pg_newer": ["oid"]})) == ["the catalog pg_newer"]
