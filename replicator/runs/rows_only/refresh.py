"""Refresh the destination's materialized views that depend on copied rows."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from replicator.comparing.sides import same_names
from replicator.events import listed
from replicator.model import Catalog, Execute, Finding, Phase, Step
from replicator.planning.refresh import refreshing
from replicator.runs.rows_only.match import Matched, MatchedTable


def to_refresh(
    rows: Iterable[Any], changed: Collection[str], source: Catalog, matched: Matched, *, user: str
) -> list[str]:
    """Return the materialized views to refresh, in dependency order; note those that `user` may not.

    `rows` are those of catalog/target_matviews.sql. A view populated on neither side is not refreshed.
    """
    views = list(rows)
    filled = [o.identity for o in source.objects if o.kind == "matview" and o.address in source.populated]
    populated = set(same_names(filled, [r.identity for r in views]).values())
    stale = [
        r
        for r in views
        if (r.populated or r.identity in populated) and (r.calls or any(name in changed for name in r.reads))
    ]
    if others := [r.identity for r in stale if not r.refreshable]:
        matched.findings.append(
            Finding(
                f'On the destination, role "{user}" may not refresh materialized views, which will not show the copied'
                f" rows: {listed(others)}.",
                "(afterwards, as their owner)",
                fatal=False,
                run=" ".join(f"REFRESH MATERIALIZED VIEW {name};" for name in others),
            )
        )
    return [r.identity for r in stale if r.refreshable]


def changed(targets: Iterable[MatchedTable], *, emptied: bool) -> set[str]:
    """Return the relations whose rows the copy changes."""
    return {name for target in targets if emptied or not target.table.empty for name in (target.name, target.top)}


def refresh_steps(names: Sequence[str], finished: frozenset[str], *, optional: bool) -> list[Step]:
    """Return the steps that refresh these, one after another."""
    steps: list[Step] = []
    for name in names:
        needs = finished | {step.name for step in steps[-1:]}
        steps.append(Step(f"refresh {name}", Phase.REFRESH, Execute(refreshing(name)), needs, optional=optional))
    return steps
