"""Roles, which belong to the whole server: those that the destination lacks are made on request, before all else."""

from collections.abc import Iterable
from dataclasses import replace

from replicator.catalog.read import statement
from replicator.model import Execute, Phase, Plan, Step
from replicator.postgres import Connection


def missing_roles(source: Connection, destination: Connection) -> list[Step]:
    """Return a step for each role that the destination lacks, then for their memberships, each after the one before.

    Passwords travel as hashes, where the source's pg_authid may be read. Grantors of memberships do not.
    """
    there = [row[0] for row in destination.execute("SELECT rolname::text FROM pg_roles").fetchall()]
    readable = source.execute("SELECT has_table_privilege('pg_authid', 'SELECT')").fetchall() == [(True,)]
    major = min(source.info.server_version, destination.info.server_version) // 10000
    query = statement("roles", major).replace(b"<authid>", b"pg_authid" if readable else b"pg_roles")
    # The statement takes a parameter: its own percent signs, for format(), are doubled here and not there.
    query = query.replace(b"%", b"%%").replace(b"%%s::text[]", b"%s::text[]")
    steps: list[Step] = []
    for name, statements in source.execute(query, [there]).fetchall():
        needs = frozenset({steps[-1].name}) if steps else frozenset()
        steps.append(Step(name, Phase.ROLES, Execute(tuple(statements)), needs))
    return steps


def first(steps: Iterable[Step], plan: Plan) -> Plan:
    """Return a plan that begins with these steps: all others wait for the last of them."""
    before = tuple(steps)
    last = frozenset({before[-1].name}) if before else frozenset()
    return Plan((*before, *(step if step.needs else replace(step, needs=last) for step in plan.steps)))
