"""Whether the destination may be written, is empty, and can hold all text of the source."""

from collections.abc import Iterable

from replicator import journal
from replicator.checks.facts import Facts
from replicator.checks.source import check_logins
from replicator.journal import ownership
from replicator.model import Finding
from replicator.sessions.postgres import Connection, quoted
from replicator.work import emptying

NOTHING_TO_RESUME = "There is no unfinished clone to resume. "


def check_destination(
    here: Facts, there: Facts, destination: Connection, *, resuming: bool = False, resume: bool = False
) -> list[Finding]:
    """Return what keeps a clone from being written into the destination; the facts are the source's and its own.

    `resuming`: what an earlier run left is wanted, and there is such. `resume`: it was asked for.
    """
    findings = [*writable(there), *_creatable(there), *_encodings(here, there), *_standbys(destination)]
    findings += check_logins("destination", destination)
    if own := ownership.in_its_way(destination):
        return [*findings, own]
    if not resuming:
        findings += list(_leftovers(destination)) or list(_occupied(destination, resume=resume))
    return findings


def same_database(source: Facts, destination: Facts, *, written: bool = True) -> list[Finding]:
    """Return whether there is only one database: whatever else is told of the destination would change the source.

    `written`: the destination will be, which the source must not follow as its standby.
    """
    if (source.server, source.database) == (destination.server, destination.database):
        text = f'Source and destination are the same database, "{source.database}" of the same server.'
    elif written and source.standby and not destination.standby and _cluster(source) == _cluster(destination):
        text = "The source is a standby of the destination's server: what is written there comes into the source, too."
    else:
        return []
    return [Finding(text, "Name another database as the destination.")]


def _cluster(facts: Facts) -> tuple[str, str]:
    return facts.system, facts.database


def writable(destination: Facts) -> Iterable[Finding]:
    """Yield what keeps the destination from being written at all."""
    if destination.standby:
        yield Finding("The destination is a standby: nothing can be written to it.", "Connect to the primary.")
    elif destination.read_only:
        yield Finding(
            "The destination is read-only (default_transaction_read_only is on).",
            object="default_transaction_read_only",
            run=f"ALTER ROLE {quoted(destination.user)} IN DATABASE {quoted(destination.database)}"
            " SET default_transaction_read_only = off;",
        )


def _creatable(destination: Facts) -> Iterable[Finding]:
    if not (destination.standby or destination.read_only or destination.can_create):
        yield Finding(
            f'The role "{destination.user}" may not create schemas in the destination database.',
            run=f"GRANT CREATE ON DATABASE {quoted(destination.database)} TO {quoted(destination.user)};",
        )


NO_STANDBY = """
SELECT current_setting('synchronous_standby_names')
 WHERE current_setting('synchronous_standby_names') <> ''
   AND pg_has_role('pg_read_all_stats', 'USAGE')
   AND NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))"""


def _standbys(destination: Connection) -> Iterable[Finding]:
    for (names,) in destination.execute(NO_STANDBY).fetchall():
        yield Finding(
            f"The destination waits for a standby to confirm each commit, and none is connected: {names}.",
            "Then SELECT pg_reload_conf(); or start that standby.",
            object="synchronous_standby_names",
            run="ALTER SYSTEM SET synchronous_standby_names = '';",
        )


def _encodings(source: Facts, destination: Facts) -> Iterable[Finding]:
    if destination.encoding not in (source.encoding, "UTF8", "SQL_ASCII"):
        yield Finding(
            f"The destination's encoding {destination.encoding} cannot hold all that the source's"
            f" {source.encoding} can.",
            f"Create the destination with CREATE DATABASE … ENCODING '{source.encoding}' TEMPLATE template0.",
        )
    yield from sorting(source, destination)


def sorting(source: Facts, destination: Facts) -> Iterable[Finding]:
    """Yield a finding where text has another order on the destination."""
    if source.collation != destination.collation:
        yield Finding(
            f"Text is sorted by {source.collation} on the source and by {destination.collation} on the destination.",
            "Queries may order rows differently.",
            fatal=False,
        )


def _leftovers(destination: Connection) -> Iterable[Finding]:
    if status := journal.read_status(destination):
        unfinished = (
            f"An earlier clone into the destination did not finish: {status.done} of {status.steps} steps are done."
        )
        yield Finding(status.said if status.open else unfinished, status.way_on)


def _occupied(destination: Connection, *, resume: bool) -> Iterable[Finding]:
    rows = emptying.occupied(destination)
    if rows:
        more = " and more" if len(rows) > 5 else ""
        yield Finding(
            f"{NOTHING_TO_RESUME if resume else ''}The destination is not empty: it has {', '.join(rows[:5])}{more}.",
            "Name a new database, and give --create; or give --replace swap, which puts the copy into the place of"
            " what is there, or --data-only, which copies rows into tables that are there.",
        )
