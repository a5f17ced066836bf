"""A copy of a database, from the first attempt to connect to the last check. Read this first: it is the whole story."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import psycopg

from replicator import events, journal, postgres, probe, roles, snapshot
from replicator.catalog import select
from replicator.catalog.read import read_catalog
from replicator.errors import Interrupted, PreflightFailed, ReplicatorError, StepFailed, VerificationFailed
from replicator.events import Emit
from replicator.executor import execute
from replicator.journal import Journal
from replicator.model import Catalog, Phase, Plan
from replicator.plan import make_plan
from replicator.postgres import Connection
from replicator.settings import Settings
from replicator.snapshot import Snapshot
from replicator.verify import Mismatch, SequenceValues, Side, verify
from replicator.work import Sessions, Workshop

LEFTOVERS = "The copy is unfinished: `status` tells more, `clean` empties the destination for another `clone`."


def clone(settings: Settings, emit: Emit) -> None:
    """Copy the source database into the empty destination, and verify the copy if the settings say so.

    Raises a ReplicatorError; from the first write on, the destination's journal says how far the copy got.
    """
    wait_for_both(settings, emit)
    with both_sides(settings) as sides:
        refuse_or_note(probe.check(sides.moment.holder, sides.keeper), emit)
        if not journal.hold(sides.keeper):
            raise PreflightFailed("Another clone into this destination is running.", hint="Wait for its end.")
        sides.moment.lock_tables()
        catalog = selected(read_catalog(sides.moment.holder), settings)
        refuse_or_note(probe.check_catalog(sides.moment.holder, sides.keeper, catalog, roles=settings.roles), emit)
        plan = make_plan(catalog)
        if settings.roles:
            plan = roles.first(roles.missing_roles(sides.moment.holder, sides.keeper), plan)
        emit(announcement(plan))
        record = Journal(plan)
        record.create(sides.keeper, postgres.describe(settings.source))
        with journaled(sides.keeper):
            workshop = Workshop(
                sides.source, sides.destination, sides.moment, sides.keeper, record, emit, owners=settings.owners
            )
            execute(plan.steps, workshop.run, jobs=settings.jobs, emit=emit, cancel=workshop.cancel)
            if unfinished := record.unfinished(sides.keeper):
                raise StepFailed(unfinished[0], "it is not in the journal, though nothing failed")
            if settings.verify:
                convict(compare(sides, catalog, settings, emit, workshop.sequence_values))
        journal.drop(sides.keeper)


def verify_copy(settings: Settings, emit: Emit) -> list[Mismatch]:
    """Compare the two databases as they are now. Returns the differences. Raises a ReplicatorError."""
    wait_for_both(settings, emit)
    with both_sides(settings) as sides:
        if status := journal.read_status(sides.keeper):
            emit(events.Note(f"The clone into the destination is unfinished: {status.done} of {status.steps} steps."))
            unfinished = [Mismatch("clone", f"unfinished, {status.done} of {status.steps} steps are done")]
        else:
            unfinished = []
        catalog = selected(read_catalog(sides.moment.holder), settings)
        return unfinished + compare(sides, catalog, settings, emit)


def plan_copy(settings: Settings, emit: Emit) -> Plan:
    """Return what a clone would do, from the source alone; nothing is written anywhere."""
    probe.wait("source", settings.source, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=emit)
    with snapshot.take(settings.source) as moment:
        moment.lock_tables()
        return make_plan(selected(read_catalog(moment.holder), settings))


@dataclass(frozen=True, slots=True)
class Sides:
    """Both databases, open. `keeper` is the connection for the journal; it holds the claim on the destination."""

    moment: Snapshot
    keeper: Connection
    source: Sessions
    destination: Sessions
    encoding: str


@contextmanager
def both_sides(settings: Settings) -> Iterator[Sides]:
    """Open all that a clone holds to its end: the source's snapshot, the journal's connection, a pool for each side."""
    with ExitStack() as stack:
        keeper = stack.enter_context(postgres.connect(settings.destination, application="journal"))
        moment = stack.enter_context(snapshot.take(settings.source))
        encoding = common_encoding(moment.holder, keeper)
        for conn in (keeper, moment.holder):
            conn.execute("SELECT set_config('client_encoding', %s, false)", [encoding])
        pools = [
            stack.enter_context(postgres.pool(dsn, settings.jobs, encoding=encoding, application="worker"))
            for dsn in (settings.source, settings.destination)
        ]
        yield Sides(moment, keeper, Sessions(pools[0], "source"), Sessions(pools[1], "destination"), encoding)


def common_encoding(source: Connection, destination: Connection) -> str:
    """Return the client_encoding for both ends: the source's own, so that it need not convert.

    SQL_ASCII's bytes mean nothing by themselves. Into UTF8 they go as what they must be, into SQL_ASCII as they are.
    """
    here, there = (str(conn.info.parameter_status("server_encoding")) for conn in (source, destination))
    if here == "SQL_ASCII" and there != "SQL_ASCII":
        return there
    return postgres.readable_encoding(here)


@contextmanager
def journaled(keeper: Connection) -> Iterator[None]:
    """Write into the journal how a run ended that did not end well."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        ended = Interrupted("Interrupted.") if isinstance(error, KeyboardInterrupt) else error
        state = {VerificationFailed: "differs", Interrupted: "interrupted"}.get(type(ended), "failed")
        with suppress(psycopg.Error):  # without this last word it is still unfinished
            journal.fail(keeper, state, postgres.one_line(ended))
        if isinstance(ended, ReplicatorError):
            ended.hint = f"{ended.hint or ''} {LEFTOVERS}".strip()
        if ended is error:
            raise
        raise ended from error


def wait_for_both(settings: Settings, emit: Emit) -> None:
    """Wait until both servers answer. Raises NotReady or ConnectionFailed."""
    for server, dsn in (("source", settings.source), ("destination", settings.destination)):
        probe.wait(server, dsn, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=emit)


def refuse_or_note(findings: list[probe.Finding], emit: Emit) -> None:
    """Raise PreflightFailed for what stands in the way, and mention the rest."""
    probe.refuse(findings)
    for finding in findings:
        emit(events.Note(f"{finding.text} {finding.hint}".strip()))


def selected(catalog: Catalog, settings: Settings) -> Catalog:
    """Leave out what the settings leave out."""
    if not settings.owners:
        catalog = select.without_owners(catalog)
    return catalog if settings.privileges else select.without_privileges(catalog)


def announcement(plan: Plan) -> events.Planned:
    """Return the event that says how much there is to do."""
    copied = sum(step.cost for step in plan.steps if step.phase in (Phase.DATA, Phase.LARGE_OBJECTS))
    return events.Planned(dict(Counter(step.phase for step in plan.steps)), copied)


def compare(
    sides: Sides, catalog: Catalog, settings: Settings, emit: Emit, sequence_values: SequenceValues | None = None
) -> list[Mismatch]:
    """Return the differences between the source, as it was in the snapshot, and the destination as it is."""
    with snapshot.take(settings.destination, sides.encoding) as now:
        there = selected(select.without_schema(read_catalog(now.holder), journal.SCHEMA), settings)
        one, other = Side(sides.source, sides.moment, catalog), Side(sides.destination, now, there)
        return verify(one, other, jobs=settings.jobs, emit=emit, sequence_values=sequence_values)


def convict(mismatches: list[Mismatch]) -> None:
    """Raise VerificationFailed with the differences, if there are any."""
    if mismatches:
        raise VerificationFailed(
            [str(mismatch) for mismatch in mismatches],
        )
