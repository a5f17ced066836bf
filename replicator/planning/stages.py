"""The stages of a plan, in its order, and which stages each of them waits for as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from replicator.model import Step


class Stage(StrEnum):
    """Steps that come at the same time, or one after another."""

    SCHEMA = "schema"
    ROWS = "rows"
    BUILD = "build"
    STATISTICS = "statistics"
    FINISH = "finish"
    VIEW_KEYS = "unique indexes on views"
    REFRESH = "refresh"
    VIEW_BUILD = "build on views"
    VIEW_STATISTICS = "statistics of views"
    VIEW_FINISH = "finish on views"


WAITS_FOR: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.SCHEMA: (),
    Stage.ROWS: (Stage.SCHEMA,),
    Stage.BUILD: (Stage.SCHEMA,),
    Stage.STATISTICS: (),
    Stage.FINISH: (Stage.SCHEMA, Stage.ROWS, Stage.BUILD, Stage.STATISTICS),
    Stage.VIEW_KEYS: (Stage.SCHEMA,),
    Stage.REFRESH: (Stage.FINISH, Stage.VIEW_KEYS),
    Stage.VIEW_BUILD: (Stage.SCHEMA,),
    Stage.VIEW_STATISTICS: (Stage.VIEW_KEYS, Stage.REFRESH, Stage.VIEW_BUILD),
    Stage.VIEW_FINISH: (Stage.FINISH, Stage.VIEW_KEYS, Stage.REFRESH, Stage.VIEW_BUILD),
}
"""Each stage, in the order of the plan, and the stages that must be complete before any of its steps begins.

Beside that, a step waits for single steps: an index for its table's rows.
"""
CHAINS = frozenset({Stage.SCHEMA, Stage.FINISH, Stage.VIEW_FINISH})
"""The stages whose steps go one after another: they take milliseconds and would only wait for one another's locks."""


class Staged:
    """The steps of a plan by stage."""

    def __init__(self) -> None:
        self._steps: dict[Stage, list[Step]] = {stage: [] for stage in WAITS_FOR}

    def __getitem__(self, stage: Stage) -> list[Step]:
        return self._steps[stage]

    def __setitem__(self, stage: Stage, steps: Iterable[Step]) -> None:
        self._steps[stage] = list(steps)

    def names(self, *stages: Stage) -> frozenset[str]:
        """Return the names of these stages' steps."""
        return frozenset(step.name for stage in stages for step in self[stage])

    def before(self, stage: Stage) -> frozenset[str]:
        """Return the steps that every step of a stage waits for, the first one alone if the stage is a chain."""
        return frozenset().union(*(self._end(earlier) for earlier in WAITS_FOR[stage]))

    def _end(self, stage: Stage) -> frozenset[str]:
        """Return the steps after which a stage is complete. A chain without steps ends where it would begin."""
        if stage in CHAINS:
            return frozenset({self[stage][-1].name}) if self[stage] else self.before(stage)
        return self.names(stage)

    @property
    def steps(self) -> Sequence[Step]:
        """All steps, in the order of the stages."""
        return [step for steps in self._steps.values() for step in steps]


def drawn() -> str:
    """Return the table of stages, as the docstring of this package shows it."""
    width = max(map(len, WAITS_FOR)) + 2
    return "\n".join(
        f"    {stage:{width}}{', '.join(earlier) or '-'}{' (a chain)' if stage in CHAINS else ''}"
        for stage, earlier in WAITS_FOR.items()
    )
