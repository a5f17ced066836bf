"""One clone at a time: a living one is left alone, a dead one is ended, one that wakes up finds that it is over."""

import signal

import pytest

from tests.fix_cli import NEWEST, Process, Run, Start, both, leaves_no_session, refuses, runs, sessions, until
from tests.fix_faults import contents
from tests.fix_proxy import Proxy, proxied
from tests.fix_servers import Database, Servers
from tests.test_faults import SCHEMA, SLOW_TABLES, copying, in_mid_copy

FAILED = 6


@pytest.fixture
def major() -> int:
    return NEWEST


@pytest.fixture(scope="module")
def slow(servers: Servers) -> Database:
    source = servers.database(NEWEST)
    source.run(SLOW_TABLES + SCHEMA)
    return source


def behind(proxy: Proxy, start: Start, source: Database, destination: Database, *options: str) -> Process:
    dsn = proxy.dsn(destination.dsn)
    return start("clone", "--source", source.dsn, "--destination", dsn, *options)


def test_our_own_sessions_that_lost_their_client_are_ended(start: Start, slow: Database, destination: Database) -> None:
    """A firewall forgot all connections: the server still has the sessions, with the claim and the tables' locks."""
    with proxied(destination.dsn) as (proxy, _):
        process = behind(proxy, start, slow, destination, "--jobs", "1")
        until(lambda: process.ended or copying(destination))
        proxy.abandon()
        runs(process.ends())
    assert contents(destination) == contents(slow)
    leaves_no_session(slow.server)


@pytest.mark.parametrize("delivered", [True, False], ids=["committed", "not committed"])
def test_a_part_whose_commit_is_not_answered_is_there_once(
    delivered: bool, start: Start, slow: Database, destination: Database
) -> None:
    with proxied(destination.dsn) as (proxy, _):
        proxy.doubt(b"COPY public.one", delivered=delivered)
        process = behind(proxy, start, slow, destination, "--jobs", "1", "--split-larger-than", "2MB")
        result = process.ends()
        assert proxy.done.is_set()
    runs(result)
    assert "Retrying in" in result.err
    assert contents(destination) == contents(slow)
    leaves_no_session(slow.server)


@pytest.mark.parametrize("delivered", [True, False], ids=["committed", "not committed"])
def test_the_last_commit_is_done_again_unless_it_went_through(
    delivered: bool, start: Start, slow: Database, destination: Database
) -> None:
    with proxied(destination.dsn) as (proxy, _):
        proxy.doubt(b"DROP SCHEMA replicator", delivered=delivered)
        process = behind(proxy, start, slow, destination, "--jobs", "2")
        result = process.ends()
        assert proxy.done.is_set()
    runs(result)
    assert "Retrying in" in result.err
    assert contents(destination) == contents(slow)
    assert destination.value("SELECT to_regnamespace('replicator')") is None
    leaves_no_session(slow.server)


def test_a_run_that_is_silent_is_taken_for_dead_and_does_no_harm_when_it_wakes_up(
    start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    """As when its host lost power, or a laptop slept: the server knows of nothing for a long time."""
    process = in_mid_copy(start, slow, destination)
    process.send(signal.SIGSTOP)
    refuses(replicator("clone", *both(slow, destination)), 3, "running: server process ", "connected since", "--resume")
    runs(replicator("clone", "--resume=per-table", *both(slow, destination)))
    assert contents(destination) == contents(slow)
    process.send(signal.SIGCONT)
    result = process.ends()
    assert result.code == FAILED, result
    assert contents(destination) == contents(slow)
    assert destination.dump() == slow.dump()
    leaves_no_session(slow.server)


def test_one_that_wakes_up_while_another_goes_on_with_its_work_stops(
    start: Start, slow: Database, destination: Database
) -> None:
    process = in_mid_copy(start, slow, destination)
    process.send(signal.SIGSTOP)
    second = start("clone", "--resume=per-table", "--jobs", "1", *both(slow, destination))
    until(lambda: second.ended or "planned:" in second.stderr)
    process.send(signal.SIGCONT)
    refuses(process.ends(), FAILED, "another clone into this destination has started: server process ")
    runs(second.ends())
    assert contents(destination) == contents(slow)
    leaves_no_session(slow.server)


def test_what_a_silent_run_left_can_be_cleaned(
    start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    process = in_mid_copy(start, slow, destination)
    process.send(signal.SIGSTOP)
    runs(replicator("clean", "--destination", destination.dsn))
    process.send(signal.SIGCONT)
    refuses(process.ends(), FAILED)
    assert "CREATE" not in destination.dump()


def test_a_run_that_lives_is_refused_by_name(
    start: Start, replicator: Run, slow: Database, destination: Database
) -> None:
    process = in_mid_copy(start, slow, destination)
    process.send(signal.SIGSTOP)
    process.send(signal.SIGCONT)
    for command in (("clean", "--destination", destination.dsn), ("clone", "--resume", *both(slow, destination))):
        result = replicator(*command)
        if process.ended:
            break
        refuses(result, 3, "process ", "connected since")
    runs(process.ends())
    assert not sessions(slow.server)
