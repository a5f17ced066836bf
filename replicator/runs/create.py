"""`--create`: create the destination database like the source's; drop it again if nothing was cloned into it."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg
from psycopg import conninfo, sql

from replicator import checks, events
from replicator.checks.destination import writable
from replicator.cluster.read import read
from replicator.cluster.server import create_tablespace, tablespaces
from replicator.errors import ConnectionFailed, PreflightFailed
from replicator.events import Emit
from replicator.model import CreateTablespace, Finding, Step
from replicator.runs import databases
from replicator.sessions import failures, postgres
from replicator.sessions.postgres import Connection
from replicator.sessions.setup import pid_of
from replicator.settings import Settings
from replicator.work import emptying

MAINTENANCE = ("postgres", "template1")
"""The databases to connect to while the destination database does not exist."""
INSIDE_DATABASE = ("database ", "extension ", "collation ")
"""Findings about these objects have statements that must run in the destination database."""
MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
OWNER = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()"
NEW_OWNER = """
SELECT coalesce((SELECT rolname FROM pg_roles
                  WHERE rolname = %s AND pg_has_role(oid, 'USAGE') AND pg_has_role(oid, %s)), current_user)::text
"""
LEAVING_SECONDS = 5.0  # as long as DROP DATABASE waits for sessions to end
OTHERS = "SELECT FROM pg_stat_activity WHERE datid = %s AND pid <> %s AND usesysid IS NOT NULL"


@contextmanager
def created(settings: Settings, emit: Emit) -> Iterator[None]:
    """Create the destination database with the source's properties, unless it exists.

    If the run ends before anything was cloned into it, drop it again. Raises PreflightFailed.
    """
    created_objects: list[str] = []
    oid, create = 0, ""
    dsn = _maintenance(settings, emit)
    try:
        if dsn:
            with postgres.connect(settings.source) as source, postgres.connect(dsn) as conn:
                name = postgres.database_name(settings.destination)
                if not _exists(conn, name):
                    create, steps, findings = _creation(source, conn, name, settings)
                    checks.refuse(checks.once(findings))
                    for what in _create(conn, name, create, steps):
                        created_objects.append(what)
                    oid = databases.oid_of(conn, name) or 0
                    emit(events.Note(f'Created database "{name}" on the destination.'))
        yield
    except BaseException as error:
        if dsn and created_objects:
            # A database that somebody has started to use stays.
            with suppress(psycopg.Error), postgres.connect(dsn) as conn:
                if created_objects[-1].startswith("DATABASE"):  # the run may have been cancelled before it had the OID
                    oid = oid or databases.oid_of(conn, postgres.database_name(settings.destination)) or 0
                with _locked_out(conn, settings.destination, oid):
                    for what in reversed(created_objects):
                        conn.execute(f"DROP {what}")
                        emit(events.Note(f"Dropped again, since the clone failed: {what}."))
                if isinstance(error, PreflightFailed):
                    checks.refuse(_with_create_statement(error.findings, create))
        raise


def _with_create_statement(findings: Sequence[Finding], create: str) -> Sequence[Finding]:
    """Return the findings that block a clone into a database that was dropped again.

    If a statement among them needs that database, the statement that creates it comes first.
    """
    if not any(
        f.fatal and f.run and f.server == "destination" and f.object.startswith(INSIDE_DATABASE) for f in findings
    ):
        return findings
    dropped = "The new database was dropped again. Create it first: the statements below need it."
    return [Finding(dropped, "(`clone` then uses it)", object="the database", run=f"{create};"), *findings]


def _exists(conn: Connection, name: str) -> bool:
    """Tell whether a database exists. Raises PreflightFailed if it is invalid: nobody can connect to it."""
    found = conn.execute("SELECT datconnlimit = -2 FROM pg_database WHERE datname = %s", [name]).fetchall()
    if found == [(True,)]:
        invalid = f'The destination database "{name}" is half dropped (invalid): its DROP DATABASE was interrupted.'
        checks.refuse([Finding(invalid, object=f"database {name}", run=f"DROP DATABASE {postgres.quoted(name)};")])
    return bool(found)


@contextmanager
def _locked_out(conn: Connection, dsn: str, oid: int) -> Iterator[None]:
    """Block connections to the new database so that it can be dropped; allow them again if it stays.

    Raises NotSupportedError if it is in use: it must still have this OID, no sessions, and no contents. DROP DATABASE
    itself waits only for sessions: without the block, one could connect, write and leave after the check.
    """
    if not oid:
        yield
        return
    with postgres.connect(dsn) as inside:
        name = postgres.quoted(inside.info.dbname)
        inside.execute("SET max_parallel_workers_per_gather = 0")  # workers could not connect
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            ours = databases.oid_of(conn, inside.info.dbname) == oid
            until = time.monotonic() + LEAVING_SECONDS
            while (others := conn.execute(OTHERS, [oid, pid_of(inside)]).fetchall()) and time.monotonic() < until:
                time.sleep(0.05)
            if others or not ours or emptying.occupied(inside):
                raise psycopg.NotSupportedError(f"{name} is in use")
            inside.close()
            yield
        finally:
            with suppress(psycopg.Error):  # usually it has been dropped
                conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _maintenance(settings: Settings, emit: Emit) -> str | None:
    """Wait for both servers; return a conninfo for the destination's server, None if its database exists."""
    _wait("source", settings.source, settings, emit)
    try:
        postgres.connect(settings.destination, application="probe").close()
        return None
    except psycopg.OperationalError:
        return maintenance(settings, emit)


def absent(settings: Settings, emit: Emit) -> str | None:
    """Wait for both servers; return a conninfo for the destination's server, None if its database exists."""
    if dsn := _maintenance(settings, emit):
        with postgres.connect(dsn, application="probe") as conn:
            return None if _exists(conn, postgres.database_name(settings.destination)) else dsn
    return None


def as_created(source: checks.Facts, server: checks.Facts, settings: Settings) -> checks.Facts:
    """Return the facts of the database to be created, derived from another database on its server."""
    name = postgres.database_name(settings.destination)
    encoding = "UTF8" if settings.source_encoding else source.encoding
    return replace(server, database=name, oid=0, size=0, encoding=encoding, collation=source.collation, can_create=True)


def check_creation(source: Connection, conn: Connection, settings: Settings) -> list[Finding]:
    """Return what prevents creating the destination database."""
    name = postgres.database_name(settings.destination)
    return _creation(source, conn, name, settings)[2]


def not_tried(settings: Settings) -> Finding:
    """Return the note that the schema could not be tried in the destination database."""
    name = postgres.database_name(settings.destination)
    text = (
        f'Database "{name}" does not exist yet, so the schema was not tried there. `clone` creates it, and tries the'
        " schema before it copies."
    )
    return Finding(text, fatal=False, object=f"database {postgres.quoted(name)}")


def check_creator(conn: Connection, instead: str = "") -> Iterator[Finding]:
    """Yield a finding if this role may not create databases; `instead` names an alternative."""
    user = conn.info.user
    if conn.execute(MAY_CREATE).fetchall() != [(True,)]:
        yield Finding(
            f'On the destination, role "{user}" may not create databases.',
            instead,
            object=f"role {postgres.quoted(user)}",
            run=f"ALTER ROLE {postgres.quoted(user)} CREATEDB;",
        )


def maintenance(settings: Settings, emit: Emit) -> str:
    """Wait for the destination's server; return a conninfo for another database on it."""
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
        if not isinstance(event, events.Ready):  # reported later, for the databases themselves
            emit(event)

    checks.wait(server, dsn, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=waiting)
    return dsn


def _create(conn: Connection, name: str, create: str, steps: Iterable[Step]) -> Iterator[str]:
    """Create the database and, with --tablespaces, its tablespace. Yields the operand of DROP for each."""
    for step in steps:
        if isinstance(step.work, CreateTablespace):
            with _reporting_refusal(step.name):
                create_tablespace(conn, step.work)
                yield _drop_operand("TABLESPACE", step.work.name, conn)
                for statement in step.work.then:
                    conn.execute(statement)
    with _reporting_refusal(f'database "{name}"'):
        conn.execute(create)
    yield _drop_operand("DATABASE", name, conn)


def _creation(
    source: Connection, conn: Connection, name: str, settings: Settings
) -> tuple[str, list[Step], list[Finding]]:
    """Return the CREATE DATABASE statement, the steps before it, and findings that block it."""
    major = conn.info.server_version // 10000
    (wanted,) = read(
        source,
        "database",
        rename=settings.definition.rename,
        name=name,
        there=major,
        placed=settings.tablespaces,
    )
    findings = [*writable(checks.read_facts(conn)), *check_creator(conn)]
    if major < wanted.since:
        findings.append(
            Finding(
                f"The source database has {wanted.feature}, which PostgreSQL {major} on the destination does not"
                " support.",
                f"Clone into PostgreSQL {wanted.since} or newer, or create the destination database by hand.",
            )
        )
    steps, obstacles = tablespaces(source, conn, settings, [wanted.tablespace] if wanted.tablespace else [])
    create = wanted.create
    if settings.source_encoding:  # the bytes are converted to text
        create = create.replace(" TEMPLATE template0 ENCODING 'SQL_ASCII'", " TEMPLATE template0 ENCODING 'UTF8'")
    return f"{create} OWNER {postgres.quoted(_owner(source, conn, settings))}", steps, [*findings, *obstacles]


def _owner(source: Connection, conn: Connection, settings: Settings) -> str:
    """Return the owner of the new database: the source's, if this role may give it away and still act as its owner.

    Since 15 only the database's owner may create objects in schema public, also by ALTER … OWNER TO. Any other role
    gives the database away at the end, as far as it may: see cluster/database.py.
    """
    ((owner,),) = source.execute(OWNER).fetchall()
    owner = settings.definition.rename.roles.get(owner, owner)
    may_give = "SET" if conn.info.server_version >= 160000 else "MEMBER"
    ((new_owner,),) = conn.execute(NEW_OWNER, [owner if settings.owners else None, may_give]).fetchall()
    return str(new_owner)


def _drop_operand(word: str, name: str, conn: Connection) -> str:
    return f"{word} {sql.Identifier(name).as_string(conn)}"


@contextmanager
def _reporting_refusal(what: str) -> Iterator[None]:
    try:
        yield
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation) as error:
        raise PreflightFailed(
            f"Another session has just created the {what}.", hint="Check whether another clone is running."
        ) from error
    except psycopg.DatabaseError as error:
        if failures.may_pass(error):
            failed = f"The {what} was not created on the destination: {failures.one_line(error)}"
            raise ConnectionFailed(failed, hint="Run the same command again.") from error
        raise PreflightFailed(
            f"The {what} cannot be created on the destination: {failures.one_line(error)}",
            hint="Create it as a role that may do so, then clone again.",
        ) from error
