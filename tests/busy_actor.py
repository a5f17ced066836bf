"""An actor in a busy source: a thread that acts again and again, and logs what it did in the same transaction."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg

from tests.busy_reads import Read

EXPECTED = (
    psycopg.OperationalError,  # cancelled at the end; deadlocks, lock conflicts, sessions that were ended
    psycopg.errors.InternalError_,  # tuple concurrently updated
    psycopg.errors.ObjectInUse,
    psycopg.errors.ObjectNotInPrerequisiteState,
)
"""What happens to whoever alters a database in use."""


@dataclass
class World:
    """What the actors share: what is known to be committed, and what they broke that they should not have.

    Whoever changes more than rows waits until the world is loose, and rests longer where the pace is slow.
    """

    dsn: str
    seed: int
    stopped: threading.Event = field(default_factory=threading.Event)
    committed: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    loose: threading.Event = field(default_factory=threading.Event)
    pace: float = 1


class Turn:
    """An actor's connection and dice, for one action."""

    def __init__(self, world: World, name: str, conn: psycopg.Connection, chance: random.Random) -> None:
        self.world, self.name, self.conn, self.chance = world, name, conn, chance
        self._said: list[tuple[str, str, str | None]] = []

    def __call__(self, statement: str, *values: object) -> list[tuple]:
        """Execute, and return the rows if there are any. Names go in with `named`."""
        cursor = self.conn.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []

    def said(self, what: str, key: object, value: object | None) -> None:
        """Log a change of this transaction: `value` None means that the key is gone, key "*" all of them."""
        self._said.append((what, str(key), None if value is None else str(value)))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do and log: both or neither."""
        self._said.clear()
        with self.conn.transaction():
            yield
            ((number,),) = self("SELECT coalesce(max(number), 0) FROM busy.log WHERE writer = %s", self.name)
            seen = psycopg.types.json.Jsonb(dict(self.world.committed))
            with self.conn.cursor() as cursor:
                for what, key, value in self._said:
                    number += 1
                    row = [self.name, number, what, key, value, seen]
                    cursor.execute("INSERT INTO busy.log VALUES (%s, %s, %s, %s, %s, %s)", row)
        self.world.committed[self.name] = number


Act = Callable[[Turn], None]


@dataclass(frozen=True)
class Part:
    """What an actor does, how long it rests on average, and how what it owns is read."""

    act: Act
    pause: float
    reads: dict[str, Read] = field(default_factory=dict)


class Actor(threading.Thread):
    """Acts again and again until the world stops. What an ALTER in a live database meets anyway is passed over."""

    def __init__(self, world: World, name: str, part: Part, *, waits: bool = False) -> None:
        super().__init__(name=name, daemon=True)
        self._world, self._act = world, part.act
        self._pause = part.pause * (world.pace if waits else 1)
        self._waits = waits
        self._chance = random.Random(f"{world.seed} {name}")
        self.conn: psycopg.Connection | None = None

    def run(self) -> None:
        try:
            if self._waits:
                self._world.loose.wait()
            while not self._world.stopped.wait(self._chance.uniform(0, 2 * self._pause)):
                try:
                    with self._connected() as conn:
                        self._act(Turn(self._world, self.name, conn, self._chance))
                    self._world.done[self.name] = self._world.done.get(self.name, 0) + 1
                except EXPECTED:
                    continue
        except Exception as error:
            self._world.broken.append(f"{self.name}: {type(error).__name__}: {error}")
        finally:
            if self.conn:
                self.conn.close()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        if self.conn is None or self.conn.closed:
            self.conn = psycopg.connect(self._world.dsn, autocommit=True, application_name=f"busy {self.name}")
        yield self.conn

    def cancel(self) -> None:
        """End the statement that it waits for."""
        if self.conn and not self.conn.closed:
            with contextlib.suppress(psycopg.Error):
                self.conn.cancel_safe(timeout=2)
