"""What a run goes on without: an object that the destination refuses, for its rows' sake or the user's code's.

All else is made, and the run ends as unfinished. What is not the object's own fault, a server that goes down or a disk
that is full, ends it at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import psycopg

from replicator.errors import Incomplete, StepFailed
from replicator.events import Note
from replicator.model import CopyTable, Execute, Phase, Step, shown
from replicator.sessions import failures
from replicator.sessions.setup import OUR_PATH, with_path
from replicator.work.copying import encoding

FORGONE = (
    *(Phase.SCHEMA, Phase.DATA, Phase.LARGE_OBJECTS, Phase.SEQUENCES),
    *(Phase.BUILD, Phase.STATISTICS, Phase.FINISH, Phase.REFRESH, Phase.DEFERRED),
)
"""The phases of which one step can be done without."""
NOT_ITS_OWN = ("25", "40", "53", "57", "58")
"""Classes of SQLSTATE: what is read-only, to be repeated, out of room, cancelled, failing to read its files.
08 is a foreign server's connection, ours has none."""
NO_LIBRARY = "58P01"
"""Of those the one that says that there is no such file: a function's library."""
VIOLATED = "23"
"""The class of SQLSTATE for rows that break a rule."""
OF_ROWS = (VIOLATED, "22", "P0", "21")
"""Those of what rows may bring about: values that do not do, what a function in PL/pgSQL raises, more than one row."""

NAMELESS = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidSchemaName,
)

LEFT_EMPTY = "--skip-failed-refresh leaves materialized views empty that cannot be refreshed."
NOT_VALID = "--foreign-keys not-valid adds foreign keys that the rows violate as NOT VALID."
MEND = "Correct the rows on the source; --resume compares these tables again."


def own_fault(error: psycopg.Error) -> bool:
    """Tell whether an error is about the very thing that was to be done, and others can be done without."""
    if error.sqlstate is None or failures.may_pass(error):
        return False
    return error.sqlstate == NO_LIBRARY or not error.sqlstate.startswith(NOT_ITS_OWN)


def may_be_refused(step: Step, error: StepFailed) -> bool:
    """Tell whether the others go on where this step failed so; else it ends the run."""
    cause = error.__cause__
    if step.phase not in FORGONE or step.indispensable or not isinstance(cause, psycopg.Error):
        return False
    on_the_source = "on the source" in getattr(cause, "__notes__", ()) and not isinstance(cause, encoding.UNFIT)
    return own_fault(cause) and not on_the_source


def instead(step: Step, error: StepFailed, path: Callable[[], str | None]) -> tuple[Step, Note] | None:
    """Return what to do in the place of a step that failed, and a note that says so; None where nothing helps.

    `path` tells the search_path of the source's database, if that can be asked.
    """
    if step.instead is not None and violated(error):
        lesser = replace(step, work=Execute(step.instead), instead=None)
        text = f"{shown(step.name)}: left NOT VALID, since rows violate it: {error.reason}"
        return lesser, Note(text, left_out=True)
    if nameless(step, error) and (wanted := path()):
        note = Note(relies(step.name, wanted))
        match step.work:
            case Execute(statements):
                return replace(step, work=Execute((with_path(wanted), *statements, OUR_PATH))), note
            case CopyTable():
                return replace(step, work=replace(step.work, path=wanted)), note
    return None


def relies(name: str, path: str) -> str:
    """Return what to say of something that is done with another search_path than this program's."""
    return f"{shown(name)}: done with search_path = {path}, which its functions rely on."


def nameless(step: Step, error: StepFailed) -> bool:
    """Tell whether a step failed for a name that a function has not found, which the database's own path may help."""
    has_path = isinstance(step.work, CopyTable) and step.work.path
    return isinstance(error.__cause__, NAMELESS) and isinstance(step.work, (Execute, CopyTable)) and not has_path


def violated(error: StepFailed) -> bool:
    """Tell whether it is the rows that break a rule."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(VIOLATED)


def may_be_of_rows(error: StepFailed) -> bool:
    """Tell whether another value in a row may help."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(OF_ROWS)


def incomplete(
    lost: Sequence[Step], refused: Mapping[str, StepFailed], *, rows_only: bool, appended: bool = False
) -> Incomplete | StepFailed:
    """Return the error that ends a run which did all but these steps. `rows_only`: the schema was there before.

    `appended`: rows, too, which nobody can tell apart from those that were copied.
    """
    if unknown := [step.name for step in lost if step.name not in refused]:
        return StepFailed(unknown[0], "it is missing from the journal, though nothing failed")
    hints = []
    errors = [refused[step.name] for step in lost]
    both = list(zip(lost, errors, strict=True))
    if not appended and any(may_be_of_rows(error) for error in errors):
        hints.append(MEND)
    keys = [error for step, error in both if step.kind == "foreign_key"]
    if not rows_only and any(violated(error) for error in keys):
        hints.append(NOT_VALID)
    if any(step.phase is Phase.REFRESH and error.__cause__ for step, error in both):
        hints.append(LEFT_EMPTY)
    own = dict.fromkeys(error.hint for error in errors if error.hint)
    itself = [str(error) for error in errors if error.__cause__]
    ended = Incomplete(itself, len(errors) - len(itself), hint=" ".join([*own, *hints]) or None)
    ended.__cause__ = next((error.__cause__ for error in errors if error.__cause__), None)
    return ended
