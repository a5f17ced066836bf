"""What a run goes on without: an object that the destination refuses, for its rows' sake or the user's code's.

All else is made, and the run ends as unfinished. What is not the object's own fault, a server that goes down or a disk
that is full, ends it at once.
"""

from collections.abc import Sequence
from dataclasses import replace

import psycopg

from replicator import postgres
from replicator.errors import Incomplete, StepFailed
from replicator.model import Execute, Phase, Step

AFTER_ROWS = (Phase.BUILD, Phase.STATISTICS, Phase.FINISH, Phase.REFRESH)
NOT_ITS_OWN = ("25", "40", "53", "57", "58")
"""Classes of SQLSTATE: what is read-only, to be repeated, out of room, cancelled, failing to read its files.
08 is a foreign server's connection, ours has none."""
NO_LIBRARY = "58P01"
VIOLATED = "23"
"""The class of SQLSTATE for rows that break a rule."""

LEFT_EMPTY = "With --skip-failed-refresh a view that cannot be filled is left empty."
NOT_VALID = "With `--foreign-keys not-valid` keys that the rows violate are added NOT VALID."
MEND = "Mend the rows on the source; --resume compares those tables with it again."


def own_fault(error: psycopg.Error) -> bool:
    """Tell whether an error is about the very thing that was to be done, and others can be done without."""
    state = error.sqlstate or NOT_ITS_OWN[0]
    return state == NO_LIBRARY or not (state.startswith(NOT_ITS_OWN) or postgres.may_pass(error))


def may_be_refused(step: Step, error: StepFailed) -> bool:
    """Tell whether the others go on where this step failed so; else it ends the run."""
    cause = error.__cause__
    if not (step.rounds or step.optional or step.phase in AFTER_ROWS) or not isinstance(cause, psycopg.Error):
        return False
    return own_fault(cause) and "on the source" not in getattr(cause, "__notes__", ())


def instead(step: Step, error: StepFailed) -> Step | None:
    """Return what to do in the place of a step that the rows violate, where that was agreed."""
    if step.instead is None or not violated(error):
        return None
    return replace(step, work=Execute(step.instead), instead=None)


def violated(error: StepFailed) -> bool:
    """Tell whether it is the rows that break a rule."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(VIOLATED)


def incomplete(refused: Sequence[tuple[Step, StepFailed]]) -> Incomplete:
    """Return the error that ends a run which did all but these steps."""
    hints = []
    errors = [error for _, error in refused]
    if any(violated(error) for error in errors):
        hints.append(MEND)
    if any(isinstance(error.__cause__, psycopg.errors.ForeignKeyViolation) for error in errors):
        hints.append(NOT_VALID)
    if any(step.phase is Phase.REFRESH and error.__cause__ for step, error in refused):
        hints.append(LEFT_EMPTY)
    own = dict.fromkeys(error.hint for error in errors if error.hint)
    itself = [str(error) for error in errors if error.__cause__]
    return Incomplete(itself, len(errors) - len(itself), hint=" ".join([*own, *hints]) or None)
