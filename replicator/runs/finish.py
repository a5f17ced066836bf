"""The end of a copy: compare it with the source, then drop the journal in the transaction that completes the copy."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import psycopg

from replicator import events, journal
from replicator.cluster import database
from replicator.errors import ReplicatorError, StepFailed
from replicator.journal import crash, unfinished
from replicator.journal.run import read_given
from replicator.model import Plan
from replicator.runs import mark, swap
from replicator.runs.begin import Copy
from replicator.runs.compare import compare_databases, compared, raise_if_different
from replicator.runs.resume import as_of
from replicator.runs.run_steps import announcement
from replicator.sessions import postgres
from replicator.sessions.postgres import Connection
from replicator.shaping import renames

EMPTIED = "the server crashed right after it, which emptied unlogged tables"
STARTED = "SELECT pg_postmaster_start_time()"


def check(copy: Copy) -> bool:
    """Compare the copy with the source. Returns whether all of it could be compared. Raises VerificationFailed."""
    ends, settings, prepared = copy.ends, copy.settings, copy.prepared
    promised = prepared.catalog
    if settings.skip_failed_refresh:  # the views left empty were reported
        promised = replace(promised, populated=frozenset())
    given = read_given(copy.control())
    comparing = partial(
        compared,
        ends,
        promised,
        settings,
        copy.emit,
        given,
        compare_with=prepared.compare_with,
        other_schemas=prepared.kept_schemas,
        cloned=True,
    )
    with comparing(earlier=as_of.read_earlier(prepared, ends)) as found:
        raise_if_different(found.mismatches, unfinished.correct(copy.options, rows=bool(found.tables)))
        unproven = set(found.unproven)
        differing = as_of.unchanged(unproven, prepared, ends)
    if differing:
        with comparing(only=differing) as found:
            raise_if_different(found.mismatches, unfinished.correct(copy.options, rows=bool(found.tables)))
    if unproven:
        copy.emit(events.Note(as_of.not_verified(sorted(unproven))))
    return not unproven


@contextmanager
def undone_if_crashed(copy: Copy) -> Iterator[None]:
    """If the destination crashed during a comparison, its errors mean nothing: raise Undone instead."""
    try:
        yield
    except (ReplicatorError, psycopg.Error):
        copy.retried(lambda: copy.journal.check(copy.control()))
        raise


def finish(copy: Copy) -> None:
    """Apply the database-level settings and drop the journal, in one transaction.

    Raises Undone if the server crashed before. If the connection is lost during COMMIT, the transaction's number tells
    whether it committed.
    """
    prepared, settings = copy.prepared, copy.settings
    copy.retried(lambda: as_of.report_read_points(copy.control(), prepared.catalog, copy.emit))
    copy.retried(lambda: check_server(copy.control(), settings.destination))
    if prepared.end:
        copy.emit(announcement(Plan(tuple(prepared.end))))
    number: int | None = None

    def end() -> None:
        nonlocal number
        control = copy.control()
        if number and copy.journal.has_ended(control, number):
            new = renames.new_names(settings.definition.rename) if copy.mode.whole else str
            if emptied := crash.emptied(control, prepared.plan, new):
                hint = "Everything but their rows is complete. Run `clone --replace drop` to copy everything again."
                raise StepFailed("the last commit", f"{EMPTIED}: {', '.join(emptied)}", hint=hint)
            return
        with control.transaction():
            number = None
            copy.journal.check(control)
            renames.quietly(control)
            database.apply(control, prepared.end, copy.emit)
            if settings.verify and copy.mode.whole:
                differing = compare_databases(copy.ends, settings, extra=False)
                raise_if_different(differing, unfinished.correct(copy.options, rows=False))
            copy.journal.end(control)
            if copy.mode.whole:
                mark.put(control, settings, copy.emit)
            if copy.mode.swapped_in:
                swap.mark_complete(control, copy.ends.snapshot.holder)
            number = journal.transaction_number(control)

    copy.retried(end)


def check_server(control: Connection, dsn: str) -> None:
    """Check that new connections reach the server that has the copy. Raises StepFailed.

    After a standby was promoted, sessions on a surviving old primary notice nothing.
    """
    with postgres.connect(dsn, application="probe") as now:
        if now.execute(STARTED).fetchall() != control.execute(STARTED).fetchall():
            copied_to, now_at = postgres.connected_to(control), postgres.connected_to(now)
            reason = f"the copy went to {copied_to}, but the destination is now {now_at}: a standby was promoted"
            raise StepFailed(
                "the end", f"{reason}, and the old primary still accepts writes.", hint="Stop the old primary."
            )
