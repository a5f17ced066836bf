"""Whether a connection pooler stands in between: a session would not be one."""

from collections.abc import Iterator
from contextlib import ExitStack

from replicator import postgres
from replicator.model import Finding

SESSIONS = 2
LOOKS = 3


def check_direct(server: str, dsn: str) -> Iterator[Finding]:
    """Yield whether a session changes its backend between transactions, or shares it with another session."""
    with ExitStack() as stack:
        conns = [stack.enter_context(postgres.connect(dsn, application="probe")) for _ in range(SESSIONS)]
        looks = [[conn.execute("SELECT pg_backend_pid()").fetchall()[0][0] for conn in conns] for _ in range(LOOKS)]
    if len({tuple(pids) for pids in looks}) > 1 or len(set(looks[0])) < SESSIONS:
        yield Finding(
            f"A connection pooler stands before the {server}: what a session sets, locks or exports is lost with the"
            " end of each transaction.",
            "Connect to the server directly, or through a pool that gives each session a backend of its own.",
            object=server,
            server=server,
        )
