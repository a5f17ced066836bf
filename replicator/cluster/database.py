"""The database object: at the end it gets the source's database-level settings, owner, comment and privileges.

They are applied last, in the transaction that drops the journal: before that they could block the copy itself (a
connection limit, a preloaded library), and a copy without them is not complete.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from replicator import events
from replicator.cluster import frozen
from replicator.cluster.login import shut_out, unknown_role
from replicator.cluster.read import held, read, roles_of
from replicator.errors import StepFailed
from replicator.events import Emit
from replicator.model import Execute, Finding, Phase, Plan, Step
from replicator.secrets import compared
from replicator.sessions import failures, postgres
from replicator.sessions.failures import naming
from replicator.sessions.postgres import Connection
from replicator.settings import Settings
from replicator.settings.definition import NO_NAMES, Rename

OWNER = "database owner"


@dataclass(frozen=True, slots=True)
class Difference:
    """A property of the database on the source and on the destination, as statements for the latter; None if absent.

    `role` is the role that it refers to, `parameter` the parameter that it sets, if any.
    """

    name: str
    role: str | None
    parameter: str | None
    source: tuple[str, ...] | None
    destination: tuple[str, ...] | None

    def __str__(self) -> str:
        if self.destination is None:
            return "missing on the destination"
        if self.source is None:
            return "extra on the destination"
        one, other = ("; ".join(statements) for statements in (self.source, self.destination))
        return f"different: {compared(one, other)}"


def differences(source: Connection, destination: Connection, settings: Settings) -> list[Difference]:
    """Return all differences between the databases, except names and, unless the database is to be created, owners.

    Properties with roles or parameters that the destination does not know are skipped, which was reported before; with
    --downgrade, so are values that its version rejects.
    """
    found = _compared(source, destination, settings)
    found = [d for d in found if not _unknown(d, destination, roles_of(destination))]
    if settings.downgrade:
        steps = [Step(d.name, Phase.DATABASE, Execute(d.source)) for d in found if d.source and d.parameter]
        lost = {loss.what for loss in held(source, destination, steps)[1]}
        found = [d for d in found if d.name not in lost]
    return found


def missing(
    source: Connection,
    destination: Connection,
    settings: Settings,
    *,
    strangers: Collection[str] = (),
    absent: bool = False,
) -> tuple[list[Step], list[Finding]]:
    """Return the steps that give the destination database the source's properties, and findings about the others.

    Properties of the destination alone are kept, with a note. `strangers` are roles that this role may not act as,
    which was reported. `absent`: the destination does not exist yet; the connection is to another database there.
    """
    found = _compared(source, destination, settings, absent=absent)
    of_source = roles_of(source, settings.definition.rename)
    roles = roles_of(destination) | (of_source if settings.roles else set())
    unknown = {d.name: why for d in found if (why := _unknown_role(d, roles))}
    findings = [Finding(f"Not copied: {name}, since {why}.", "", fatal=False) for name, why in unknown.items()]
    findings += frozen.findings(properties(source, replace(settings, thaw=False)), settings)
    if own := [d.name for d in found if d.source is None]:
        findings.append(Finding(f"Kept, since only the destination has it: {', '.join(own)}.", "", fatal=False))
    untried = set(unknown)
    for d in found:
        if d.source and d.role and not d.parameter and d.role not in roles:
            untried.add(d.name)
            findings.append(
                Finding(
                    f'Role "{d.role}" does not exist on the destination, but the source\'s {d.name} needs it.',
                    "or clone with --roles, or with --no-owner and --no-acl.",
                    object=f"role {postgres.quoted(d.role)}",
                    run=f"CREATE ROLE {postgres.quoted(d.role)};",
                )
            )
        elif d.name == OWNER and d.role in strangers:
            untried.add(d.name)
        findings += unknown_role(d.name, d.source or (), of_source, roles)
    steps = [Step(d.name, Phase.DATABASE, Execute(d.source)) for d in found if d.source and d.name not in untried]
    return steps, findings


def apply(destination: Connection, steps: Iterable[Step], emit: Emit) -> None:
    """Run these steps one by one, in the connection's transaction. Raises StepFailed.

    Also raises it if the new settings would refuse every new session.
    """
    steps = list(steps)
    for step in steps:
        assert isinstance(step.work, Execute)
        emit(events.Started(step.name, step.phase, 0, 0))
        began = time.monotonic()
        with naming(step), failures.on("destination"):
            for statement in step.work.statements:
                destination.execute(statement)
        emit(events.Done(step.name, step.phase, 0, time.monotonic() - began, 0, 0))
    for step, parameter, reason in shut_out(destination, steps):
        raise StepFailed(step.name, f"nobody could connect to the copy: {parameter}: {reason}")


def planned(source: Connection, settings: Settings, plan: Plan) -> Plan:
    """Return a plan that ends with the properties of the database, as for a new destination."""
    name = postgres.database_name(settings.destination)
    rename = settings.definition.rename
    found = list(_properties(source, name, source.info.user, settings, rename).values())
    needs: set[str] = set()
    if found:
        needs = {step.name for step in plan.steps} - {need for step in plan.steps for need in step.needs}
    steps: list[Step] = []
    for row in found:
        work = Execute(tuple(row.statements))
        steps.append(Step(row.name, Phase.DATABASE, work, frozenset({steps[-1].name} if steps else needs)))
    return replace(plan, steps=(*plan.steps, *steps))


def _compared(
    source: Connection, destination: Connection, settings: Settings, *, absent: bool = False
) -> list[Difference]:
    ((name, owner),) = destination.execute(
        "SELECT datname::text, pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()"
    ).fetchall()
    if absent:
        name, owner = postgres.database_name(settings.destination), destination.info.user
    on_source = _properties(source, name, owner, settings, settings.definition.rename)
    on_destination = {} if absent else _properties(destination, name, owner, settings)
    return [
        Difference(
            key,
            row.role,
            row.parameter,
            tuple(on_source[key].statements) if key in on_source else None,
            tuple(on_destination[key].statements) if key in on_destination else None,
        )
        for key, row in {**on_destination, **on_source}.items()
        if key not in on_source
        or key not in on_destination
        or on_source[key].statements != on_destination[key].statements
    ]


def properties(conn: Connection, settings: Settings) -> list[tuple[str, tuple[str, ...]]]:
    """Return the properties of a connection's database: names, and statements for a database without a name."""
    return [(row.name, tuple(row.statements)) for row in _properties(conn, "", "", settings).values()]


def _properties(
    conn: Connection, name: str, owner: str, settings: Settings, rename: Rename = NO_NAMES
) -> dict[str, Any]:
    """Return the properties of a connection's database, as statements for one of this name and owner."""
    wanted = {
        "acl": settings.privileges,
        "owner": settings.create and settings.owners,
        "comment": settings.comments,
        "label": settings.security_labels,
    }
    rows = read(conn, "database_setting", rename=rename, name=name, owner=owner)
    return {
        row.name: row
        for row in rows
        if wanted.get(row.part, True) and frozen.is_copied(row.part, row.statements, settings)
    }


def _unknown_role(difference: Difference, roles: set[str]) -> str:
    if difference.parameter and difference.role and difference.role not in roles:
        return f'role "{difference.role}" does not exist on the destination'
    return ""


def _unknown(difference: Difference, destination: Connection, roles: set[str]) -> str:
    """Return which role or parameter of a difference the destination does not know; "" if it knows both."""
    if why := _unknown_role(difference, roles):
        return why
    if difference.parameter and "." not in difference.parameter:
        try:
            with destination.transaction():
                value = destination.execute("SELECT current_setting(%s, true)", [difference.parameter]).fetchall()
        except psycopg.errors.InsufficientPrivilege:  # to read it
            return ""
        return "" if value != [(None,)] else "the destination has no such parameter"
    return ""
