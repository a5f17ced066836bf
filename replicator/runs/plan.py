"""`plan`: report what a clone would do. Nothing is written."""

from contextlib import ExitStack
from dataclasses import replace

from replicator import checks, events
from replicator.catalog.choose import chosen
from replicator.catalog.read import read_catalog
from replicator.checks.supported import fitting
from replicator.cluster import database, server
from replicator.events import Emit
from replicator.model import Catalog, Plan, Statistics
from replicator.planning import make_plan
from replicator.planning.statistics import carried_into
from replicator.runs import resume
from replicator.runs.connect import answering, refuse_or_note, wait_for_both
from replicator.runs.endpoints import declared_encoding
from replicator.runs.reading import READING, read, uncollected
from replicator.sessions import postgres, snapshot
from replicator.sessions.postgres import Connection
from replicator.settings import Settings

TRYING = "Trying the schema on the destination"


def plan_copy(settings: Settings, emit: Emit) -> Plan:
    """Return what a clone would do. Nothing is written.

    If source and destination are the same, the plan assumes that the destination supports everything.
    """
    if settings.source != settings.destination:
        with wait_for_both(settings, emit):
            pass
    else:
        with answering("source", settings.source, settings, emit) as (*_, unknown):
            refuse_or_note(unknown, emit)
    declared = settings.source_encoding
    with ExitStack() as stack:
        destination = stack.enter_context(postgres.connect(settings.destination))
        if declared:
            with postgres.connect(settings.source) as source:
                alone = settings.source == settings.destination
                declared = declared_encoding(declared, source, None if alone else destination)
        moment = stack.enter_context(snapshot.take(settings.source, declared))
        with events.saying(emit, READING):
            moment.lock_tables(settings.lock_timeout)
            catalog, excluded = chosen(read(moment, destination), settings)
        encoding = "UTF8" if declared else str(moment.holder.info.parameter_status("server_encoding"))
        if settings.source == settings.destination:
            plan = replace(planned(catalog, destination, settings), excluded=excluded, encoding=encoding)
            return database.planned(moment.holder, settings, plan)
        first = server.roles(moment.holder, destination, settings)
        existing = {o.name for o in read_catalog(destination).objects}
        with events.saying(emit, TRYING):
            fit = fitting(destination, catalog, emit, first, existing, agreed=True)
        losses = (*fit.losses, *fit.forbidden)
        plan = planned(fit.catalog, destination, settings)
        plan = replace(plan, losses=losses, excluded=excluded, encoding=encoding)
        return database.planned(moment.holder, settings, plan)


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
