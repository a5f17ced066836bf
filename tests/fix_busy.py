"""`busy(source, destination)`: a source that is used, altered and looked after while the code under test runs.

What happens is chosen by the attempt's seed, which is printed. At the end, the judge says what became of the run.
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.busy import OTHERS, PARTS, WRITERS
from tests.busy_actor import Actor, Part, Turn, World
from tests.busy_judge import Beginning, Witness, complaints, complaints_per_table, read_states
from tests.fix_cli import GONE_SECONDS, STILL_RUNNING, Process, Result, Run, is_empty, leaves_no_session, runs, until
from tests.fix_faults import FAILED, FALSELY, FINISHED, HUNG, LOST, SAID_SO, Count
from tests.fix_servers import Database

SCHEMA = (Path(__file__).parent / "busy.sql").read_text("utf-8")
STOP_SECONDS = 20.0
HUNG_SECONDS = 60.0
BLOCKED_SECONDS = 2.0
MOST_OTHERS = 5
DIFFERENT = 8
APPLICATION = (
    "SELECT count(*) FROM busy.shape_1",
    "SELECT count(*) FROM busy.item_1 WHERE key < 100",
    "SELECT count(*) FROM busy.emptied",
    "SELECT count(*) FROM busy.measure",
    "SELECT count(*) FROM app.t",
    "SELECT state, count(*) FROM busy.orders GROUP BY state",
    "INSERT INTO busy.numbered VALUES (0)",
    "UPDATE busy.orders SET id = id WHERE id = 5",
    "SELECT count(*) FROM busy.vacuumed",
)
BLOCKED = """
SELECT a.query, extract(epoch FROM clock_timestamp() - a.query_start)::float8, b.application_name ~ '^replicator',
       EXISTS (SELECT FROM unnest(pg_blocking_pids(b.pid)) AS behind (pid) JOIN pg_stat_activity c USING (pid)
                WHERE c.application_name ~ '^replicator')
  FROM pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) AS blocking (pid) JOIN pg_stat_activity b USING (pid)
 WHERE a.application_name = 'busy application' AND a.wait_event_type = 'Lock'
"""
ACTIVITY = """
SELECT a.pid, a.application_name, a.state, a.wait_event_type, a.wait_event, pg_blocking_pids(a.pid) AS waits_for,
       left(a.query, 100) AS query
  FROM pg_stat_activity a WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid
"""


class Blocks(threading.Thread):
    """Looks what the application's queries wait for: for us, or for somebody's ALTER that waits for us."""

    def __init__(self, server: str, stopped: threading.Event) -> None:
        super().__init__(name="blocks", daemon=True)
        self._server, self._stopped = server, stopped
        self.longest, self.query, self.longest_behind = 0.0, "", 0.0

    def run(self) -> None:
        with psycopg.connect(self._server, autocommit=True) as conn:
            while not self._stopped.wait(0.1):
                for query, seconds, ours, behind_ours in conn.execute(BLOCKED).fetchall():
                    if ours and seconds > self.longest:
                        self.longest, self.query = seconds, query
                    if behind_ours:
                        self.longest_behind = max(self.longest_behind, seconds)


def application(turn: Turn) -> None:
    turn.conn.execute("SET application_name = 'busy application'")
    with contextlib.suppress(psycopg.errors.UndefinedTable):  # between two renames
        turn(turn.chance.choice(APPLICATION))


def terminate(servers: Sequence[str], most: int) -> Part:
    """Return who ends sessions of ours, on either server, now and then."""
    left = [most]

    def act(turn: Turn) -> None:
        if not left[0]:
            return
        with psycopg.connect(turn.chance.choice(servers), autocommit=True) as conn:
            found = conn.execute(
                "SELECT pid, application_name FROM pg_stat_activity WHERE application_name ~"
                " '^replicator (snapshot|worker|journal|probe|hold)' ORDER BY pid"
            ).fetchall()
            if found:
                pid, name = turn.chance.choice(found)
                conn.execute("SELECT pg_terminate_backend(%s)", [pid])
                print(f"ended a session of {name}")
                left[0] -= 1

    return Part(act, 0.4)


class Busy:
    """A busy source. `parts` are the names of those who act in it, `late` of them begin when the copy does."""

    def __init__(
        self,
        source: Database,
        destination: Database,
        seed: int,
        parts: Iterable[str],
        *,
        ending: int = 0,
        late: bool = False,
        pace: float = 1,
        witnessed: Database | None = None,
        untouched: Callable[[Database], bool] = is_empty,
    ) -> None:
        self.source, self.destination = source, destination
        self.untouched = lambda: untouched(destination)
        self.parts = list(parts)
        self.world = World(source.dsn, seed, pace=pace)
        if not late:
            self.world.loose.set()
        with psycopg.connect(source.dsn, autocommit=True) as conn:
            self._states = read_states(conn, self.parts)
        cast = {name: PARTS[name] for name in self.parts}
        cast |= {f"application {n}": Part(application, 0.03) for n in (1, 2)}
        if ending:
            cast["terminate"] = terminate([source.server.conninfo(), destination.server.conninfo()], ending)
        self.actors = [
            Actor(self.world, name, part, waits=name not in WRITERS and not name.startswith("application"))
            for name, part in cast.items()
        ]
        self.blocks = Blocks(source.server.conninfo(), self.world.stopped)
        self.witness = Witness(source.dsn, (witnessed or destination).dsn, self.world.stopped)

    def start(self) -> None:
        """Begin, and wait until there is something that a copy could miss."""
        for thread in (*self.actors, self.blocks, self.witness):
            thread.start()
        until(lambda: all(self.world.done.get(name, 0) > 5 for name in WRITERS))
        self.beginning = Beginning(self._states, dict(self.world.committed))

    def stop(self) -> None:
        """Stop all, also those who wait for a lock."""
        self.world.stopped.set()
        self.world.loose.set()
        deadline = time.monotonic() + STOP_SECONDS
        while living := [actor for actor in self.actors if actor.is_alive()]:
            for actor in living:
                actor.cancel()
                actor.join(0.05)
            assert time.monotonic() < deadline, f"do not stop: {living}"
        self.blocks.join()
        self.witness.join()
        blocks = self.blocks
        print(f"done: {self.world.done}")
        print(f"the application waited for us: {blocks.longest:.1f} s, behind others: {blocks.longest_behind:.1f} s")

    def ends(self, process: Process) -> Result | None:
        """Wait for a run's end; None, and what everybody was waiting for, where it does not end."""
        deadline = time.monotonic() + HUNG_SECONDS
        while not process.ended:
            if "planned:" in process.stderr:
                self.world.loose.set()
            if time.monotonic() > deadline:
                self._show(process)
                process.kill()
                return None
            time.sleep(0.02)
        return process.ends()

    def ends_at(self, process: Process, seconds: float) -> None:
        """Kill a run, so long after it began to copy."""
        try:
            until(lambda: process.ended or "planned:" in process.stderr, HUNG_SECONDS)
        except AssertionError:
            self._show(process)
            raise AssertionError(f"{STILL_RUNNING} after {HUNG_SECONDS} s, nothing planned") from None
        self.world.loose.set()
        deadline = time.monotonic() + seconds
        until(lambda: process.ended or time.monotonic() > deadline)
        print(f"killed after {seconds:.3f} s" if not process.ended else "ended before it was killed")
        process.kill()

    def _show(self, process: Process) -> None:
        print(process.stderr)
        for server in {self.source.server.conninfo(), self.destination.server.conninfo()}:
            with psycopg.connect(server, autocommit=True) as conn:
                print(*conn.execute(ACTIVITY).fetchall(), sep="\n")

    def complaints(self, per_table: bool = False) -> list[str]:
        """Return what is wrong with the copy."""
        if per_table:
            return complaints_per_table(self.destination, self.source, self.beginning, self.parts)
        found = complaints(self.destination, self.beginning, self.parts)
        return found or self.witness.complaints(self.destination)


MakeBusy = Callable[..., contextlib.AbstractContextManager[Busy]]


@pytest.fixture
def busy(seed: int) -> MakeBusy:
    """Make a source busy: `with busy(source, destination, "truncate", ending=2) as world:`.

    Without names, the writers and some of the others, as the seed chooses: who, from when on, at which pace, and how
    many of our sessions are ended. `untouched` tells whether a destination is as it was, `witnessed` is the database
    that is to have the journal.
    """

    @contextlib.contextmanager
    def busy(
        source: Database, destination: Database, *parts: str, among: Iterable[str] = OTHERS, **more: Any
    ) -> Iterator[Busy]:
        chance = random.Random(seed)
        some = parts or chance.sample(sorted(among), chance.randint(1, MOST_OTHERS))
        ending, late, pace = chance.choice([0, 0, 1, 2]), chance.random() < 0.6, chance.choice([1, 4, 10])
        when = "after the copy began" if late else "from the beginning"
        print(f"busy: {', '.join(some)}; {when}, pace {pace}; {ending} sessions are ended")
        cast = [*WRITERS, *some]
        world = Busy(source, destination, seed, cast, ending=ending, late=late, pace=pace, **more)
        world.start()
        try:
            yield world
        finally:
            world.stop()
        assert not world.world.broken, world.world.broken

    return busy


BusyJudge = Callable[..., str]


@pytest.fixture
def busy_judge(replicator: Run, count: Count) -> BusyJudge:
    """Count a run on a busy source, when the source is still again: it is a copy of one moment, or says it is none."""

    def is_right(world: Busy, result: Result, per_table: bool) -> None:
        if wrong := world.complaints(per_table):
            count(LOST)
            raise AssertionError("\n".join([*wrong, str(result)]))

    def judge(result: Result | None, world: Busy, *, per_table: bool = False) -> str:
        count("tried")
        if result is None:
            count(HUNG)
            raise AssertionError("it hung")
        print(f"exit {result.code}: {result.said[-500:]}")
        assert "Traceback" not in result.out + result.err, result
        status = replicator("status", "--destination", world.destination.dsn)
        if result.code == 0:
            is_right(world, result, per_table)
            if status.code:
                count(FALSELY)
            assert status.code == 0, f"{status}\n{result}"
            became = FINISHED
        else:
            assert "replicator: " in result.err or result.code < 0, result
            if status.code != FAILED and not world.untouched():
                is_right(world, result, per_table)  # cut off in the moment of its last commit
            if result.code == DIFFERENT and not world.complaints(per_table):
                count(FALSELY)
                raise AssertionError(f"it is said to differ, and does not\n{result}")
            became = SAID_SO
            if status.code == FAILED:
                runs(replicator("clean", "--destination", world.destination.dsn))  # whoever holds the snapshot goes
        leaves_nothing(world.source, world.destination)
        blocks = world.blocks
        assert blocks.longest < BLOCKED_SECONDS, f"an application waited {blocks.longest:.1f} s for us: {blocks.query}"
        return count(became)

    return judge


@pytest.fixture
def world_source(database: Database) -> Database:
    """A source with all that the actors change."""
    database.run(SCHEMA)
    return database


def leaves_nothing(*databases: Database) -> None:
    """Assert that soon no session of ours is left on these servers, no lock and no replication slot."""
    servers = {database.server.conninfo(): database.server for database in databases}.values()
    leaves_no_session(*servers)
    deadline = time.monotonic() + GONE_SECONDS
    for server in servers:
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            query = "SELECT locktype, pid FROM pg_locks WHERE locktype = 'advisory'"
            while left := conn.execute(query).fetchall():
                assert time.monotonic() < deadline, left
                time.sleep(0.05)
            assert conn.execute("SELECT slot_name FROM pg_replication_slots").fetchall() == []
