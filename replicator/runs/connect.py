"""Wait for both servers, and refuse unsupported ones."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

from replicator import checks, events
from replicator.events import Emit
from replicator.model import Finding
from replicator.runs import create
from replicator.runs.endpoints import Opened
from replicator.sessions import postgres
from replicator.sessions.postgres import Connection
from replicator.settings import Servers, Settings


@contextmanager
def ready(settings: Settings, emit: Emit) -> Iterator[Opened]:
    """Wait until both databases accept connections; with --create, create the destination. Raises a ReplicatorError."""
    with create.created(settings, emit) if settings.create else nullcontext(), wait_for_both(settings, emit) as both:
        yield both


@contextmanager
def wait_for_both(servers: Servers, emit: Emit) -> Iterator[Opened]:
    """Wait until both servers answer. Raises NotReady, ConnectionFailed; PreflightFailed if one is unsupported."""
    opened = Opened()
    pooled: list[Finding] = []
    unknown: list[Finding] = []
    with ExitStack() as stack:
        for side, dsn, conns in (
            ("source", servers.source, opened.source),
            ("destination", servers.destination, opened.destination),
        ):
            conn, opened.facts[side], findings = stack.enter_context(answering(side, dsn, servers, emit))
            conns += conn, stack.enter_context(postgres.connect(dsn, application="probe"))
            pooled += checks.check_direct(side, dsn, *conns)
            unknown += findings
        checks.refuse(pooled)
        refuse_or_note(unknown, emit)
        yield opened


@contextmanager
def answering(
    side: str, dsn: str, servers: Servers, emit: Emit
) -> Iterator[tuple[Connection, checks.Facts, list[Finding]]]:
    """Wait until a server answers; yield its connection and facts, and findings if its version is unknown."""
    waited = checks.answering(side, dsn, attempts=servers.wait_attempts, delay=servers.wait_delay, emit=emit)
    with waited as (conn, facts):
        yield conn, facts, list(checks.check_known(side, conn, allowed=servers.allow_unknown_version))


def refuse_or_note(findings: Sequence[Finding], emit: Emit) -> None:
    """Raise PreflightFailed if a finding is fatal; emit the others as notes."""
    checks.refuse(findings)
    for finding in findings:
        emit(events.Note(f"{finding.text} {finding.remedy}".strip()))
