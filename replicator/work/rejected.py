"""Failures that do not end a run: the destination rejects an object because of its rows or the user's code.

Everything else is copied, and the run ends as unfinished. A failure that is not about the object itself, such as a
server shutdown or a full disk, ends the run at once.
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
"""The phases in which a run continues after a failed step."""
NOT_ITS_OWN = ("25", "40", "53", "57", "58")
"""Classes of SQLSTATE for errors that are not about the object: read-only, retry, resources, cancelled, I/O.
08 is not among them: it is the connection to a foreign server, a failure of ours has no SQLSTATE."""
NO_LIBRARY = "58P01"
"""The exception: a missing file, which is a function's library."""
VIOLATED = "23"
"""The class of SQLSTATE for rows that violate a constraint."""
OF_ROWS = (VIOLATED, "22", "P0", "21")
"""Classes that rows may cause: invalid values, errors raised by PL/pgSQL, more than one row."""

NAMELESS = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidSchemaName,
)

LEFT_EMPTY = "--skip-failed-refresh leaves materialized views empty that cannot be refreshed."
NOT_VALID = "--foreign-keys not-valid adds foreign keys that the rows violate as NOT VALID."
MEND = "Correct the rows on the source; --resume compares these tables again."
REFERRED = "Or run `clean`, which drops nothing here; then copy the tables that these rows refer to as well."
OR_DEFINITION = "If the definition is the cause, correct it and start over."


def own_fault(error: psycopg.Error) -> bool:
    """Return whether an error is about the step's own object, so that others can continue."""
    if error.sqlstate is None or failures.may_pass(error):
        return False
    return error.sqlstate == NO_LIBRARY or not error.sqlstate.startswith(NOT_ITS_OWN)


def may_be_refused(step: Step, error: StepFailed) -> bool:
    """Return whether the run continues after this failure."""
    cause = error.__cause__
    if step.phase not in FORGONE or step.indispensable or not isinstance(cause, psycopg.Error):
        return False
    on_the_source = "on the source" in getattr(cause, "__notes__", ()) and not isinstance(cause, encoding.UNFIT)
    return own_fault(cause) and not on_the_source


def instead(step: Step, error: StepFailed, path: Callable[[], str | None]) -> tuple[Step, Note] | None:
    """Return what to do in place of a failed step, with a note; None if nothing helps.

    `path` returns the search_path of the source database, if available.
    """
    if step.instead is not None and violated(error):
        lesser = replace(step, work=Execute(step.instead), instead=None)
        text = f"{shown(step.name)}: left NOT VALID, since rows violate it: {failures.violation(error.__cause__)}"
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
    """Return the note for a step that is done with another search_path than this program's."""
    return f"{shown(name)}: done with search_path = {path}, which its functions rely on."


def nameless(step: Step, error: StepFailed) -> bool:
    """Return whether a function did not find a name that the database's own search_path may find."""
    has_path = isinstance(step.work, CopyTable) and step.work.path
    return isinstance(error.__cause__, NAMELESS) and isinstance(step.work, (Execute, CopyTable)) and not has_path


def violated(error: StepFailed) -> bool:
    """Return whether rows violate a constraint."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(VIOLATED)


def may_be_of_rows(error: StepFailed) -> bool:
    """Return whether the failure may be caused by a value in a row."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(OF_ROWS)


def incomplete(
    lost: Sequence[Step],
    refused: Mapping[str, StepFailed],
    *,
    rows_only: bool,
    appended: bool = False,
    defined: bool = False,
) -> Incomplete | StepFailed:
    """Return the error that ends a run in which only these steps are left. `rows_only`: the schema existed before.

    `appended`: so did rows, which cannot be told apart from the copied ones. `defined`: a definition changes rows.
    """
    if unknown := [step.name for step in lost if step.name not in refused]:
        return StepFailed(unknown[0], "it is missing from the journal, though nothing failed")
    hints = []
    errors = [refused[step.name] for step in lost]
    both = list(zip(lost, errors, strict=True))
    if not appended and any(may_be_of_rows(error) for error in errors):
        hints += [MEND, OR_DEFINITION] if defined else [MEND]
    keys = [error for step, error in both if step.kind == "foreign_key" or step.name.startswith("check foreign_key ")]
    if rows_only and any(violated(error) for error in keys):
        hints.append(REFERRED)
    if not rows_only and any(violated(error) for error in keys):
        hints.append(NOT_VALID)
    if any(step.phase is Phase.REFRESH and error.__cause__ for step, error in both):
        hints.append(LEFT_EMPTY)
    own = dict.fromkeys(error.hint for error in errors if error.hint)
    itself = [str(error) for error in errors if error.__cause__]
    ended = Incomplete(itself, len(errors) - len(itself), hint=" ".join([*own, *hints]) or None)
    ended.__cause__ = next((error.__cause__ for error in errors if error.__cause__), None)
    return ended
