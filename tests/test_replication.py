"""A connection that takes replication commands, beside SQL."""

from collections.abc import Iterator

import psycopg
import pytest

from replicator.demo.server import Server
from replicator.sessions import postgres
from tests.fix_cli import own_server
from tests.fix_servers import BINARIES


@pytest.fixture
def sending(major: int) -> Iterator[Server]:
    """A server that has walsenders."""
    with own_server(BINARIES[major], wal_level="logical", max_wal_senders="2", max_replication_slots="2") as server:
        yield server


def test_a_replication_connection_has_the_settings_of_every_session(sending: Server) -> None:
    with psycopg.connect(sending.conninfo(), autocommit=True) as conn:
        conn.execute("ALTER ROLE postgres SET DateStyle = 'German'; ALTER ROLE postgres SET statement_timeout = '1s'")
    dsn = psycopg.conninfo.make_conninfo(sending.conninfo(), options="-c work_mem=3MB")
    more = {"lock_timeout": "7s"}
    with postgres.connect(dsn, replication=True, encoding="LATIN1", more=more) as conn:
        ((system, timeline, _, database),) = conn.execute("IDENTIFY_SYSTEM").fetchall()
        assert (str(system).isdigit(), timeline, database) == (True, 1, "postgres")
        conn.execute("CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL pgoutput")
        wanted = {"DateStyle": "ISO, MDY", "statement_timeout": "0", "work_mem": "3MB", "lock_timeout": "7s"}
        wanted |= {"client_encoding": "LATIN1", "search_path": "pg_catalog, pg_temp"}
        for name, value in wanted.items():
            assert conn.execute("SELECT current_setting(%s)", [name]).fetchall() == [(value,)]
