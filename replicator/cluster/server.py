"""Roles, privileges on parameters and tablespaces missing on the destination: created on request, before the rest."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from psycopg import sql

from replicator.cluster.read import read, roles_of
from replicator.model import CreateTablespace, Execute, Finding, Phase, Plan, Step
from replicator.secrets import compared
from replicator.sessions.postgres import Connection, quoted
from replicator.settings import Content

PARAMETER_ACL_SINCE = 150000
IN_PLACE_SINCE = 150000
USED_TABLESPACES = """
SELECT DISTINCT s.spcname::text
  FROM pg_tablespace s
  JOIN pg_class c ON c.reltablespace = s.oid
 WHERE c.oid >= 16384
"""
ALL_TABLESPACES = "SELECT spcname::text FROM pg_tablespace WHERE spcname !~ '^pg_'"
# Reference: tablespace.c create_tablespace_directories. NULL: there is no such file.
LOCATION_STATE = """
SELECT (pg_stat_file(%(location)s, true)).isdir
     , (pg_stat_file(format('%%s/PG_%%s_%%s', %(location)s::text, current_setting('server_version_num')::int / 10000
                           , (SELECT catalog_version_no FROM pg_control_system())), true)).isdir
"""


def missing(source: Connection, destination: Connection, content: Content) -> tuple[list[Step], list[Finding]]:
    """Return the steps that create what the options ask for, in order, and what blocks them."""
    steps = roles(source, destination, content) if content.roles else []
    findings: list[Finding] = []
    if content.privileges:
        granting, findings = parameter_privileges(source, destination, content)
        steps += granting
    if content.tablespaces:
        rename = content.definition.rename
        used = [rename.tablespaces.get(row[0], row[0]) for row in source.execute(USED_TABLESPACES).fetchall()]
        creating, in_the_way = tablespaces(source, destination, content, used)
        steps += creating
        findings += in_the_way
    return steps, findings


def everything(source: Connection, destination: Connection, content: Content) -> tuple[list[Step], list[Finding]]:
    """Return the steps that create all roles and tablespaces that the destination lacks, and findings.

    What both servers have stays as it is; notes say where it differs. Reference: pg_dumpall.c main (18.6), -g.
    """
    steps: list[Step] = []
    findings: list[Finding] = []
    if content.roles:
        steps += roles(source, destination, content)
        granting, told = parameter_privileges(source, destination, content) if content.privileges else ([], [])
        steps += granting
        findings += told
        findings += _differing_roles(source, destination, content, {step.name for step in steps})
    if content.create_tablespaces:
        names = [row[0] for row in source.execute(ALL_TABLESPACES).fetchall()]
        creating, in_the_way = tablespaces(source, destination, content, names)
        steps += creating
        findings += [*in_the_way, *_differing_tablespaces(source, destination, content, names)]
    return steps, findings


def _differing_roles(
    source: Connection, destination: Connection, content: Content, created: Collection[str]
) -> Iterator[Finding]:
    """Yield notes about roles and memberships that differ, without passwords: a hash differs even for the same one."""
    major = min(source.info.server_version, destination.info.server_version) // 10000
    one, other = (
        {
            row.name: "; ".join(_wanted(row.statements, content))
            for row in read(conn, "role", authid=sql.Identifier("pg_roles"), major=major, there=[])
        }
        for conn in (source, destination)
    )
    yield from _differing(one, other, created)


def _differing_tablespaces(
    source: Connection, destination: Connection, content: Content, names: list[str]
) -> Iterator[Finding]:
    """Yield notes about tablespaces that both servers have, with other properties; they may be anywhere."""
    sides = (
        {
            f"tablespace {row.name}": "; ".join([*([f"owned by {row.owner}"] if content.owners else []),
                                                 *_wanted(row.then, content)])
            for row in read(conn, "tablespace", names=names, owned=True, privileged=content.privileges, user="")
        }
        for conn in (source, destination)
    )  # fmt: skip
    one, other = sides
    yield from _differing({name: said for name, said in one.items() if name in other}, other, ())


def _differing(
    source: Mapping[str, str], destination: Mapping[str, str], created: Collection[str]
) -> Iterator[Finding]:
    for name, said in source.items():
        if name not in created and said != destination.get(name):
            there = f"different: {compared(said, destination[name])}" if name in destination else f"missing: {said}"
            yield Finding(f"Not changed on the destination: {name} ({there}).", "", fatal=False)


def first(steps: Iterable[Step], plan: Plan) -> Plan:
    """Return a plan that begins with these steps, one after another; all others wait for the last of them."""
    before = list(steps)
    before[1:] = [replace(step, needs=frozenset({prior.name})) for prior, step in pairwise(before)]
    last = frozenset({before[-1].name}) if before else frozenset()
    return replace(plan, steps=(*before, *(s if s.needs else replace(s, needs=last) for s in plan.steps)))


def _wanted(statements: Iterable[str], content: Content) -> tuple[str, ...]:
    """Return the statements that the options do not exclude."""
    gone = [] if content.comments else ["COMMENT ON "]
    gone += [] if content.security_labels else ["SECURITY LABEL FOR "]
    return tuple(s for s in statements if not s.startswith(tuple(gone)))


def roles(source: Connection, destination: Connection, content: Content) -> list[Step]:
    """Return a step for each role missing on the destination, then for their memberships.

    Passwords are copied as hashes, if the source's pg_authid is readable. Grantors of memberships are not copied.
    """
    readable = source.execute("SELECT has_table_privilege('pg_authid', 'SELECT')").fetchall() == [(True,)]
    rows = read(
        source,
        "role",
        rename=content.definition.rename,
        authid=sql.SQL("pg_authid" if readable else "pg_roles"),
        major=min(source.info.server_version, destination.info.server_version) // 10000,
        there=sorted(roles_of(destination)),
    )
    return [Step(row.name, Phase.ROLES, Execute(_wanted(row.statements, content))) for row in rows]


def parameter_privileges(
    source: Connection, destination: Connection, content: Content
) -> tuple[list[Step], list[Finding]]:
    """Return steps for missing privileges on parameters; if roles are not copied, only a note about them.

    They belong to the server and refer to roles, so they are copied with those.
    """
    if source.info.server_version < PARAMETER_ACL_SINCE:
        return [], []
    known = destination.info.server_version >= PARAMETER_ACL_SINCE
    existing_privileges = {row.name: row.statements for row in read(destination, "parameter_acl")} if known else {}
    rows = read(source, "parameter_acl", rename=content.definition.rename)
    differing = [row for row in rows if existing_privileges.get(row.name) != row.statements]
    if content.roles and known:
        return [Step(row.name, Phase.ROLES, Execute(tuple(row.statements))) for row in differing], []
    existing = {"PUBLIC", *roles_of(destination)}
    concerned = [row.name for row in differing if content.roles or row.role in existing]
    why = "--roles copies them" if known else "the destination is older than PostgreSQL 15, which introduced them"
    return [], [Finding(f"Not copied: {', '.join(concerned)}: {why}.", "", fatal=False)] if concerned else []


def tablespaces(
    source: Connection, destination: Connection, content: Content, names: list[str]
) -> tuple[list[Step], list[Finding]]:
    """Return a step for each of these tablespaces that is missing on the destination, and what blocks it."""
    existing = {row[0] for row in destination.execute("SELECT spcname::text FROM pg_tablespace").fetchall()}
    absent = read(
        source,
        "tablespace",
        rename=content.definition.rename,
        names=sorted(set(names) - existing),
        owned=content.owners,
        privileged=content.privileges,
        user=destination.info.user,
    )
    if not content.create_tablespaces:
        return [], [
            Finding(
                f'Tablespace "{row.name}" does not exist on the destination, but the source stores tables or indexes in'
                " it.",
                "or clone with --tablespaces (creates it), or with --no-tablespaces.",
                object=f"tablespace {quoted(row.name)}",
                run=f"{row.create};",
            )
            for row in absent
        ]
    expected = roles_of(destination) | (roles_of(source, content.definition.rename) if content.roles else set())
    steps, findings = [], []
    for row in absent:
        if reason := _obstacle(destination, row.location):
            findings.append(
                Finding(
                    f'Tablespace "{row.name}" cannot be created on the destination: {reason}.',
                    "(as a superuser) or clone with --no-tablespaces.",
                    object=f"tablespace {quoted(row.name)}",
                    run=f"{row.create};",
                )
            )
        if content.owners and row.owner not in expected:
            findings.append(
                Finding(
                    f'Role "{row.owner}" does not exist on the destination, but owns tablespace "{row.name}" on the'
                    " source.",
                    "or clone with --roles, or with --no-owner.",
                    object=f"role {quoted(row.owner)}",
                    run=f"CREATE ROLE {quoted(row.owner)};",
                )
            )
        work = CreateTablespace(row.name, row.create, in_place=not row.location, then=_wanted(row.then, content))
        steps.append(Step(f"tablespace {row.name}", Phase.TABLESPACES, work))
    return steps, findings


def _obstacle(destination: Connection, location: str) -> str:
    """Return why a tablespace cannot be created there; "" if it can. CREATE TABLESPACE cannot be rolled back."""
    if destination.info.parameter_status("is_superuser") != "on":
        return "only a superuser may create tablespaces"
    if not location:
        old = destination.info.server_version < IN_PLACE_SINCE
        return "PostgreSQL supports in-place tablespaces from 15 on" if old else ""
    ((folder, in_use),) = destination.execute(LOCATION_STATE, {"location": location}).fetchall()
    if not folder:
        return f"its server has no folder {location}"
    return f"another server of this version uses {location} already" if in_use else ""


def create_tablespace(conn: Connection, work: CreateTablespace) -> None:
    """Create a tablespace unless it exists. The connection must not be in a transaction."""
    if conn.execute("SELECT FROM pg_tablespace WHERE spcname = %s", [work.name]).fetchall():
        return
    if work.in_place:
        conn.execute("SET allow_in_place_tablespaces = on")
    try:
        conn.execute(work.create)
    finally:
        if work.in_place:
            conn.execute("RESET allow_in_place_tablespaces")
