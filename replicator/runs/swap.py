"""`--replace swap`: replace a destination in use, in one transaction.

    source ─► x__incoming ─► verified ─► one transaction: x ─► x__previous_<time>, x__incoming ─► x

If the run ends before that transaction commits, x stays unchanged and in use. ALTER DATABASE … RENAME locks the
database first, then waits up to five seconds for its sessions to end. New sessions wait for the lock, then fail because
their database was renamed. So no setting is needed to block connections, which a crash would leave behind.
Two comments mark what a crash may leave, each set in the transaction concerned: a complete copy that was not swapped
in, and a database to be dropped. Reference: dbcommands.c RenameDatabase, postinit.c InitPostgres.
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, TypeVar

import psycopg
from psycopg import conninfo, sql

from replicator import checks, events
from replicator.checks import Facts
from replicator.errors import Interrupted, PreflightFailed, ReplicatorError, StepFailed
from replicator.events import Emit
from replicator.journal import crash, ownership
from replicator.journal.run import Status
from replicator.model import Finding
from replicator.runs import create, databases
from replicator.sessions import failures, postgres
from replicator.sessions.claim import claim
from replicator.sessions.postgres import Connection, quoted
from replicator.sessions.retry import Retry
from replicator.settings import Settings
from replicator.work import emptying

T = TypeVar("T")
COMPLETE = "replicator: a complete copy, to be swapped in"
DISCARDED = "replicator: replaced by a newer copy, to be dropped"
KEPT = "replicator: replaced by a newer copy, kept while it is among the newest"
"""Of a database that --keep-previous N keeps, and drops when N newer ones are there."""
INCOMING = "__incoming"
PREVIOUS = "__previous_"
MOST_NAME_BYTES = 63 - len(PREVIOUS) - len("20261125034410")
ATTEMPTS = 5
PAUSE_SECONDS = 1.0
LOCK_TIMEOUT = "5s"
"""How long new sessions may wait behind us while CREATE DATABASE … TEMPLATE, for example, locks the database."""
PASSING = ("55006", "42P04", "XX000")
"""SQLSTATEs worth another attempt: remaining sessions, the name is taken, a concurrent change in pg_database."""

EXISTING = """
SELECT pg_get_userbyid(d.datdba)::text
     , pg_has_role(d.datdba, 'USAGE')
     , EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.database = d.datname)
     , ARRAY(SELECT DISTINCT a.usename::text
               FROM pg_stat_activity a
              WHERE a.datid = d.oid
                AND NOT pg_has_role(a.usesysid, 'USAGE')
                AND NOT pg_has_role('pg_signal_backend', 'USAGE'))
     , ARRAY(SELECT subname::text FROM pg_subscription WHERE subdbid = d.oid ORDER BY 1)
  FROM pg_database d
 WHERE d.datname = %s
"""
NOT_A_MEMBER = "SELECT FROM pg_roles WHERE rolname = %s AND NOT pg_has_role(oid, 'USAGE')"
# Only a database's owner can set its comment: so the owner decides whether to trust it.
TO_BE_DROPPED = """
SELECT d.datname::text
  FROM pg_database d
  JOIN pg_roles r ON r.oid = d.datdba
 WHERE starts_with(d.datname::text, %s)
   AND shobj_description(d.oid, 'pg_database') = %s
   AND (r.rolsuper OR r.rolname = current_user)
"""
INCOMING_DATABASE = """
SELECT shobj_description(d.oid, 'pg_database')
     , d.datconnlimit = -2
     , r.rolname::text
     , r.rolsuper OR r.rolname = current_user
  FROM pg_database d
  JOIN pg_roles r ON r.oid = d.datdba
 WHERE d.datname = %s
"""
CREATED = """
SELECT d.datname::text
     , EXISTS (SELECT
                 FROM pg_stat_activity a
                WHERE a.datid = d.oid AND a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid())
  FROM pg_database d
 WHERE d.datname = current_database()
   AND pg_has_role(d.datdba, 'USAGE')
   AND shobj_description(d.oid, 'pg_database') IS NULL
"""
OF_THE_SOURCE = """
SELECT pg_get_userbyid(datdba)::text
     , shobj_description(oid, 'pg_database')
     , format('database %s (%s) of system %s', datname, oid
              , (SELECT system_identifier FROM pg_catalog.pg_control_system()))
  FROM pg_database
 WHERE datname = current_database()
"""


def swap(settings: Settings, emit: Emit, build: Callable[[Settings, Emit], T]) -> T | None:
    """Build the copy in a second database, then swap it in. `build` clones into an empty database.

    Returns the result of `build`; None if an earlier run had built the copy. Raises a ReplicatorError; the destination
    is then unchanged.
    """
    name = postgres.database_name(settings.destination)
    incoming = incoming_dsn(settings.destination)
    maintenance = create.maintenance(settings, emit)
    with postgres.connect(maintenance, application="swap") as conn:
        checks.wait("source", settings.source, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=emit)
        with postgres.connect(settings.source, application="probe") as source:
            source_facts = checks.read_facts(source)
            ((owner, _, identity),) = source.execute(OF_THE_SOURCE).fetchall()
            owner = settings.definition.rename.roles.get(owner, owner)
        for finding in checks.refuse(_blockers(conn, settings, name, source_facts, owner)):
            emit(events.Note(f"{finding.text} {finding.remedy}".strip()))
        _drop_discarded(maintenance, name, emit)
        owners = {owner} if settings.owners else set()
        wanted = identity if settings.resume != "no" else None
        complete = _find_complete_copy(conn, maintenance, incoming, owners, wanted, emit)
    try:
        wanted = replace(settings, destination=incoming, create=True, verify=True)
        built = None if complete else build(wanted, emit)
        _swap_in(maintenance, settings, name, emit)
    except ReplicatorError as error:
        error.hint = f'"{name}" is unchanged{_unfinished(maintenance, name)}. {error.hint or ""}'.strip()
        raise
    _drop_leftovers(maintenance, settings, name, emit)
    return built


def _unfinished(maintenance: str, name: str) -> str:
    """Return where the unfinished copy is, to go on a sentence; "" if there is none."""
    with suppress(psycopg.Error, ReplicatorError), postgres.connect(maintenance, application="swap") as conn:
        if databases.oid_of(conn, f"{name}{INCOMING}") is None:
            return ""
    return f'; the unfinished copy is in "{name}{INCOMING}"'


def obstacles(source: Connection, server: Connection, settings: Settings) -> list[Finding]:
    """Return what would block the swap at the end; `server` is any database of the destination's server."""
    ((owner, _, _),) = source.execute(OF_THE_SOURCE).fetchall()
    owner = settings.definition.rename.roles.get(owner, owner)
    name = postgres.database_name(settings.destination)
    return list(_blockers(server, settings, name, checks.read_facts(source), owner))


def incoming_dsn(dsn: str) -> str:
    """Return the conninfo of the database in which this one's replacement is built."""
    return conninfo.make_conninfo(dsn, dbname=postgres.database_name(dsn) + INCOMING)


def begun(incoming: Connection) -> Status | None:
    """Return the status of a replacement that was created, but has no journal and no contents; None: it is another's.

    A run that is killed at that moment leaves one.
    """
    rows = incoming.execute(CREATED).fetchall()
    if not rows or emptying.occupied(incoming):
        return None
    ((name, alive),) = rows
    return Status(name, "", "running", None, None, None, {}, None, False, 0, 0, 0, 0, alive, [], [], [], [], [])


def discard(dsn: str, emit: Emit) -> None:
    """Drop the database with an unfinished replacement of this one."""
    name = postgres.database_name(incoming_dsn(dsn))
    with events.saying(emit, f'Dropping the database "{name}"'):
        databases.drop(dsn, name)


def _drop_leftovers(maintenance: str, settings: Settings, name: str, emit: Emit) -> None:
    """Drop what the swap left behind; retry transient errors. Raises StepFailed, Interrupted."""
    done = f'Swapped: "{name}" is the new copy. The next --replace swap drops the old one.'

    def tidy(_: bool) -> None:
        _drop_crash_marker(conninfo.make_conninfo(maintenance, dbname=name))
        _drop_discarded(maintenance, name, emit)
        if isinstance(settings.keep_previous, int) and settings.keep_previous:
            _drop_discarded(maintenance, name, emit, KEPT, newest=settings.keep_previous)

    def tell(error: BaseException, seconds: float) -> None:
        again = f"Retrying to drop the replaced database in {seconds:.1f} s"
        emit(events.Note(f"{again}: {failures.one_line(error)}"))

    try:
        Retry(settings.retry_seconds).run("tidy up", tidy, tell)
    except psycopg.Error as error:
        raise StepFailed("to drop what was replaced", failures.one_line(error), hint=done) from error
    except (KeyboardInterrupt, Interrupted) as error:
        raise Interrupted(str(error) or "Interrupted.", hint=done) from error


def mark_complete(control: Connection, source: Connection) -> None:
    """Mark the database as a complete copy of this source, in the transaction that drops its journal."""
    ((_, _, identity),) = source.execute(OF_THE_SOURCE).fetchall()
    crash.leave(control)
    databases.comment_on(control, control.info.dbname, f"{COMPLETE}: {identity}")


def _blockers(conn: Connection, settings: Settings, name: str, source_facts: Facts, owner: str) -> Iterator[Finding]:
    """Yield what would block the swap at the end, hours later."""
    destination_facts = replace(checks.read_facts(conn), database=name)  # which may not exist yet
    if same := checks.same_database(source_facts, destination_facts):
        yield from same
        return  # the remedies below would modify the source
    user = conn.info.user
    if len(name.encode()) > MOST_NAME_BYTES:
        yield Finding(
            f'The name "{name}" is too long for the suffix {PREVIOUS}<time>: at most {MOST_NAME_BYTES} bytes.',
            "Use --replace drop, or a database with a shorter name.",
        )
    yield from create.check_creator(conn, "or use --replace drop.")
    if settings.owners and conn.execute(NOT_A_MEMBER, [owner]).fetchall():
        yield Finding(
            f'The copy will belong to "{owner}", as the source does, so role "{user}" may not rename it.',
            "or use --no-owner.",
            object=f"role {quoted(owner)}",
            run=f"GRANT {quoted(owner)} TO {quoted(user)};",
        )
    for old_owner, owned, prepared, others, subscriptions in conn.execute(EXISTING, [name]).fetchall():
        if not owned:
            yield Finding(
                f'Database "{name}" belongs to "{old_owner}", so role "{user}" may not rename it.',
                object=f"role {quoted(old_owner)}",
                run=f"GRANT {quoted(old_owner)} TO {quoted(user)};",
            )
        if prepared:
            yield Finding(
                f'Database "{name}" has prepared transactions, so it cannot be renamed.',
                "Commit or roll back those listed in pg_prepared_xacts.",
            )
        if subscriptions:
            yield Finding(
                f'The database "{name}" has subscriptions: {", ".join(subscriptions)}. They would continue after it was'
                " renamed, and its server would refuse to drop it.",
                "(in that database) or keep it, with --keep-previous.",
                fatal=not settings.keep_previous,
                object="subscriptions",
                run=" ".join(f"DROP SUBSCRIPTION {quoted(each)};" for each in subscriptions),
            )
        if others:
            yield Finding(
                f'"{user}" may not terminate sessions of {", ".join(others)} in "{name}": they would stop the swap.',
                fatal=False,
                object="sessions",
                run=f"GRANT pg_signal_backend TO {quoted(user)};",
            )


def _find_complete_copy(
    conn: Connection, maintenance: str, incoming: str, owners: Collection[str], wanted: str | None, emit: Emit
) -> bool:
    """Check the database that an earlier run may have left. Returns whether it is a complete copy to swap in.

    `wanted` identifies the required source when resuming. A useless leftover of ours is dropped. It is ours if its
    owner is this role, a superuser or one of `owners`; otherwise raises PreflightFailed.
    """
    name = postgres.database_name(incoming)
    rows = conn.execute(INCOMING_DATABASE, [name]).fetchall()
    if not rows:
        return False
    ((comment, invalid, owner, trusted),) = rows
    if not (trusted or owner in owners):
        raise _not_created_here(name, f'it belongs to "{owner}"')
    complete = (comment or "").startswith(COMPLETE)
    if invalid:
        contents = "the rest of an interrupted DROP DATABASE"
    elif complete:
        contents = "a finished copy that was never swapped in"
        if wanted and comment == f"{COMPLETE}: {wanted}":
            emit(events.Note(f'"{name}" holds {contents}; it is swapped in now.'))
            return True
        if wanted:
            raise PreflightFailed(
                f'"{name}" holds a complete copy of another source: {comment.removeprefix(COMPLETE).lstrip(": ")}.',
                hint="Use that source, or drop the copy by running without --resume.",
            )
    else:
        contents = "an unfinished copy"
        if not _holds_unfinished(name, incoming, resuming=bool(wanted)) or wanted:
            return False
    emit(events.Note(f'Dropped "{name}": it held {contents} of an earlier run.'))
    with events.saying(emit, f'Dropping the database "{name}"'):
        databases.drop(maintenance, name)
    return False


def _holds_unfinished(name: str, incoming: str, *, resuming: bool) -> bool:
    """Tell whether a database has a journal (False: it is empty). Raises PreflightFailed if it has other contents."""
    with closing(postgres.connect(incoming, application="probe")) as inside:
        if holder := claim(inside, end_silent=resuming):
            raise PreflightFailed(f'Another run is building in "{name}": {holder}.', hint="Wait until it ends.")
        if ownership.exists(inside):
            return True
        if occupied := emptying.occupied(inside):
            raise _not_created_here(name, f"it contains {occupied[0]}")
    return False


def _not_created_here(name: str, why: str) -> PreflightFailed:
    return PreflightFailed(
        f'Database "{name}", where the copy would be built, was not created by replicator ({why}).',
        hint=f"Drop or rename it: ALTER DATABASE {quoted(name)} RENAME TO …;",
    )


def _swap_in(maintenance: str, settings: Settings, name: str, emit: Emit) -> None:
    """Rename both databases in one transaction. If it raises StepFailed, nothing was renamed."""
    with postgres.connect(settings.source, application="swap") as source:
        ((_, comment, _),) = source.execute(OF_THE_SOURCE).fetchall()
    copy: int | None = None
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with postgres.connect(maintenance, application="swap") as conn:
                copy = copy or databases.oid_of(conn, name + INCOMING)
                if databases.oid_of(conn, name) != copy:  # else a commit went through, and the connection was lost
                    _check_whole(conninfo.make_conninfo(maintenance, dbname=name + INCOMING))
                    emit(events.Note(_rename(conn, maintenance, name, comment, keep=settings.keep_previous)))
            return
        except psycopg.Error as error:
            reason = failures.one_line(error)
            if attempt == ATTEMPTS or not (error.sqlstate in PASSING or failures.may_pass(error)):
                hint = "Run `clone --replace swap --resume` to swap the copy in: it is complete and verified."
                raise StepFailed("the swap", reason, hint=hint) from error
            emit(events.Note(f"Retrying the swap: {reason}"))
            time.sleep(PAUSE_SECONDS)


def _check_whole(incoming: str) -> None:
    """Raise StepFailed if a crash emptied the unlogged tables of a copy that was complete.

    If the server crashes after this, the connection that is to rename the database is lost.
    """
    with postgres.connect(incoming, application="swap") as inside:
        if not crash.testifies(inside):
            raise StepFailed(
                "the swap",
                "the server crashed after the copy was complete, which emptied its unlogged tables",
                hint="Run it again without --resume, to start over.",
            )


def _drop_crash_marker(dsn: str) -> None:
    """Drop the crash marker. If that fails, one table with one row remains, in its own schema."""
    with suppress(psycopg.Error, ReplicatorError), postgres.connect(dsn, application="swap") as conn:
        crash.drop(conn)


def _rename(conn: Connection, maintenance: str, name: str, comment: str | None, *, keep: int | Literal["all"]) -> str:
    """Rename the databases, and return a message that says so."""
    ((previous,),) = conn.execute(
        "SELECT %s || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS')", [name + PREVIOUS]
    ).fetchall()
    keep = 0 if databases.is_invalid(conn, name) else keep
    oids = [oid for oid in (databases.oid_of(conn, name), databases.oid_of(conn, name + INCOMING)) if oid]
    with conn.transaction():
        conn.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL synchronous_commit = on")
        # Stop ending sessions before the commit: after it, sessions in the new database belong to its users.
        with databases.ending_sessions(maintenance, oids):
            if len(oids) > 1:
                databases.rename(conn, name, previous)
                if keep != "all":
                    databases.comment_on(conn, previous, KEPT if keep else DISCARDED)
                    # Take ownership, so that the next run trusts the comment.
                    conn.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(sql.Identifier(previous)))
            databases.rename(conn, name + INCOMING, name)
        databases.comment_on(conn, name, comment)
    kept = f'kept as "{previous}"' if keep else "dropped"
    old = f" The old database is {kept}." if len(oids) > 1 else ""
    return f'Swapped at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: "{name}" is the new copy.{old}'


def _drop_discarded(maintenance: str, name: str, emit: Emit, mark: str = DISCARDED, newest: int = 0) -> None:
    """Drop the databases with this mark except the `newest`. A failure is reported; the next run tries again."""
    with postgres.connect(maintenance, application="swap") as conn:
        rows = conn.execute(TO_BE_DROPPED, [name + PREVIOUS, mark]).fetchall()
    for (previous,) in sorted(rows, reverse=True)[newest:]:
        try:
            with events.saying(emit, f'Dropping the replaced database "{previous}"'):
                databases.drop(maintenance, previous)
        except psycopg.Error as error:
            reason = failures.one_line(error)
            way_out = f"The next --replace swap drops it; or run: DROP DATABASE {quoted(previous)};"
            emit(events.Note(f'The replaced database "{previous}" could not be dropped: {reason} {way_out}'))
