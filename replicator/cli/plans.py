"""A plan in three forms: lines for people, one SQL script for psql, JSON for programs."""

import json
from collections.abc import Iterable, Iterator

from replicator import events
from replicator.events import size_text
from replicator.masking import without_secrets
from replicator.model import Execute, Phase, Plan

OF_NO_SCHEMA = (Phase.STATISTICS, Phase.REFRESH, Phase.DATABASE)


def plan_as_lines(plan: Plan) -> Iterator[str]:
    """Yield a line a step: its number, phase and name, what it costs, after which steps it comes, and why it is so."""
    for loss in plan.losses:
        yield f"not held by the destination: {loss}"
    numbers = {step.name: number for number, step in enumerate(plan.steps, 1)}
    width = len(str(len(numbers)))
    for step in plan.steps:
        parts = [f"{numbers[step.name]:{width}} {step.phase}: {step.name}"]
        if step.cost:
            parts.append(size_text(step.cost))
        if step.needs:
            parts.append(f"after {ranges(numbers[need] for need in step.needs)}")
        yield events.one_line(", ".join(parts) + (f"; {step.reason}" if step.reason else ""))


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers in order, neighbours together.

    >>> ranges([7, 1, 3, 2, 9])
    '1-3, 7, 9'
    """
    ordered = sorted(numbers)
    if len(ordered) == 1:
        return str(ordered[0])
    spans: list[list[int]] = []
    for number in ordered:
        if spans and spans[-1][-1] == number - 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ", ".join("-".join(map(str, span)) for span in spans)


def plan_as_sql(plan: Plan) -> Iterator[str]:
    """Yield the schema's statements, as pg_dump -s: nothing of rows, nor of the database itself."""
    for loss in plan.losses:
        yield f"-- Not held by the destination: {events.one_line(str(loss))}"
    yield "SET search_path = '';\nSET check_function_bodies = off;"
    for step in plan.steps:
        if isinstance(step.work, Execute) and step.phase not in OF_NO_SCHEMA:
            yield from (f"{statement};" for statement in step.work.statements)


def plan_as_json(plan: Plan) -> str:
    """Return the steps as a list of objects; `needs` are names of other steps, `cost` is in bytes."""
    steps = [
        {
            "step": step.name,
            "phase": step.phase,
            "needs": sorted(step.needs),
            "cost": step.cost,
            "reason": step.reason,
            "statements": list(map(without_secrets, step.work.statements)) if isinstance(step.work, Execute) else [],
        }
        for step in plan.steps
    ]
    return json.dumps(steps, indent=2)
