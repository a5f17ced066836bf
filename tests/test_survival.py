"""Processes and servers that die, timeouts, too few connections, a clock that jumps: complete, or said not to be."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from replicator.demo.server import Server
from replicator.runs.connect import wait_for_both
from replicator.runs.endpoints import open_both
from replicator.sessions import postgres
from replicator.sessions.workers import Sessions
from replicator.settings import Settings
from tests.fix_cli import NEWEST, Process, Run, Start, both, own_server, runs, until
from tests.fix_faults import FINISHED, SAID_SO, Judge
from tests.fix_servers import Database, Servers
from tests.forks import Forks
from tests.test_network import SHOP

QUICK = ("--retry-for", "20s", "--jobs", "2")


@pytest.fixture
def major() -> int:
    return NEWEST


@pytest.fixture(scope="module")
def shop(servers: Servers) -> Database:
    source = servers.database(NEWEST)
    source.run(SHOP)
    return source


@pytest.fixture(scope="module")
def seconds(shop: Database, servers: Servers, forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long an undisturbed run takes."""
    began = time.monotonic()
    arguments = ("clone", *both(shop, servers.database(NEWEST)))
    runs(Process(tmp_path_factory.mktemp("undisturbed"), arguments, {}, forks).ends())
    return time.monotonic() - began


def at_random(seed: int, process: Process, seconds: float) -> None:
    """Wait until a moment of a run that the seed chooses."""
    moment = random.Random(seed).uniform(0.2, 1.0) * seconds
    print(f"after {moment:.3f} s")
    deadline = time.monotonic() + moment
    until(lambda: process.ended or time.monotonic() > deadline)


@pytest.mark.faults
def test_a_client_that_is_killed_is_resumed(
    seed: int, seconds: float, shop: Database, destination: Database, start: Start, replicator: Run, judge: Judge
) -> None:
    process = start("clone", *both(shop, destination), *QUICK)
    at_random(seed, process, seconds)
    process.send(signal.SIGKILL)
    result = process.ends()
    became = judge(result, shop, destination)
    if became == SAID_SO and replicator("status", "--destination", destination.dsn).code:
        result = replicator("clone", "--resume=per-table", "--verify", *both(shop, destination), *QUICK)
        assert judge(result, shop, destination, counts=False) == FINISHED, result


def kill_a_backend(server: Server, chance: random.Random) -> None:
    """Kill a session of the command as a crash would: the server restarts all."""
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        query = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'replicator%' ORDER BY pid"
        pids = [pid for (pid,) in conn.execute(query).fetchall()]
    if pids:
        os.kill(chance.choice(pids), signal.SIGKILL)
        time.sleep(0.3)


def answers(server: Server) -> bool:
    try:
        psycopg.connect(server.conninfo()).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.faults
@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_server_that_crashes_or_restarts(
    side: str,
    seed: int,
    seconds: float,
    shop: Database,
    destination: Database,
    spare_database: Database,
    start: Start,
    replicator: Run,
    judge: Judge,
) -> None:
    """A destination that comes back is filled; the moment that the copy is of goes with the source."""
    if side == "source":
        spare_database.run(SHOP)
        spare_database.run("CHECKPOINT")  # these servers write nothing down in time: a crash would take it
    pair = (spare_database, destination) if side == "source" else (shop, spare_database)
    server = spare_database.server
    chance = random.Random(seed)
    how = chance.choice(["backend", "fast", "immediate"])
    print(how)
    process = start("clone", *both(*pair), *QUICK)
    at_random(seed, process, seconds)
    if how == "backend":
        kill_a_backend(server, chance)
    else:
        server.stop(signal.SIGINT if how == "fast" else signal.SIGQUIT)
        server.start()
    until(lambda: answers(server))
    result = process.ends()
    if judge(result, *pair) == SAID_SO:
        result = replicator("clone", "--resume=per-table", "--verify", *both(*pair), *QUICK)
        assert judge(result, *pair, counts=False) == FINISHED, result


@pytest.fixture
def crowded() -> Iterator[tuple[Database, Callable[[], None]]]:
    """A database of a server whose few connections others take all the time, and what makes them leave."""
    with own_server(max_connections="12", superuser_reserved_connections="1") as server:
        stopped = threading.Event()

        def come_and_go() -> None:
            while not stopped.wait(0.05):
                guests = []
                try:
                    for _ in range(12):
                        guests.append(psycopg.connect(server.conninfo(application_name="guest")))
                except psycopg.OperationalError:
                    pass
                stopped.wait(0.15)
                for guest in guests:
                    guest.close()

        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE crowded TEMPLATE template0")

        def leave() -> None:
            stopped.set()
            thread.join()

        thread = threading.Thread(target=come_and_go)
        thread.start()
        try:
            yield Database(server, "crowded", NEWEST), leave
        finally:
            leave()


@pytest.mark.faults
def test_too_few_connections(
    crowded: tuple[Database, Callable[[], None]], shop: Database, start: Start, judge: Judge
) -> None:
    destination, leave = crowded
    flags = ("--wait-attempts", "50", "--wait-delay", "0.1", "--retry-for", "20s", "--jobs", "4")
    process = start("clone", "--source", shop.dsn, "--destination", destination.dsn, *flags)
    result = process.ends()
    leave()
    judge(result, shop, destination)


TIMEOUTS = {  # the idle ones also run while a session waits for us to unset them, on a busy machine
    "statement_timeout": "50ms",
    "lock_timeout": "50ms",
    "idle_in_transaction_session_timeout": "250ms",
    "idle_session_timeout": "250ms",
    "transaction_timeout": "250ms",
}


@pytest.mark.faults
@pytest.mark.parametrize("on", ["DATABASE {name}", "ROLE hasty IN DATABASE {name}"])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_timeouts_that_somebody_set(
    on: str, side: str, database: Database, destination: Database, replicator: Run, judge: Judge
) -> None:
    database.run(SHOP)
    hasty = database if side == "source" else destination
    hasty.run("DROP ROLE IF EXISTS hasty; CREATE ROLE hasty LOGIN SUPERUSER")
    for name, value in TIMEOUTS.items():
        hasty.run(f"ALTER {on.format(name=hasty.name)} SET {name} = '{value}'")
    dsns = {"source": database.dsn, "destination": destination.dsn, side: f"{hasty.dsn} user=hasty"}
    result = replicator("clone", "--verify", "--source", dsns["source"], "--destination", dsns["destination"])
    with psycopg.connect(database.server.conninfo(), autocommit=True) as conn:  # what is done below is not hurried
        for one in (database, destination):
            conn.execute(f"ALTER DATABASE {one.name} RESET ALL")
            conn.execute(f"ALTER ROLE hasty IN DATABASE {one.name} RESET ALL")
    assert judge(result, database, destination) == FINISHED, result
    for one in (database, destination):
        one.run("REASSIGN OWNED BY hasty TO postgres; DROP OWNED BY hasty")
    hasty.run("DROP ROLE hasty")


FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@pytest.mark.faults
@pytest.mark.parametrize("jump", ["+3d", "-3d"])
@pytest.mark.skipif(not FAKETIME, reason="needs Debian's libfaketime")
def test_a_clock_that_jumps(
    jump: str, tmp_path: Path, shop: Database, destination: Database, start: Start, judge: Judge
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    fake = {"FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    process = start("clone", "--verify", *both(shop, destination), LD_PRELOAD=str(FAKETIME[0]), **fake)
    process.says("planned:")
    clock.write_text(jump)
    assert judge(process.ends(), shop, destination) == FINISHED


def test_a_source_that_restarts_while_the_destination_is_waited_for_is_connected_to_anew(
    database: Database, destination: Database
) -> None:
    database.run("CREATE TABLE t (i int)")
    settings = Settings(database.dsn, destination.dsn)
    ours = "pg_stat_activity WHERE application_name = 'replicator probe' AND datname = current_database()"
    with wait_for_both(settings, lambda event: None) as opened:
        for side in (database, destination):
            side.rows(f"SELECT pg_terminate_backend(pid) FROM {ours}")
            until(lambda side=side: side.value(f"SELECT count(*) FROM {ours}") == 0)
        with open_both(settings, opened) as ends:
            assert ends.snapshot.holder.execute("SELECT to_regclass('public.t') IS NULL").fetchall() == [(False,)]
            assert ends.control.conn.execute("SELECT to_regclass('public.t') IS NULL").fetchall() == [(True,)]


def test_of_a_pool_no_session_is_lent_that_its_server_ended(database: Database) -> None:
    ours = "pg_stat_activity WHERE application_name = 'replicator worker'"
    with postgres.pool(database.dsn, 4, application="worker") as opened:
        sessions = Sessions(opened, "destination")
        sessions.warm(4)
        until(lambda: database.value(f"SELECT count(*) FROM {ours} AND state = 'idle'") == 4)
        until(lambda: opened.get_stats()["pool_available"] == 4)
        database.rows(f"SELECT pg_terminate_backend(pid) FROM {ours}")
        until(lambda: database.value(f"SELECT count(*) FROM {ours}") == 0)
        with sessions.use() as conn:
            assert conn.execute("SELECT 1").fetchall() == [(1,)]
