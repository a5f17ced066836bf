"""Splits large tables into parts for several workers: ranges of ctid blocks, or of a key before PostgreSQL 14.

The copy of a part can neither truncate nor freeze the table, since others run beside it: small tables stay whole.
The first and the last part are open-ended: whatever the estimated size, each row is in exactly one part. Reference:
PostgreSQL docs, release 14, "TID range scans".
"""

import re
from collections.abc import Collection, Mapping, Sequence
from math import ceil

from replicator.model import Address, Catalog, Part, Table

SMALLEST_BYTES = 256 * 1024 * 1024
FEWEST_JOBS = 3
"""One COPY keeps a processor of each server busy. With two jobs on two processors, parts took 1.14 of the servers' time
of a whole table, and were not reliably faster (2026-11, PostgreSQL 18, 279 MB, medians of three, busy machine)."""

Parts = Mapping[Address, tuple[Part, ...]]


def parts_of(catalog: Catalog, built: Mapping[Address, Collection[int]], jobs: int, larger_than: int | None) -> Parts:
    """Return the parts of each table that is split. `built` has the costs of the steps that build on each table.

    `larger_than`: split larger tables into parts of that size, 0: none. None: split tables that would keep one worker
    busy while the others have nothing left to do, if there are enough workers.
    """
    if not may_split(jobs, larger_than):
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


def may_split(jobs: int, larger_than: int | None) -> bool:
    """Return whether any table, however large, may be split."""
    return larger_than != 0 if larger_than is not None else jobs >= FEWEST_JOBS


def _split(table: Table, number: int) -> tuple[Part, ...]:
    if table.root or table.condition or table.extension or table.empty or table.portions:
        return ()
    edges = _edges(table, number)
    if not edges:
        return ()
    key = table.key if table.blocks is None else None
    ends = zip([None, *edges], [*edges, None], strict=True)
    return tuple(Part(n, len(edges) + 1, key, since, before) for n, (since, before) in enumerate(ends, start=1))


def _edges(table: Table, number: int) -> list[str]:
    """Return the bounds between this many parts, or fewer if necessary."""
    if table.blocks is not None:
        number = min(number, table.blocks)
        return [str(table.blocks * n // number) for n in range(1, number)]
    number = min(number, len(table.edges) + 1)
    return [table.edges[len(table.edges) * n // number] for n in range(1, number)]


def as_cut(table: Table, ends: Sequence[tuple[str | None, str | None, str | None]]) -> tuple[Part, ...]:
    """Return the parts that a table was split into, from the key, start and end of each, in order.

    Raises ValueError if they have gaps, or this table cannot be split in this way.
    """
    parts = tuple(Part(n, len(ends), *each) for n, each in enumerate(ends, start=1))
    befores = [None, *(part.before for part in parts)]
    inner = [end for part in parts for end in (part.since, part.before) if end is not None]
    keys = {part.key for part in parts}
    if (
        [part.since for part in parts] != befores[:-1]
        or befores[-1] is not None
        or None in befores[1:-1]
        or not keys <= {None if table.blocks is not None else table.key}
        or (None in keys and not all(re.fullmatch("[0-9]{1,10}", end) for end in inner))
    ):
        raise ValueError(f"{table.identity} cannot have been cut so")
    return parts
