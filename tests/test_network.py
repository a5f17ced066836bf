"""A network that cuts, stalls and corrupts at any byte: the copy is complete in the end, or is said not to be."""

import time

import pytest

from tests.fix_cli import NEWEST, SHORT_WAIT, Process, Run, leaves_no_session, runs
from tests.fix_faults import Judge
from tests.fix_proxy import TO_CLIENT, TO_SERVER, Fault, Harm, proxied
from tests.fix_servers import Database, Servers
from tests.forks import Forks

HARMS: tuple[Harm, ...] = ("cut", "stall", "freeze", "corrupt")
IMPATIENT = ("--stall-timeout", "1s", "--retry-for", "4s", "--jobs", "2")
SHOP = """
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, note bytea);
INSERT INTO customer SELECT g, md5(g::text), decode(md5(g::text), 'hex') FROM generate_series(1, 8000) g;
CREATE TABLE sale (id int PRIMARY KEY, customer int REFERENCES customer, amount numeric(10, 2), at timestamptz);
INSERT INTO sale SELECT g, 1 + g % 8000, g / 7.0, 'epoch'::timestamptz + g * interval '1 h'
  FROM generate_series(1, 9000) g;
CREATE INDEX ON sale (customer, at);
CREATE TABLE empty (a text);
CREATE VIEW busy AS SELECT customer, count(*) FROM sale GROUP BY customer;
CREATE SEQUENCE number START 77;
SELECT lo_from_bytea(4711, convert_to(repeat('large', 20000), 'UTF8'));
COMMENT ON TABLE sale IS 'what was sold';
"""


@pytest.fixture
def major() -> int:
    return NEWEST


@pytest.fixture(scope="module")
def shop(servers: Servers) -> Database:
    source = servers.database(NEWEST)
    source.run(SHOP)
    return source


@pytest.fixture(scope="module")
def traffic(
    shop: Database, servers: Servers, forks: Forks, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, int]]:
    """The bytes of an undisturbed run, on either side in either direction."""
    destination = servers.database(NEWEST)
    with proxied(shop.dsn) as (before_source, source), proxied(destination.dsn) as (before_destination, there):
        arguments = ("clone", "--verify", "--source", source, "--destination", there, *SHORT_WAIT)
        runs(Process(tmp_path_factory.mktemp("undisturbed"), arguments, {}, forks).ends())
        return {"source": before_source.counted, "destination": before_destination.counted}


@pytest.fixture(params=["source", "destination"])
def side(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["on", "off"], ids=["relay", "driver"])
def relay(request: pytest.FixtureRequest) -> str:
    return request.param


def through(side: str, proxy: str, shop: Database, destination: Database) -> tuple[str, ...]:
    """Return the flags for both databases, one of them behind the proxy."""
    dsns = {"source": shop.dsn, "destination": destination.dsn, side: f"{proxy} connect_timeout=2"}
    return ("--source", dsns["source"], "--destination", dsns["destination"], *SHORT_WAIT, *IMPATIENT)


@pytest.mark.faults
@pytest.mark.parametrize("harm", HARMS)
def test_a_network_that_does_harm_at_some_byte(
    harm: Harm,
    side: str,
    seed: int,
    traffic: dict[str, dict[str, int]],
    shop: Database,
    destination: Database,
    replicator: Run,
    judge: Judge,
) -> None:
    """Half of the runs have the driver move the rows. A bit that flips in a row is found by --verify alone."""
    fault = Fault.at_random(harm, seed, traffic[side])
    print(fault)
    behind = destination if side == "destination" else shop
    with proxied(behind.dsn, fault) as (proxy, dsn):
        flags = through(side, dsn, shop, destination)
        result = replicator("clone", "--verify", "--relay", ("on", "off")[seed % 2], *flags)
    judge(result, shop, destination, counts=proxy.done.is_set())


COPYING = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^COPY' AND state = 'active'"


@pytest.mark.parametrize("harm", ["cut", "stall"])
@pytest.mark.parametrize("direction", [TO_SERVER, TO_CLIENT])
def test_rows_that_stop_coming_are_copied_again(
    harm: Harm, direction: str, side: str, relay: str, shop: Database, destination: Database, replicator: Run
) -> None:
    """The lost session is ended, so that its locks do not keep the next attempt waiting."""
    if (side == "source") != (direction == TO_CLIENT):
        pytest.skip("rows go the other way")
    behind = destination if side == "destination" else shop
    rows = Fault(harm, direction, 300_000 if side == "source" else 250_000)
    with proxied(behind.dsn, rows) as (proxy, dsn):
        began = time.monotonic()
        result = replicator("clone", "--relay", relay, *through(side, dsn, shop, destination), "--retry-for", "20s")
        assert proxy.done.is_set()
        runs(result)
        assert "Retrying in" in result.err, result
        assert time.monotonic() - began < 20
    leaves_no_session(shop.server)
    assert destination.dump() == shop.dump()


def test_a_server_that_works_in_silence_is_left_to_it(
    shop: Database, database: Database, destination: Database, replicator: Run
) -> None:
    database.run(
        f"""CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
            AS $$BEGIN IF current_database() <> '{database.name}' THEN PERFORM pg_sleep(3); END IF; RETURN $1; END$$;
        CREATE TABLE t AS SELECT 1 AS a; CREATE INDEX ON t (slow(a))"""
    )
    flags = ("--source", database.dsn, "--destination", destination.dsn, *IMPATIENT)
    assert "Retrying in" not in replicator("clone", *flags).err
    assert destination.dump() == database.dump()
