"""Is a connection pooler in between that shares backends among sessions?"""

from collections.abc import Iterator
from contextlib import ExitStack

from replicator.errors import Pooled
from replicator.model import Finding
from replicator.sessions import postgres, setup
from replicator.sessions.postgres import Connection


def check_direct(server: str, dsn: str, *opened: Connection) -> Iterator[Finding]:
    """Yield a finding if sessions share backends, even if each reports a backend of its own when it starts.

    `opened` are sessions that are open already.
    """
    with ExitStack() as stack:
        more = range(setup.SESSIONS - len(opened))
        conns = [*opened, *(stack.enter_context(postgres.connect(dsn, application="probe")) for _ in more)]
        shared = setup.share(conns)
    if shared:
        error = Pooled(f"the {server}")
        yield Finding(str(error), error.hint or "", object=server, server=server)
