"""How much memory and how many processes a session that builds indexes may use: its share of the destination.

maintenance_work_mem applies to a whole CREATE INDEX including its parallel workers, and as many of those run at a
time as there are builders.
Reference: PostgreSQL docs 19.4, "maintenance_work_mem"; 19.5, "max_parallel_maintenance_workers".
"""

import re
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement

WORKER_BYTES = 32 * 1024**2
"""The memory that each process of a build needs; with less, the server starts fewer: plan_create_index_workers."""
OF_THE_MEMORY = 8
"""An eighth of the available memory: the rest caches the tables that are read and the indexes that are written."""
MOST_BYTES = 1024**3  # more gains little, and some versions accept at most 2 GB


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a server offers to sessions that build indexes. `memory` and `workers` are the defaults for each."""

    memory: int
    workers: int
    shared_buffers: int
    most_workers: int


@dataclass(frozen=True, slots=True)
class Machine:
    """The server's machine, as far as known: available memory in bytes, and processors."""

    memory: int | None = None
    processors: int | None = None


@dataclass(frozen=True, slots=True)
class Sorting:
    """How much memory is used to sort B-trees: see planning/sorting.py."""

    most: int
    """The most that one builder may use, in bytes."""
    workers: int
    """How many parallel workers each builder may have."""

    def memory(self, wanted: int) -> int:
        """Return the bytes of memory for a B-tree that is sorted fastest in `wanted` bytes.

        >>> [Sorting(2**30, workers).memory(8 << 20) >> 20 for workers in (0, 2)], Sorting(2**30, 0).memory(2**40) >> 20
        ([8, 96], 1024)
        """
        least = WORKER_BYTES * (self.workers + 1) if self.workers else 0
        return min(self.most, max(least, wanted))


def share(capacity: Capacity, machine: Machine, builders: int) -> Sorting:
    """Return the share of each of `builders` concurrent sessions. Indexes other than B-trees use all of it.

    >>> share(Capacity(64 << 20, 2, 128 << 20, 8), Machine(16 << 30, 8), builders=4)
    Sorting(most=536870912, workers=1)
    """
    if machine.memory is None:
        memory = capacity.shared_buffers // builders
    else:
        memory = machine.memory // OF_THE_MEMORY // builders
    workers = capacity.most_workers // builders
    workers = min(workers, capacity.workers if machine.processors is None else machine.processors // builders - 1)
    return Sorting(max(capacity.memory, min(memory, MOST_BYTES)), max(workers, 0))


def look(conn: Connection) -> tuple[Capacity, Machine]:
    """Ask a server for its resources. Without the privilege to read its files, the machine is unknown."""
    with conn.cursor(row_factory=class_row(Capacity)) as cursor:
        (capacity,) = cursor.execute(statement(__package__, "index_memory")).fetchall()
    try:
        with conn.transaction():
            ((memory, processors, limit),) = conn.execute(statement(__package__, "machine")).fetchall()
    except psycopg.OperationalError:
        raise
    except psycopg.Error:  # we may not read it; the error depends on the provider
        return capacity, Machine()
    return capacity, machine(memory, processors, limit)


def machine(meminfo: str | None, cpuinfo: str | None, limit: str | None) -> Machine:
    r"""Parse these Linux files. A container's limit may be lower than the machine's memory.

    >>> machine("MemTotal: 9 kB\nMemAvailable:    8192 kB\n", "processor\t: 0\n\nprocessor\t: 1\n", "max\n")
    Machine(memory=8388608, processors=2)
    """
    available = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo or "", re.MULTILINE)
    processors = len(re.findall(r"^processor\s*:", cpuinfo or "", re.MULTILINE))
    memory = [int(available[1]) * 1024] if available else []
    if memory and limit and limit.strip().isdigit():
        memory.append(int(limit))
    return Machine(min(memory, default=None), processors or None)
