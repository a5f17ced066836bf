"""All errors, in one tree. A class's docstring is its default message.

ReplicatorError
├── NotReady             1   a server never answered in the time allowed
├── UsageError           2   the command line, the environment or the file is wrong
├── PreflightFailed      3   something stands in the way; nothing was written
│   └── Pooled           3   a connection pooler stands in between; nothing was set in its backends
├── ConnectionFailed     4   a server refuses for good: password, database, TLS
├── DependencyCycle      5   objects need one another and none can be made in two steps
├── StepFailed           6   a step of the plan failed; the journal tells what is done
├── Incomplete           6   all is done but for some objects, which the destination refused
├── SnapshotLost         6   all sessions that held a snapshot are gone
├── Undone               6   the destination's server crashed and may have lost some of what was done
├── ClaimLost            6   the destination's journal is gone, or another run's
├── RowsLost             6   a COPY brought another number of rows than was sent
├── ProtocolViolation    6   a server sent what cannot come at this point
├── SourceChanged        7   the source's schema changed while it was read
├── VerificationFailed   8   the two databases differ
├── ResultLost          74   all went well, but nobody can read what came of it
└── Interrupted        130   SIGINT or SIGTERM
"""

from collections.abc import Sequence

from replicator.events import NAMED
from replicator.model import Finding


class ReplicatorError(Exception):
    """The replicator failed."""

    exit_code = 1

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)
        self.hint = hint


class NotReady(ReplicatorError):
    """The server is not ready."""


class UsageError(ReplicatorError):
    """The command cannot be carried out as it was given."""

    exit_code = 2


class PreflightFailed(ReplicatorError):
    """Something stands in the way of a clone; nothing was written."""

    exit_code = 3

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, findings: Sequence[Finding] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.findings = findings


class Pooled(PreflightFailed):
    """A connection pooler stands before a server, and lends backends for no longer than a transaction."""

    def __init__(self, before: str) -> None:
        super().__init__(
            f"A connection pooler stands before {before}: what a session sets, locks or exports is lost with the end"
            " of each transaction.",
            hint="Connect to the server directly, or through a pool that gives each session a backend of its own.",
        )


class ConnectionFailed(ReplicatorError):
    """The server refuses the connection."""

    exit_code = 4


class DependencyCycle(ReplicatorError):
    """Objects need one another, and none of them can be made in two steps."""

    exit_code = 5


class StepFailed(ReplicatorError):
    """A step of the plan failed."""

    exit_code = 6

    def __init__(self, step: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{step} failed: {reason}", hint=hint)
        self.step = step
        self.reason = reason


class Incomplete(ReplicatorError):
    """All is done but for some objects, which the destination refused."""

    exit_code = 6

    def __init__(self, refused: Sequence[str], dependent: int, *, hint: str | None = None) -> None:
        shown = [text if text.endswith(".") else f"{text}." for text in refused[:NAMED]]
        more = [f"And {len(refused) - NAMED} more, see above."] if len(refused) > NAMED else []
        steps = "1 step" if len(refused) == 1 else f"{len(refused)} steps"
        needing = f" and {dependent} that need{'s' * (dependent == 1)} it" if dependent else ""
        super().__init__(" ".join([f"All is done but {steps}{needing}.", *shown, *more]), hint=hint)


class SnapshotLost(ReplicatorError):
    """All sessions that held a snapshot are gone, and with them the moment that was read."""

    exit_code = 6


class Undone(ReplicatorError):
    """The destination's server crashed, or another one took its place: some of what was done may be lost."""

    exit_code = 6


class ClaimLost(ReplicatorError):
    """The journal in the destination is gone, or belongs to another run: somebody resumed or cleaned up this one."""

    exit_code = 6


class RowsLost(ReplicatorError):
    """The destination did not take as many rows as the source sent."""

    exit_code = 6


class ProtocolViolation(ReplicatorError):
    """A server sent what cannot come at this point."""

    exit_code = 6


class SourceChanged(ReplicatorError):
    """The source's schema changed while it was read."""

    exit_code = 7


class VerificationFailed(ReplicatorError):
    """The two databases differ."""

    exit_code = 8

    def __init__(self, differences: Sequence[str], *, hint: str | None = None, names: Sequence[str] = ()) -> None:
        places = "1 place" if len(differences) == 1 else f"{len(differences)} places"
        super().__init__(f"The destination differs from the source in {places}.", hint=hint)
        self.differences = differences
        self.names = names


class ResultLost(ReplicatorError):
    """The result could not be written."""

    exit_code = 74  # EX_IOERR of sysexits.h


class Interrupted(ReplicatorError):
    """Interrupted."""

    exit_code = 130
