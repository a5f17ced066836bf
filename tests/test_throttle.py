"""--max-rate: the pace of a whole run, whatever is copied and however many copy it."""

import signal
import threading
import time

import click
import pytest

from replicator.cli.amounts import rate
from replicator.cli.commands import cli
from replicator.work.throttle import BURST_SECONDS, Throttle
from tests.fix_cli import NEWEST, Run, Start, both, refuses, runs
from tests.fix_servers import Database


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_average_is_kept_whatever_the_portions() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock)
    for size in (1, 5000, 300, 0, 700, 999, 3000):
        clock.now += throttle.take(size)
    assert clock.now == pytest.approx(110.0)


def test_time_that_was_not_used_is_lost_but_for_a_moment() -> None:
    clock = Clock()
    throttle = Throttle(1000, clock)
    clock.now += 3600
    assert throttle.take(1000) == pytest.approx(1 - BURST_SECONDS)


def test_workers_share_it() -> None:
    throttle = Throttle(1_000_000)
    began = time.monotonic()

    def work() -> None:
        for _ in range(10):
            time.sleep(throttle.take(10_000))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 0.39


@pytest.mark.parametrize(
    ("text", "expected"),
    [("50MB/s", 50_000_000), ("800kB/s", 800_000), ("1.5 GB", 1_500_000_000), ("2MiB/s", 2 << 20), ("4096B/s", 4096)],
)
def test_rates_as_people_write_them(text: str, expected: int) -> None:
    assert rate(click.Context(cli), cli.params[0], text) == expected


@pytest.mark.parametrize(
    "text", ["", "fast", "0", "50", "50/s", "-1MB", "0.1", "1..2MB", "50 MB per second", "50MB/h", "nan"]
)
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a rate"):
        rate(click.Context(cli), cli.params[0], text)


@pytest.mark.parametrize("text", ["2GB/s", "0", "much", "500"])
def test_what_is_no_size(text: str, replicator: Run) -> None:
    ends = ("--source", "host=127.0.0.1 port=1", "--destination", "host=127.0.0.1 port=1")
    refuses(replicator("clone", "--split-larger-than", text, *ends), 2, f"--split-larger-than: '{text}' is not a size")


@pytest.fixture
def major() -> int:
    return NEWEST


@pytest.mark.parametrize("relay", ["on", "off"])
def test_a_whole_clone_takes_its_time(relay: str, replicator: Run, database: Database, destination: Database) -> None:
    """A megabyte of rows in two tables, and half of one in large objects."""
    for name in ("one", "two"):
        database.run(f"CREATE TABLE {name} AS SELECT repeat('x', 100) AS a FROM generate_series(1, 5000)")
    database.run("SELECT lo_from_bytea(0, decode(repeat('00', 50000), 'hex')) FROM generate_series(1, 10)")
    began = time.monotonic()
    result = replicator("clone", "--verify", "--max-rate", "500kB/s", "--relay", relay, *both(database, destination))
    runs(result)
    assert time.monotonic() - began > 2.5
    assert result.said.count("Rows go through the driver (--relay off)") == (relay == "off")
    assert "Rows are relayed" not in result.said


def test_a_signal_ends_a_run_that_waits(start: Start, database: Database, destination: Database) -> None:
    database.run("CREATE TABLE t AS SELECT repeat('x', 100) AS a FROM generate_series(1, 5000)")
    process = start("clone", "--max-rate", "1kB/s", *both(database, destination))
    process.says("planned:")
    time.sleep(1)
    process.send(signal.SIGTERM)
    refuses(process.ends(10), 130, "SIGTERM")


def test_a_rate_that_is_none_is_wrong_usage(replicator: Run, database: Database, destination: Database) -> None:
    refuses(replicator("clone", "--max-rate", "much", *both(database, destination)), 2, ": 'much' is not a rate")
