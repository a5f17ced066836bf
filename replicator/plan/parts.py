"""Big tables in parts, ranges of ctid blocks, so that several workers copy one.

A part is neither emptied nor frozen by its copy, since the others go on beside it: what is small stays whole. The last
part is open-ended: whatever the size was taken for, every row is in one part. Reference: PostgreSQL docs, release 14,
"TID range scans".
"""

from collections.abc import Collection, Mapping
from math import ceil

from replicator.model import Address, Catalog, Part, Table

SMALLEST_BYTES = 256 * 1024 * 1024
FEWEST_JOBS = 3
"""One COPY keeps a processor of each server busy. With two jobs on two processors, parts took 1.14 of the servers' time
of a whole table, and ended no earlier for certain (2026-11, PostgreSQL 18, 279 MB, medians of three, busy machine)."""

Parts = Mapping[Address, tuple[Part, ...]]


def parts_of(catalog: Catalog, built: Mapping[Address, Collection[int]], jobs: int, larger_than: int | None) -> Parts:
    """Return the parts of each table that is to be split. `built` has what it costs to build upon each table.

    `larger_than`: split what is larger into parts of that size, 0: nothing. None: what would keep one worker busy while
    the others have nothing more to do, if there are enough of them.
    """
    if larger_than == 0 or (larger_than is None and jobs < FEWEST_JOBS):
        return {}
    total = sum(table.bytes for table in catalog.tables) + sum(map(sum, built.values()))
    found = {}
    for table in catalog.tables:
        if larger_than is not None:
            number = ceil(table.bytes / larger_than)
        elif table.bytes + max(built.get(table.address, ()), default=0) > total / jobs:
            number = min(jobs, table.bytes // SMALLEST_BYTES)
        else:
            continue
        if parts := _split(table, number):
            found[table.address] = parts
    return found


def _split(table: Table, number: int) -> tuple[Part, ...]:
    blocks = table.blocks or 0
    number = min(number, blocks)
    if number < 2 or table.root or table.condition is not None or table.empty:
        return ()
    edges = [blocks * n // number for n in range(number)]
    since = [f"ctid >= '({edge},0)'::pg_catalog.tid" for edge in edges]
    before = [f" AND ctid < '({edge},0)'::pg_catalog.tid" for edge in edges[1:]]
    return tuple(
        Part(n, number, start + end) for n, (start, end) in enumerate(zip(since, [*before, ""], strict=True), start=1)
    )
