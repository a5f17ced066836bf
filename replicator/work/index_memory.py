"""How much memory and how many processes a session that builds indexes uses: what the destination has, shared out.

maintenance_work_mem is of a whole CREATE INDEX, its parallel workers included; so many of them as there are builders
run at a time. Reference: PostgreSQL docs 19.4, "maintenance_work_mem"; 19.5, "max_parallel_maintenance_workers".
"""

import re
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement

WORKER_BYTES = 32 * 1024**2
"""What each process that takes part in a build must have, or the server takes fewer: plan_create_index_workers."""
OF_THE_MEMORY = 8
"""An eighth of the available memory: the rest is for the tables that are read and the indexes that are written."""
MOST_BYTES = 1024**3  # little is gained beyond, and some versions take no more than 2 GB


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a server gives those who build. `memory` and `workers` are what each has if nothing is said."""

    memory: int
    workers: int
    shared_buffers: int
    most_workers: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of the machine under the server: memory that is available, in bytes, and processors."""

    memory: int | None = None
    processors: int | None = None


@dataclass(frozen=True, slots=True)
class Sorting:
    """In how much memory B-trees are sorted: see plan.sorting."""

    most: int
    """What a builder has at most, in bytes."""
    workers: int
    """How many processes may help it."""

    def memory(self, wanted: int) -> int:
        """Return the bytes of memory for a B-tree that wants so many.

        >>> [Sorting(2**30, workers).memory(8 << 20) >> 20 for workers in (0, 2)], Sorting(2**30, 0).memory(2**40) >> 20
        ([8, 96], 1024)
        """
        least = WORKER_BYTES * (self.workers + 1) if self.workers else 0
        return min(self.most, max(least, wanted))


def share(capacity: Capacity, machine: Machine, builders: int) -> Sorting:
    """Return what each of so many sessions has that build at a time: what is no B-tree wants all that there is.

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
    """Ask a server what it has. Without the privilege to read its files, the machine is not known."""
    with conn.cursor(row_factory=class_row(Capacity)) as cursor:
        (capacity,) = cursor.execute(statement(__package__, "index_memory")).fetchall()
    try:
        with conn.transaction():
            ((memory, processors, limit),) = conn.execute(statement(__package__, "machine")).fetchall()
    except psycopg.OperationalError:
        raise
    except psycopg.Error:  # not for us to read, in whatever way a provider says so
        return capacity, Machine()
    return capacity, machine(memory, processors, limit)


def machine(meminfo: str | None, cpuinfo: str | None, limit: str | None) -> Machine:
    r"""Return what these files of Linux say. A container's limit may be less than the machine has.

    >>> machine("MemTotal: 9 kB\nMemAvailable:    8192 kB\n", "processor\t: 0\n\nprocessor\t: 1\n", "max\n")
    Machine(memory=8388608, processors=2)
    """
    available = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo or "", re.MULTILINE)
    processors = len(re.findall(r"^processor\s*:", cpuinfo or "", re.MULTILINE))
    memory = [int(available[1]) * 1024] if available else []
    if memory and limit and limit.strip().isdigit():
        memory.append(int(limit))
    return Machine(min(memory, default=None), processors or None)
