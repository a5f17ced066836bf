"""A source in use while it is copied: the copy is of one moment and complete, or is said not to be; nobody waits."""

import random

import psycopg
import pytest

from tests.fix_busy import DIFFERENT, BusyJudge, MakeBusy, leaves_nothing
from tests.fix_cli import NEWEST, Run, Start, both, runs
from tests.fix_faults import FALSELY, FINISHED, HUNG, LOST, SAID_SO, Count
from tests.fix_servers import Database

# A few seconds of copying, without work for the processors.
SLOWLY = ("--max-rate", "4MB/s", "--retry-for", "20s", "--jobs", "2")
ROWS_ONLY = ("truncate", "maintain", "refresh", "swap schemas", "large objects")
"""Who changes rows alone: what the others change, a copy of rows does not show."""
BY = {
    "still": "nobody",
    "slow_shape": "alter slowly",
    "emptied": "truncate",
    "empty_side": "swap tables",
    "pairs": "rename attributes",
    "orders": "rename values",
}
"""Tables, and who alone changes them."""
INCOMING = "__incoming"

pytestmark = pytest.mark.faults


@pytest.fixture
def major() -> int:
    return NEWEST


@pytest.mark.parametrize(
    "options",
    [(), ("--verify",), ("--split-larger-than", "300kB", "--jobs", "4", "--verify")],
    ids=["", "verify", "parts"],
)
def test_clone(
    options: tuple[str, ...],
    busy: MakeBusy,
    busy_judge: BusyJudge,
    world_source: Database,
    destination: Database,
    start: Start,
) -> None:
    with busy(world_source, destination) as world:
        result = world.ends(start("clone", *both(world_source, destination), *SLOWLY, *options))
    busy_judge(result, world)


@pytest.mark.parametrize("how", ["--resume", "--resume=per-table"])
def test_a_clone_that_is_killed_and_resumed(
    how: str,
    seed: int,
    busy: MakeBusy,
    busy_judge: BusyJudge,
    world_source: Database,
    destination: Database,
    start: Start,
) -> None:
    """In the snapshot that another process holds, or each table as it is by now."""
    holding = ("--hold-snapshot", "2m") if how == "--resume" else ()
    with busy(world_source, destination) as world:
        flags = (*both(world_source, destination), *SLOWLY)
        world.ends_at(start("clone", *flags, *holding), random.Random(seed).uniform(0, 3))
        result = world.ends(start("clone", how, *flags))
    busy_judge(result, world, per_table=how != "--resume")


def test_a_database_that_is_replaced(
    busy: MakeBusy, busy_judge: BusyJudge, world_source: Database, destination: Database, start: Start
) -> None:
    """The old one serves until the new one is complete and verified."""
    destination.run("CREATE TABLE old AS SELECT 1 AS a")
    incoming = Database(destination.server, destination.name + INCOMING, NEWEST)
    serves = "SELECT count(*) FROM old"
    with busy(world_source, destination, witnessed=incoming, untouched=lambda d: d.value(serves) == 1) as world:
        result = world.ends(start("clone", "--replace", "swap", *both(world_source, destination), *SLOWLY))
    try:
        busy_judge(result, world)
    finally:
        with psycopg.connect(destination.server.conninfo(), autocommit=True) as conn:
            conn.execute(f'DROP DATABASE IF EXISTS "{incoming.name}" WITH (FORCE)')


def test_rows_alone(
    busy: MakeBusy, busy_judge: BusyJudge, world_source: Database, destination: Database, start: Start
) -> None:
    destination.run(world_source.dump("-s"))
    logged = "SELECT count(*) FROM busy.log"
    with busy(world_source, destination, among=ROWS_ONLY, untouched=lambda d: d.value(logged) == 0) as world:
        result = world.ends(start("clone", "--data-only", *both(world_source, destination), *SLOWLY))
    busy_judge(result, world)


def test_verification_of_a_copy_that_is_old(
    busy: MakeBusy,
    world_source: Database,
    destination: Database,
    start: Start,
    replicator: Run,
    count: Count,
) -> None:
    """What nobody changed since is not said to differ; what was changed before the verification began is."""
    runs(replicator("clone", *both(world_source, destination)))
    with busy(world_source, destination) as world:
        result = world.ends(start("verify", *both(world_source, destination)))
    count("tried")
    if result is None:
        count(HUNG)
        raise AssertionError("it hung")
    print(f"exit {result.code}: {result.out}")
    if result.code == 0:
        count(LOST)
    assert result.code, f"the writers' rows are not missed\n{result}"
    assert "Traceback" not in result.err, result
    if result.code == DIFFERENT:
        wrong = [name for name, part in BY.items() if part not in world.parts and f"busy.{name}" in result.out]
        if wrong:
            count(FALSELY)
        assert not wrong, result
        for table in ("item_1", "item_2", "item_3", "log"):
            assert f"table busy.{table}" in result.out, f"{table} is not missed\n{result}"
    leaves_nothing(world_source, destination)
    count(FINISHED if result.code == DIFFERENT else SAID_SO)
