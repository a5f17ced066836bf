"""Errors of a step: what a server said, with the name of the step that it befell."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from replicator.errors import ReplicatorError, SourceChanged, StepFailed, Undone
from replicator.model import Step
from replicator.sessions import postgres
from replicator.sessions.postgres import one_line


@contextmanager
def naming(step: Step) -> Iterator[None]:
    """Say in every error which step it befell."""
    try:
        yield
    except (StepFailed, Undone, SourceChanged):
        raise
    except (psycopg.Error, ReplicatorError, OSError) as error:
        raise StepFailed(step.name, one_line(error), hint=_hint(error)) from error


def _hint(error: Exception) -> str | None:
    return error.hint if isinstance(error, ReplicatorError) else postgres.remedy(error)
