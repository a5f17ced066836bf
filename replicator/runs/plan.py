"""`plan`: report what a clone would do. Nothing is written."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from replicator import checks, events
from replicator.catalog import FACETS
from replicator.catalog.closure import ATTACHED
from replicator.catalog.read import read_catalog
from replicator.catalog.relations import relations
from replicator.checks.dry_run import Rehearsal
from replicator.checks.supported import fitting
from replicator.cluster import database, server
from replicator.events import Emit
from replicator.model import Catalog, Loss, Plan, Statistics
from replicator.planning import make_plan
from replicator.planning.statistics import carried_into
from replicator.runs import create, renaming, resume
from replicator.runs.connect import answering, refuse_or_note, wait_for_both
from replicator.runs.endpoints import declared_encoding
from replicator.runs.reading import READING, content, read, uncollected
from replicator.sessions import postgres, snapshot
from replicator.sessions.postgres import Connection
from replicator.settings import Settings
from replicator.shaping import Shaped

TRYING = "Trying the schema on the destination"


def plan_copy(settings: Settings, emit: Emit) -> Plan:
    """Return what a clone would do, without looking for what blocks it. Nothing is written.

    If source and destination are the same, or --create has to create the destination, the plan assumes that the
    destination supports everything.
    """
    alone = settings.source == settings.destination
    alone = alone or (settings.create and create.absent(settings, emit) is not None)
    if alone:
        with answering("source", settings.source, settings, emit) as (*_, unknown):
            refuse_or_note(unknown, emit)
    else:
        with wait_for_both(settings, emit):
            pass
    declared = settings.source_encoding
    with ExitStack() as stack:
        destination = stack.enter_context(postgres.connect(settings.source if alone else settings.destination))
        if declared:
            with postgres.connect(settings.source) as source:
                declared = declared_encoding(declared, source, None if alone else destination)
        moment = stack.enter_context(snapshot.take(settings.source, declared))
        with events.saying(emit, READING):
            chosen_relations = relations(moment.holder, settings)
            moment.lock_tables(settings.lock_timeout, only=chosen_relations and chosen_relations.to_lock)
            read_ = read(moment, destination, settings, settings.definition.rename)
            shaped = content(moment.holder, read_, settings, None if alone else destination)
        return plan_of(shaped, moment.holder, None if alone else destination, settings, emit)


def plan_of(
    shaped: Shaped,
    source: Connection,
    destination: Connection | None,
    settings: Settings,
    emit: Emit,
    tried: Rehearsal | None = None,
) -> Plan:
    """Return the plan for what was selected of the source's catalog, and what was left out of it.

    `destination`: None if it cannot be asked what it supports. `tried`: the result of a dry run that was complete.
    """
    catalog, excluded, found = shaped
    refuse_or_note(found, emit)
    losses: Sequence[Loss] = ()
    if destination:
        existing = {o.name for o in read_catalog(destination).objects}
        first = server.roles(source, destination, settings)
        with events.saying(emit, TRYING):
            fit = fitting(destination, catalog, emit, first, existing, then=tried, agreed=True)
        catalog, losses = fit.catalog, (*fit.losses, *fit.forbidden)
    encoding, read_as = (str(source.info.parameter_status(f"{of}_encoding")) for of in ("server", "client"))
    if settings.source_encoding or read_as != postgres.readable_encoding(encoding):
        encoding = "UTF8"  # the bytes of a SQL_ASCII source were read as text
    plan = planned(catalog, destination or source, settings)
    plan = replace(plan, losses=losses, excluded=excluded, along=_along(catalog), encoding=encoding)
    last = renaming.steps(source, destination or source, catalog, settings.definition.rename)
    return database.planned(source, settings, renaming.planned(plan, last))


def _along(catalog: Catalog) -> dict[str, str]:
    hidden = FACETS | ATTACHED
    objects = (o for o in catalog.objects if o.kind not in hidden)
    return {o.name: catalog.along[o.address] for o in objects if o.address in catalog.along}


@uncollected()
def planned(
    catalog: Catalog, destination: Connection, settings: Settings, previous: resume.PreviousRun | None = None
) -> Plan:
    """Return the plan for these settings; a resumed run splits tables as the earlier run did."""
    return make_plan(
        carried_into(catalog, destination.info.server_version),
        statistics_for(destination, settings),
        format=settings.format,
        jobs=settings.lanes["copy"],
        split_larger_than=settings.split_larger_than,
        parts=resume.earlier_parts(previous, catalog) if previous else None,
        skip_failed_refresh=settings.skip_failed_refresh,
        keys_not_valid=settings.foreign_keys == "not-valid",
        collates=checks.read_facts(destination).collates,
        defer=settings.deferral,
    )


def statistics_for(destination: Connection, settings: Settings) -> Statistics:
    """Return how to get planner statistics; by default from the source, if the destination can import them."""
    can = destination.info.server_version >= checks.STATISTICS_SINCE
    return settings.statistics or (Statistics.TRANSFER if can else Statistics.ANALYZE)
