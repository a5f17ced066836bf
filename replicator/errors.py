"""All errors, in one tree. The docstring of a class is its default message.

ReplicatorError
├── NotReady             1   a server did not answer in the time allowed
├── UsageError           2   the command line, the environment or the file is wrong
├── PreflightFailed      3   something blocks the clone; nothing was written
│   └── Pooled           3   a connection pooler in transaction mode; nothing was set in its backends
├── ConnectionFailed     4   a server refuses the connection, and retrying cannot help: password, database, TLS
├── DependencyCycle      5   objects depend on one another, and none can be created in two steps
├── StepFailed           6   a step of the plan failed; the journal records what is done
├── Incomplete           6   some steps failed and were skipped; everything else is done
├── SnapshotLost         6   all sessions that held a snapshot ended
├── Undone               6   the destination server crashed and may have lost committed work
├── ClaimLost            6   the destination's journal was removed, or belongs to another run
├── RowsLost             6   a COPY stored another number of rows than were sent
├── ProtocolViolation    6   a server sent a message that the protocol does not allow here
├── SourceChanged        7   the source changed while it was read, in a way that matters
├── VerificationFailed   8   the two databases differ
├── SomeFailed    the worst  some of several databases were not copied
├── ResultLost          74   the command succeeded, but its result could not be written
└── Interrupted        130   SIGINT, SIGTERM or SIGHUP
"""

from collections.abc import Sequence
from typing import Any

from replicator.events import NAMED, counted
from replicator.model import Finding, shown


class ReplicatorError(Exception):
    """The command failed."""

    exit_code = 1

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle what it says: what it was made of may be gone by then."""
        return _unpickled, (type(self), self.args, vars(self))


def _unpickled(kind: type[ReplicatorError], args: tuple[object, ...], attributes: dict[str, object]) -> ReplicatorError:
    error = kind.__new__(kind, *args)
    vars(error).update(attributes)
    return error


class NotReady(ReplicatorError):
    """The server did not answer."""


class UsageError(ReplicatorError):
    """The command line is wrong."""

    exit_code = 2


class PreflightFailed(ReplicatorError):
    """Something blocks the clone; nothing was written."""

    exit_code = 3

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, findings: Sequence[Finding] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.findings = findings


class Pooled(PreflightFailed):
    """A server is behind a connection pooler in transaction mode."""

    def __init__(self, server: str) -> None:
        super().__init__(
            f"{server[:1].upper()}{server[1:]} is behind a connection pooler in transaction mode, where settings, locks"
            " and exported snapshots end with each transaction.",
            hint="Connect to the server directly, or through a pool in session mode.",
        )


class ConnectionFailed(ReplicatorError):
    """The server refuses connections."""

    exit_code = 4


class DependencyCycle(ReplicatorError):
    """Objects depend on one another, and none of them can be created in two steps."""

    exit_code = 5


class StepFailed(ReplicatorError):
    """A step of the plan failed."""

    exit_code = 6

    def __init__(self, step: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{shown(step)} failed: {reason}", hint=hint)
        self.step = step
        self.reason = reason


class Incomplete(ReplicatorError):
    """Some steps failed; everything else is done."""

    exit_code = 6

    def __init__(self, refused: Sequence[str], dependent: int, *, hint: str | None = None) -> None:
        named = [text if text.endswith(".") else f"{text}." for text in refused[:NAMED]]
        more = [f"{len(refused) - NAMED} more are listed above."] if len(refused) > NAMED else []
        needing = f" and {dependent:,} that depend{'s' * (dependent == 1)} on them" if dependent else ""
        needing = needing.removesuffix("them") + "it" if needing and len(refused) == 1 else needing
        super().__init__(
            " ".join([f"Everything is done except {counted(len(refused), 'step')}{needing}.", *named, *more]), hint=hint
        )


class SnapshotLost(ReplicatorError):
    """Lost all sessions that held the snapshot."""

    exit_code = 6


class Undone(ReplicatorError):
    """The destination server crashed or was replaced; committed work may be lost."""

    exit_code = 6


class ClaimLost(ReplicatorError):
    """The journal on the destination was removed or taken over: somebody resumed or cleaned up this run."""

    exit_code = 6


class RowsLost(ReplicatorError):
    """The destination stored another number of rows than the source sent."""

    exit_code = 6


class ProtocolViolation(ReplicatorError):
    """A server sent an unexpected message."""

    exit_code = 6


class SourceChanged(ReplicatorError):
    """The source changed while it was read."""

    exit_code = 7


class VerificationFailed(ReplicatorError):
    """The two databases differ."""

    exit_code = 8

    def __init__(self, differences: Sequence[str], *, hint: str | None = None, names: Sequence[str] = ()) -> None:
        places = "1 place" if len(differences) == 1 else f"{len(differences)} places"
        super().__init__(f"The destination differs from the source in {places}.", hint=hint)
        self.differences = differences
        self.names = names


class SomeFailed(ReplicatorError):
    """Some of several databases were not copied."""

    exit_code = 6
    results: Sequence[Any] = ()
    """What became of each database. The error's own `exit_code` is the worst of theirs."""


class ResultLost(ReplicatorError):
    """The result could not be written."""

    exit_code = 74  # EX_IOERR of sysexits.h


class Interrupted(ReplicatorError):
    """Interrupted."""

    exit_code = 130
    results: Sequence[Any] = ()
    """Of a command for all databases: what became of each."""
