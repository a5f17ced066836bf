"""How the destination's memory and processors are shared out among those who build."""

import psycopg
import pytest

from replicator.runs.endpoints import open_both
from replicator.sessions import postgres
from replicator.settings import Settings
from replicator.work.index_memory import MOST_BYTES, Capacity, Machine, Sorting, look, machine, share
from tests.fix_cli import Run, refuses
from tests.fix_servers import Database

MB, GB = 1024**2, 1024**3
USUAL = Capacity(memory=64 * MB, workers=2, shared_buffers=128 * MB, most_workers=8)
BUSY = Machine(memory=1 * GB, processors=2)


def memory(capacity: Capacity, machine: Machine, builders: int) -> int:
    return share(capacity, machine, builders).most


def workers(capacity: Capacity, machine: Machine, builders: int) -> int:
    return share(capacity, machine, builders).workers


@pytest.mark.parametrize(
    ("machine", "builders", "expected"),
    [
        (Machine(16 * GB), 4, 512 * MB),
        (Machine(64 * GB), 2, MOST_BYTES),
        (Machine(1 * GB), 8, 64 * MB),  # never less than the server gives by itself
        (Machine(), 1, 128 * MB),
        (Machine(), 8, 64 * MB),
    ],
)
def test_memory_is_an_eighth_of_what_is_available_shared_out(machine: Machine, builders: int, expected: int) -> None:
    assert memory(USUAL, machine, builders) == expected


def test_what_an_administrator_gave_stays() -> None:
    assert memory(Capacity(4 * GB, 2, 128 * MB, 8), Machine(1 * GB), 8) == 4 * GB


def test_all_builders_and_their_workers_together_are_no_more_than_the_processors() -> None:
    for processors in range(1, 65):
        for builders in range(1, 65):
            each = workers(USUAL, Machine(1 * GB, processors), builders)
            assert each == 0 or builders * (1 + each) <= processors
            assert builders * each <= USUAL.most_workers


def test_where_the_processors_are_not_known_it_is_no_more_than_the_server_gives() -> None:
    assert [workers(USUAL, Machine(), builders) for builders in (1, 4, 8, 9)] == [2, 2, 1, 0]


def test_a_container_has_no_more_than_its_limit() -> None:
    assert machine("MemAvailable: 9437184 kB\n", None, "2147483648\n") == Machine(2 * GB, None)
    assert machine("MemAvailable: 9437184 kB\n", None, "9223372036854771712\n") == Machine(9 * GB, None)
    assert machine(None, None, "2147483648\n") == Machine(None, None)


def test_a_superuser_reads_what_the_machine_has_and_others_do_not(database: Database) -> None:
    with postgres.connect(database.dsn) as conn:
        _, known = look(conn)
        assert known.memory and 64 * MB < known.memory < 64 * 1024 * GB
        assert known.processors
        conn.execute("SET ROLE alice")
        capacity, unknown = look(conn)
        assert unknown == Machine()
        assert capacity.shared_buffers == 16 * MB


def test_workers_have_their_share(database: Database, destination: Database) -> None:
    with (
        open_both(Settings(database.dsn, destination.dsn, jobs=2)) as sides,
        sides.destination.sessions.use() as there,
        psycopg.connect(destination.dsn) as usual,
    ):
        query = "SELECT pg_size_bytes(current_setting('maintenance_work_mem'))"
        ((ours,),), ((theirs,),) = there.execute(query).fetchall(), usual.execute(query).fetchall()
        assert ours >= theirs
        expected = share(*look(sides.control.conn), builders=2)
        given = there.execute("SELECT current_setting('max_parallel_maintenance_workers')::int").fetchall()
        assert given == [(expected.workers,)]
        assert sides.sorting
        assert sides.sorting.workers == expected.workers
        assert sides.sorting.most == pytest.approx(expected.most, rel=0.3)  # others take memory meanwhile


def test_who_gives_the_memory_has_it_for_every_index(database: Database, destination: Database) -> None:
    settings = Settings(database.dsn, destination.dsn, maintenance_work_mem=30 * MB)
    with open_both(settings) as sides, sides.destination.sessions.use() as there:
        assert there.execute("SELECT current_setting('maintenance_work_mem')").fetchall() == [("30MB",)]
        assert sides.sorting is None


def test_a_sort_has_no_more_than_its_session_and_no_less_than_its_workers_need() -> None:
    assert Sorting(64 * MB, 0).memory(10**13) == 64 * MB
    assert [Sorting(GB, workers).memory(8 * MB) // MB for workers in range(4)] == [8, 64, 96, 128]


@pytest.mark.parametrize("text", ["64", "much", "0MB"])
def test_a_memory_that_is_none_is_refused(text: str, replicator: Run) -> None:
    ends = ("--source", "dbname=a", "--destination", "dbname=b")
    result = replicator("clone", "--maintenance-work-mem", text, *ends)
    refuses(result, 2, f"--maintenance-work-mem: '{text}' is not a size: write 64MB or 1GB.")


@pytest.mark.parametrize("text", ["63kB", "3TB"])
@pytest.mark.parametrize("how", [(), ("--data-only",)])
def test_a_memory_that_the_destination_does_not_take_is_refused_at_once(
    text: str, how: tuple[str, ...], database: Database, destination: Database, replicator: Run
) -> None:
    ends = ("--source", database.dsn, "--destination", destination.dsn)
    result = replicator("clone", "--maintenance-work-mem", text, "--retry-for", "0", *how, *ends)
    refuses(result, 3, "does not accept --maintenance-work-mem", "--maintenance-work-mem from")
