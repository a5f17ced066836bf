"""Whether the destination may be written, is empty, and can hold all text of the source."""

from collections.abc import Iterable

from replicator import journal, postgres
from replicator.postgres import Connection
from replicator.probe.facts import Facts
from replicator.probe.finding import Finding


def same(source: Facts, destination: Facts) -> Iterable[Finding]:
    """Yield whether both databases are one."""
    if (source.system, source.database) == (destination.system, destination.database):
        yield Finding(
            f'Source and destination are the same database, "{source.database}" of the same server.',
            "Name another database as the destination.",
        )


def state(destination: Facts) -> Iterable[Finding]:
    """Yield why nothing can be written."""
    if destination.standby:
        yield Finding("The destination is a standby: nothing can be written to it.", "Connect to the primary.")
    elif destination.read_only:
        yield Finding(
            "The destination is read-only (default_transaction_read_only is on).",
            "Turn it off for this role or database: ALTER DATABASE … SET default_transaction_read_only = off.",
        )
    elif not destination.can_create:
        yield Finding(
            f'The role "{destination.user}" may not create schemas in the destination database.',
            f'Run there: GRANT CREATE ON DATABASE "{destination.database}" TO "{destination.user}";',
        )


def encodings(source: Facts, destination: Facts) -> Iterable[Finding]:
    """Yield how text would suffer."""
    if destination.encoding not in (source.encoding, "UTF8", "SQL_ASCII"):
        yield Finding(
            f"The destination's encoding {destination.encoding} cannot hold all that the source's"
            f" {source.encoding} can.",
            f"Create the destination with CREATE DATABASE … ENCODING '{source.encoding}' TEMPLATE template0.",
        )
    if source.collation != destination.collation:
        yield Finding(
            f"Text is sorted by {source.collation} on the source and by {destination.collation} on the destination.",
            "Queries may order rows differently.",
            fatal=False,
        )


def leftovers(destination: Connection) -> Iterable[Finding]:
    """Yield what an earlier clone left."""
    if status := journal.read_status(destination):
        yield Finding(
            f"An earlier clone into the destination did not finish: {status.done} of {status.steps} steps are done.",
            "`clone --resume` finishes it; `status` tells more; `clean` removes what it left.",
        )


def occupied(destination: Connection) -> Iterable[Finding]:
    """Yield what is in the way in a database that should be empty."""
    rows = [row[0] for row in destination.execute(postgres.script("occupied")).fetchall()]
    if rows:
        more = " and more" if len(rows) > 5 else ""
        yield Finding(
            f"The destination is not empty: it has {', '.join(rows[:5])}{more}.",
            "Clone into a new database: CREATE DATABASE … TEMPLATE template0.",
        )
