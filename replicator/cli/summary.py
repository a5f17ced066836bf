"""The end of a plan: totals, space, locks, the snapshot, and an estimate of time with its basis."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from replicator.events import counted, duration_text, size_text
from replicator.model import CopyTable, Phase, Plan

BYTES_A_SECOND = 110_000_000
"""Of a whole clone, for each job: 1.1 GB in 5.0 s with two (benchmarks/results.json, clone mixed)."""
MOST_JOBS = 4
"""More than this many were not measured to help in proportion."""
BASIS = (
    f"{size_text(BYTES_A_SECOND)}/s for each of at most {MOST_JOBS} jobs, measured between two servers on one machine"
    " with two CPUs; a network or slow disks take longer"
)


def totals(plan: Plan, jobs: int, database_bytes: int = 0) -> dict[str, Any]:
    """Return the figures; sizes in bytes, rows as the planner estimates them."""
    steps = [*plan.steps, *plan.deferred]
    copied = [step for step in plan.steps if step.phase in (Phase.DATA, Phase.LARGE_OBJECTS)]
    tables = {step.work.table.address: step.work.table for step in copied if isinstance(step.work, CopyTable)}
    size = sum(step.cost for step in copied)
    return {
        "steps": len(steps),
        "steps_by_phase": {str(phase): number for phase, number in Counter(step.phase for step in steps).items()},
        "tables": len(tables),
        "rows": sum(max(0, table.rows) for table in tables.values()),
        "bytes": size,
        "destination_bytes": max(database_bytes, size),
        "estimated_seconds": round(size / (BYTES_A_SECOND * min(jobs, MOST_JOBS)), 1),
        "estimate_basis": BASIS,
    }


def totals_as_lines(figures: dict[str, Any], jobs: int, *, whole: bool) -> Iterator[str]:
    """Yield them for people. `whole`: the size of the source's database is known, indexes included."""
    tables = counted(figures["tables"], "table")
    yield (
        f"Total: {counted(figures['steps'], 'step')}; {tables}, about {counted(figures['rows'], 'row')},"
        f" {size_text(figures['bytes'])}."
    )
    yield from (f"  {phase}: {counted(number, 'step')}" for phase, number in figures["steps_by_phase"].items())
    needed = size_text(figures["destination_bytes"])
    if whole:
        yield f"Space on the destination: about {needed}, the size of the source database with its indexes."
    else:
        yield f"Space on the destination: about {needed} for rows, and room for the indexes on them."
    yield f"Locks on the source: ACCESS SHARE on {tables}, until the last row is read; DDL on them waits."
    yield "Snapshot on the source: open until the last row is read, with --verify until the end. It holds back VACUUM."
    seconds = duration_text(max(figures["estimated_seconds"], 1.0), 0)
    yield f"Time: about {seconds} with {counted(jobs, 'job')}. Basis: {figures['estimate_basis']}."
