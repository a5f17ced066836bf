"""The database itself: it is made if that is wanted, and in the end gets what is said of it on the source.

Its settings come last, in the transaction in which the journal goes: until then they could stand in the copy's own way
(a limit of connections, a library to preload), and a copy is complete with them or is not complete.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import conninfo, sql

from replicator import events, postgres, probe
from replicator.errors import ConnectionFailed, PreflightFailed, StepFailed
from replicator.events import Emit
from replicator.globals import freezing, held, read, roles_of
from replicator.globals.entry import shut_out, unknown_role
from replicator.globals.server import create_tablespace, tablespaces
from replicator.masking import compared
from replicator.model import CreateTablespace, Execute, Finding, Phase, Plan, Step
from replicator.postgres import Connection
from replicator.probe.destination import writable
from replicator.safe import pid_of
from replicator.settings import Settings
from replicator.work import naming

MAINTENANCE = ("postgres", "template1")
"""Where to connect to while the database itself is not there."""
IN_THERE = ("database ", "extension ", "collation ")
"""How the objects of findings begin whose statements need the destination database."""
OWNER = "database owner"
MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
DATABASE_OID = "SELECT oid::bigint FROM pg_database WHERE datname = %s"
LEAVING_SECONDS = 5.0  # as long as DROP DATABASE waits for sessions that are about to end
OTHERS = "SELECT FROM pg_stat_activity WHERE datid = %s AND pid <> %s AND usesysid IS NOT NULL"


@contextmanager
def created(settings: Settings, emit: Emit) -> Iterator[None]:
    """Make the destination database as the source's is, unless it is there.

    Where the run ends before anything was cloned into it, it goes away again. Raises PreflightFailed.
    """
    made: list[str] = []
    oid, create = 0, ""
    dsn = _maintenance(settings, emit)
    try:
        if dsn:
            with postgres.connect(settings.source) as source, postgres.connect(dsn) as conn:
                name = postgres.database_name(settings.destination)
                if not _is_there(conn, name):
                    create, steps, findings = _wanted(source, conn, name, settings)
                    probe.refuse(probe.once(findings))
                    for what in _create(conn, name, create, steps):
                        made.append(what)
                    emit(events.Note(f'Created the database "{name}" on the destination.'))
                    ((oid,),) = conn.execute(DATABASE_OID, [name]).fetchall()
        yield
    except BaseException as error:
        if dsn and made:
            # What cannot be dropped, since somebody uses it by now, stays.
            with suppress(psycopg.Error), postgres.connect(dsn) as conn, _barred(conn, settings.destination, oid):
                for what in reversed(made):
                    conn.execute(f"DROP {what}")
                    emit(events.Note(f"Dropped again: {what}."))
                if isinstance(error, PreflightFailed):
                    again = f"{create} OWNER {postgres.quoted(conn.info.user)}"
                    probe.refuse(_first_made(error.findings, again))
        raise


def _first_made(findings: Sequence[Finding], create: str) -> Sequence[Finding]:
    """Return what stands in the way of a clone into a database that is gone again, with the statement that makes it.

    That comes first, where one of the others is to be run in that database or says something of it.
    """
    if not any(f.fatal and f.run and f.server == "destination" and f.object.startswith(IN_THERE) for f in findings):
        return findings
    gone = "The database was dropped again: what is to be run in it, or is about it, needs it first."
    return [Finding(gone, "(`clone` uses it then)", object="the database", run=f"{create};"), *findings]


def _is_there(conn: Connection, name: str) -> bool:
    """Tell whether a database exists. Raises PreflightFailed where nobody can ever connect to it."""
    found = conn.execute("SELECT datconnlimit = -2 FROM pg_database WHERE datname = %s", [name]).fetchall()
    if found == [(True,)]:
        invalid = f'The destination database "{name}" is invalid: a DROP DATABASE was interrupted, nobody can connect.'
        probe.refuse([Finding(invalid, object=f"database {name}", run=f"DROP DATABASE {postgres.quoted(name)};")])
    return bool(found)


@contextmanager
def _barred(conn: Connection, dsn: str, oid: int) -> Iterator[None]:
    """Keep all out of the database that was made, if one was, so that it can be dropped; where it stays, let them in.

    Raises NotSupportedError where it is in use: it must be the one of this OID, nobody may be in it, and neither a
    clone nor anybody else have written into it.
    """
    if not oid:
        yield
        return
    with postgres.connect(dsn) as inside:
        name = postgres.quoted(inside.info.dbname)
        inside.execute("SET max_parallel_workers_per_gather = 0")  # they could not come in
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            ours = conn.execute(DATABASE_OID, [inside.info.dbname]).fetchall() == [(oid,)]
            until = time.monotonic() + LEAVING_SECONDS
            while (others := conn.execute(OTHERS, [oid, pid_of(inside)]).fetchall()) and time.monotonic() < until:
                time.sleep(0.05)
            if others or not ours or inside.execute(postgres.script("occupied")).fetchall():
                raise psycopg.NotSupportedError(f"{name} is in use")
            inside.close()
            yield
        finally:
            with suppress(psycopg.Error):  # mostly it is gone
                conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _maintenance(settings: Settings, emit: Emit) -> str | None:
    """Wait for both servers and return how to connect to the destination's; None where its database is there."""
    _wait("source", settings.source, settings, emit)
    try:
        postgres.connect(settings.destination, application="probe").close()
        return None
    except psycopg.OperationalError:
        return maintenance(settings, emit)


def absent(settings: Settings, emit: Emit) -> str | None:
    """Wait for both servers and return how to connect to the destination's; None where its database is there."""
    if dsn := _maintenance(settings, emit):
        with postgres.connect(dsn, application="probe") as conn:
            return None if _is_there(conn, postgres.database_name(settings.destination)) else dsn
    return None


def as_created(source: probe.Facts, server: probe.Facts, settings: Settings) -> probe.Facts:
    """Return what the destination will be, on a server of which another database's facts are known."""
    name = postgres.database_name(settings.destination)
    encoding = "UTF8" if settings.source_encoding else source.encoding
    return replace(server, database=name, oid=0, size=0, encoding=encoding, collation=source.collation)


def check_creation(source: Connection, conn: Connection, settings: Settings) -> list[Finding]:
    """Return what keeps the destination database from being made on a server, and what cannot be told before it is."""
    name = postgres.database_name(settings.destination)
    _, _, findings = _wanted(source, conn, name, settings)
    not_told = (
        f'The database "{name}" is not there: `clone --create` makes it and tries the schema there before it copies,'
        " which `probe` cannot."
    )
    return [*findings, Finding(not_told, fatal=False, object=f"database {postgres.quoted(name)}")]


def check_creator(conn: Connection, instead: str = "") -> Iterator[Finding]:
    """Yield whether this role may not create databases; `instead` is what else helps."""
    user = conn.info.user
    if conn.execute(MAY_CREATE).fetchall() != [(True,)]:
        yield Finding(
            f'The role "{user}" may not create databases on the destination.',
            instead,
            object=f"role {postgres.quoted(user)}",
            run=f"ALTER ROLE {postgres.quoted(user)} CREATEDB;",
        )


def maintenance(settings: Settings, emit: Emit) -> str:
    """Wait for the destination's server and return how to connect to it, in another database than the destination."""
    name = postgres.database_name(settings.destination)
    first, *others = (conninfo.make_conninfo(settings.destination, dbname=n) for n in MAINTENANCE if n != name)
    try:
        return _wait("destination", first, settings, emit)
    except ConnectionFailed:
        for other in others:
            with suppress(ConnectionFailed):
                return _wait("destination", other, settings, emit)
        raise


def _wait(server: str, dsn: str, settings: Settings, emit: Emit) -> str:
    def waiting(event: events.Event) -> None:
        if not isinstance(event, events.Ready):  # that comes when the databases are
            emit(event)

    probe.wait(server, dsn, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=waiting)
    return dsn


def _create(conn: Connection, name: str, create: str, steps: Iterable[Step]) -> Iterator[str]:
    """Create the database, and its tablespace if that is wanted. Yields what is made, as DROP calls it."""
    for step in steps:
        if isinstance(step.work, CreateTablespace):
            with _refusing(step.name):
                create_tablespace(conn, step.work)
                yield _dropped("TABLESPACE", step.work.name, conn)
                for statement in step.work.then:
                    conn.execute(statement)
    with _refusing(f'database "{name}"'):
        conn.execute(create)
    yield _dropped("DATABASE", name, conn)


def _wanted(
    source: Connection, conn: Connection, name: str, settings: Settings
) -> tuple[str, list[Step], list[Finding]]:
    """Return the statement that makes the database, the steps before it, and what stands in the way."""
    major = conn.info.server_version // 10000
    (wanted,) = read(source, "database", name=name, there=major, placed=settings.tablespaces)
    findings = [*writable(probe.read_facts(conn)), *check_creator(conn)]
    if major < wanted.since:
        findings.append(
            Finding(
                f"The source database has {wanted.feature}, which a PostgreSQL {major} server cannot hold.",
                f"Clone into PostgreSQL {wanted.since} or newer, or create the destination database by hand.",
            )
        )
    steps, in_the_way = tablespaces(source, conn, settings, [wanted.tablespace] if wanted.tablespace else [])
    create = wanted.create
    if settings.source_encoding:  # the bytes are to become text
        create = create.replace(" TEMPLATE template0 ENCODING 'SQL_ASCII'", " TEMPLATE template0 ENCODING 'UTF8'")
    return create, steps, [*findings, *in_the_way]


def _dropped(word: str, name: str, conn: Connection) -> str:
    return f"{word} {sql.Identifier(name).as_string(conn)}"


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    try:
        yield
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation) as error:
        raise PreflightFailed(f"Another session has just created the {what}.", hint="Is a clone running?") from error
    except psycopg.DatabaseError as error:
        if postgres.may_pass(error):
            failed = f"The {what} was not created on the destination: {postgres.one_line(error)}"
            raise ConnectionFailed(failed, hint="Give the same command again.") from error
        raise PreflightFailed(
            f"The {what} cannot be created on the destination: {postgres.one_line(error)}",
            hint="Let a role that may do so create it by hand, and clone again.",
        ) from error


@dataclass(frozen=True, slots=True)
class Difference:
    """What is said of the database on the source (`here`), on the destination (`there`), as statements for the latter.

    `role` is who it is about, if anyone; None where there is nothing. `parameter` is what is set, if anything is.
    """

    name: str
    role: str | None
    parameter: str | None
    here: tuple[str, ...] | None
    there: tuple[str, ...] | None

    def __str__(self) -> str:
        if self.there is None:
            return "missing on the destination"
        if self.here is None:
            return "extra on the destination"
        one, other = ("; ".join(statements) for statements in (self.here, self.there))
        return f"different: {compared(one, other)}"


def differences(source: Connection, destination: Connection, settings: Settings) -> list[Difference]:
    """Return all in which the databases differ, names and, unless the database is to be created, owners apart.

    What is said of roles or parameters that the destination does not know is passed over, which was told before; so
    are values that its version does not take, where that was agreed to.
    """
    found = _compared(source, destination, settings)
    found = [d for d in found if not _unknown(d, destination, roles_of(destination))]
    if settings.downgrade:
        steps = [Step(d.name, Phase.DATABASE, Execute(d.here)) for d in found if d.here and d.parameter]
        lost = {loss.what for loss in held(source, destination, steps)[1]}
        found = [d for d in found if d.name not in lost]
    return found


def lacking(
    source: Connection,
    destination: Connection,
    settings: Settings,
    *,
    strangers: Collection[str] = (),
    absent: bool = False,
) -> tuple[list[Step], list[Finding]]:
    """Return the steps that make the destination database what the source is, and what else is worth knowing.

    What is said of the destination alone is left: a note tells of it. `strangers`: whom this role may not act as, which
    was told. `absent`: the destination is to be made yet, and this is another database of its server.
    """
    found = _compared(source, destination, settings, absent=absent)
    roles = roles_of(destination) | (roles_of(source) if settings.roles else set())
    unknown = {d.name: why for d in found if (why := _unknown_role(d, roles))}
    findings = [Finding(f"Not copied: {name}: {why}.", "", fatal=False) for name, why in unknown.items()]
    findings += freezing.findings(said(source, replace(settings, thaw=False)), settings)
    if own := [d.name for d in found if d.here is None]:
        findings.append(Finding(f"The destination keeps what it has of its own: {', '.join(own)}.", "", fatal=False))
    untried = set(unknown)
    for d in found:
        if d.here and d.role and not d.parameter and d.role not in roles:
            untried.add(d.name)
            findings.append(
                Finding(
                    f'The destination has no role "{d.role}", which the source names as {d.name}.',
                    "or clone with --roles, or with --no-owner and --no-acl.",
                    object=f"role {postgres.quoted(d.role)}",
                    run=f"CREATE ROLE {postgres.quoted(d.role)};",
                )
            )
        elif d.name == OWNER and d.role in strangers:
            untried.add(d.name)
        findings += unknown_role(d.name, d.here or (), source, roles)
    steps = [Step(d.name, Phase.DATABASE, Execute(d.here)) for d in found if d.here and d.name not in untried]
    return steps, findings


def settle(destination: Connection, steps: Iterable[Step], emit: Emit) -> None:
    """Run these steps one by one, in the transaction that the connection is in. Raises StepFailed.

    So it does where a new session would be shut out by what they set.
    """
    steps = list(steps)
    for step in steps:
        assert isinstance(step.work, Execute)
        emit(events.Started(step.name, step.phase, 0, 0))
        began = time.monotonic()
        with naming(step), postgres.on("destination"):
            for statement in step.work.statements:
                destination.execute(statement)
        emit(events.Done(step.name, step.phase, 0, time.monotonic() - began, 0, 0))
    for step, parameter, reason in shut_out(destination, steps):
        raise StepFailed(step.name, f"nobody could connect to the copy: {parameter}: {reason}")


def planned(source: Connection, settings: Settings, plan: Plan) -> Plan:
    """Return a plan with all that is said of the database at its end, as for a new destination."""
    name = postgres.database_name(settings.destination)
    said = list(_said(source, name, source.info.user, settings).values())
    needs: set[str] = set()
    if said:
        needs = {step.name for step in plan.steps} - {need for step in plan.steps for need in step.needs}
    steps: list[Step] = []
    for row in said:
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
    here = _said(source, name, owner, settings)
    there = {} if absent else _said(destination, name, owner, settings)
    return [
        Difference(
            key,
            row.role,
            row.parameter,
            tuple(here[key].statements) if key in here else None,
            tuple(there[key].statements) if key in there else None,
        )
        for key, row in {**there, **here}.items()
        if key not in here or key not in there or here[key].statements != there[key].statements
    ]


def said(conn: Connection, settings: Settings) -> list[tuple[str, tuple[str, ...]]]:
    """Return what is said of a connection's database: names, and statements about one without a name."""
    return [(row.name, tuple(row.statements)) for row in _said(conn, "", "", settings).values()]


def _said(conn: Connection, name: str, owner: str, settings: Settings) -> dict[str, Any]:
    """Return what is said of a connection's database, by name, as statements about one of that name and owner."""
    wanted = {
        "acl": settings.privileges,
        "owner": settings.create and settings.owners,
        "comment": settings.comments,
        "label": settings.security_labels,
    }
    rows = read(conn, "database_setting", name=name, owner=owner)
    return {
        row.name: row
        for row in rows
        if wanted.get(row.part, True) and freezing.is_copied(row.part, row.statements, settings)
    }


def _unknown_role(difference: Difference, roles: set[str]) -> str:
    if difference.parameter and difference.role and difference.role not in roles:
        return f'the destination has no role "{difference.role}"'
    return ""


def _unknown(difference: Difference, destination: Connection, roles: set[str]) -> str:
    """Return what the destination does not know of that a difference is about; nothing where it knows it all."""
    if why := _unknown_role(difference, roles):
        return why
    if difference.parameter and "." not in difference.parameter:
        try:
            with destination.transaction():
                value = destination.execute("SELECT current_setting(%s, true)", [difference.parameter]).fetchall()
        except psycopg.errors.InsufficientPrivilege:  # to look at
            return ""
        return "" if value != [(None,)] else "PostgreSQL has no such parameter there"
    return ""
