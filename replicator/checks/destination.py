"""Is the destination writable and empty, and can its encoding hold the source's text?"""

from collections.abc import Iterable

from replicator import journal
from replicator.checks.facts import Facts
from replicator.checks.source import check_logins
from replicator.journal import ownership
from replicator.model import Finding, shown
from replicator.sessions.postgres import Connection, quoted
from replicator.work import emptying

NOTHING_TO_RESUME = "There is no unfinished clone to resume. "


def check_destination(
    source_facts: Facts, facts: Facts, destination: Connection, *, resuming: bool = False, resume: bool = False
) -> list[Finding]:
    """Return what keeps a clone from writing into the destination.

    `resuming`: an earlier run left an unfinished copy, and this run continues it. `resume`: --resume was given.
    """
    findings = [*writable(facts), *_creatable(facts), *_encodings(source_facts, facts), *_standbys(destination)]
    findings += check_logins("destination", destination)
    if own := ownership.obstacle(destination):
        return [*findings, own]
    if not resuming:
        findings += list(_leftovers(destination)) or list(_occupied(destination, resume=resume))
    return findings


def same_database(source: Facts, destination: Facts, *, written: bool = True) -> list[Finding]:
    """Return a finding if both are the same database: any other advice would change the source.

    `written`: the destination will be written, so the source must not be its standby.
    """
    if (source.server, source.database) == (destination.server, destination.database):
        text = f'Source and destination are the same database ("{source.database}") on the same server.'
    elif written and source.standby and not destination.standby and _cluster(source) == _cluster(destination):
        text = (
            "The source is a standby of the destination server: whatever is written there is replicated to the source."
        )
    else:
        return []
    return [Finding(text, "Choose another destination database.")]


def _cluster(facts: Facts) -> tuple[str, str]:
    return facts.system, facts.database


def writable(destination: Facts) -> Iterable[Finding]:
    """Yield what keeps anybody from writing to the destination."""
    if destination.standby:
        yield Finding("The destination is a standby, which is read-only.", "Connect to the primary.")
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
            f'On the destination, role "{destination.user}" may not create schemas in database'
            f' "{destination.database}".',
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
            f"The destination waits for a synchronous standby at each commit, but none is connected ({names}).",
            "SELECT pg_reload_conf(); or start that standby.",
            object="synchronous_standby_names",
            run="ALTER SYSTEM SET synchronous_standby_names = '';",
        )


def _encodings(source: Facts, destination: Facts) -> Iterable[Finding]:
    if destination.encoding not in (source.encoding, "UTF8", "SQL_ASCII"):
        yield Finding(
            f"The destination's encoding, {destination.encoding}, cannot store all characters of the source's,"
            f" {source.encoding}.",
            f"Use another database: --create creates it, or CREATE DATABASE … ENCODING '{source.encoding}' TEMPLATE"
            " template0.",
        )
    yield from sorting(source, destination)


def sorting(source: Facts, destination: Facts) -> Iterable[Finding]:
    """Yield a warning if text sorts differently on the destination."""
    if source.collation != destination.collation:
        yield Finding(
            f"Text sorts by {source.collation} on the source, but by {destination.collation} on the destination.",
            "Queries may return rows in another order.",
            fatal=False,
        )


def _leftovers(destination: Connection) -> Iterable[Finding]:
    if status := journal.read_status(destination):
        unfinished = f"The destination holds an unfinished clone: {status.done} of {status.steps} steps are done."
        yield Finding(status.said if status.open else unfinished, status.way_on)


def _occupied(destination: Connection, *, resume: bool) -> Iterable[Finding]:
    rows = emptying.occupied(destination)
    if rows:
        more = " and more" if len(rows) > 5 else ""
        yield Finding(
            f"{NOTHING_TO_RESUME if resume else ''}The destination database {quoted(destination.info.dbname)} is not"
            f" empty: it has {', '.join(map(shown, rows[:5]))}{more}.",
            "Clone into a new database with --create; or replace this one with --replace swap (or --replace drop);"
            " or load rows into its tables with --data-only.",
        )
