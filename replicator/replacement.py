"""A destination that is in use is replaced in one moment: `--replace swap`.

    source ─► x__incoming ─► verified ─► one transaction: x ─► x__previous_<time>, x__incoming ─► x

Whatever ends the run before that transaction commits leaves x as it is, serving. ALTER DATABASE … RENAME locks the
database first, then waits up to five seconds for its sessions to be gone; new ones wait for the lock, and are told
afterwards that their database was renamed. So nobody need be kept away by a setting that a crash would leave behind.
Two comments mark, each in the transaction that it is about, what a crash may leave: a copy that is complete and was
not swapped in, a database that is to be dropped. Reference: dbcommands.c RenameDatabase, postinit.c InitPostgres.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import psycopg
from psycopg import conninfo, sql

from replicator import emptying, events, journal, postgres, probe
from replicator.claim import claim
from replicator.errors import PreflightFailed, ReplicatorError, StepFailed
from replicator.events import Emit
from replicator.globals import database
from replicator.model import Finding
from replicator.postgres import Connection, quoted
from replicator.settings import Settings

COMPLETE = "replicator: a complete copy, to be swapped in"
DISCARDED = "replicator: replaced by a newer copy, to be dropped"
INCOMING = "__incoming"
PREVIOUS = "__previous_"
MOST_NAME_BYTES = 63 - len(PREVIOUS) - len("20261125034410")
ATTEMPTS = 5
PAUSE_SECONDS = 1.0
LOCK_TIMEOUT = "5s"
"""So long new sessions may wait behind us for somebody who locks the database: CREATE DATABASE … TEMPLATE."""
TERMINATE_SECONDS = 0.02
PASSING = ("55006", "42P04", "XX000")
"""SQLSTATEs that another attempt may get over: sessions left, the name taken, a row of pg_database just changed."""

SESSIONS = """
SELECT pid
  FROM pg_stat_activity
 WHERE datid = ANY (%s::oid[])
   AND (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))
"""
STANDING = """
SELECT pg_get_userbyid(d.datdba)::text
     , pg_has_role(d.datdba, 'USAGE')
     , EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.database = d.datname)
     , ARRAY(SELECT DISTINCT a.usename::text
               FROM pg_stat_activity a
              WHERE a.datid = d.oid
                AND NOT pg_has_role(a.usesysid, 'USAGE')
                AND NOT pg_has_role('pg_signal_backend', 'USAGE'))
  FROM pg_database d
 WHERE d.datname = %s
"""
MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
NOT_A_MEMBER = "SELECT FROM pg_roles WHERE rolname = %s AND NOT pg_has_role(oid, 'USAGE')"
TO_BE_DROPPED = """
SELECT datname::text
  FROM pg_database
 WHERE starts_with(datname::text, %s)
   AND shobj_description(oid, 'pg_database') = %s
"""
OF_THE_SOURCE = """
SELECT pg_get_userbyid(datdba)::text, shobj_description(oid, 'pg_database')
  FROM pg_database
 WHERE datname = current_database()
"""


def swap(settings: Settings, emit: Emit, build: Callable[[Settings, Emit], None]) -> None:
    """Build the copy beside the destination, then put it in its place. `build` clones into an empty database.

    Raises a ReplicatorError; the destination is then as it was.
    """
    name = postgres.database_name(settings.destination)
    there = conninfo.make_conninfo(settings.destination, dbname=name + INCOMING)
    maintenance = database.maintenance(settings, emit)
    with postgres.connect(maintenance, application="swap") as conn:
        probe.wait("source", settings.source, attempts=settings.wait_attempts, delay=settings.wait_delay, emit=emit)
        for finding in probe.refuse(_in_the_way(conn, settings, name)):
            emit(events.Note(f"{finding.text} {finding.hint}"))
        _drop_discarded(conn, maintenance, name, emit)
        complete = _make_room(conn, maintenance, there, resuming=settings.resume != "no", emit=emit)
    try:
        if not complete:
            build(replace(settings, destination=there, create=True, verify=True), emit)
        _swap_in(maintenance, settings, name, emit)
    except ReplicatorError as error:
        error.hint = f'Nothing changed in "{name}"; what was begun is in "{name}{INCOMING}". {error.hint or ""}'.strip()
        raise
    with postgres.connect(maintenance, application="swap") as conn:
        _drop_discarded(conn, maintenance, name, emit)


def mark_complete(keeper: Connection) -> None:
    """Say of the database that its copy is complete, in the transaction in which its journal goes."""
    _comment(keeper, keeper.info.dbname, COMPLETE)


def _in_the_way(conn: Connection, settings: Settings, name: str) -> Iterator[Finding]:
    """Yield what would forbid the swap in the end, hours later."""
    user = conn.info.user
    if len(name.encode()) > MOST_NAME_BYTES:
        yield Finding(
            f'The name "{name}" leaves no room for {PREVIOUS}<time>: it may have {MOST_NAME_BYTES} bytes.',
            "Use --replace drop, or a database with a shorter name.",
        )
    with postgres.connect(settings.source, application="probe") as source:
        here = probe.read_facts(source)
        ((owner, _),) = source.execute(OF_THE_SOURCE).fetchall()
    if (here.system, here.database) == (probe.read_facts(conn).system, name):
        yield Finding(f'Source and destination are the same database, "{name}".', "Name another destination.")
    if conn.execute(MAY_CREATE).fetchall() != [(True,)]:
        yield Finding(
            f'The role "{user}" may not create databases on the destination.',
            f"Run there: ALTER ROLE {quoted(user)} CREATEDB; or use --replace drop.",
        )
    if settings.owners and conn.execute(NOT_A_MEMBER, [owner]).fetchall():
        yield Finding(
            f'The copy will be owned by "{owner}", as the source is, and "{user}" may not rename it then.',
            f"Run there: GRANT {quoted(owner)} TO {quoted(user)}; or use --no-owner.",
        )
    for old_owner, owned, prepared, others in conn.execute(STANDING, [name]).fetchall():
        if not owned:
            yield Finding(
                f'The database "{name}" is owned by "{old_owner}": "{user}" may not rename it.',
                f"Run there: GRANT {quoted(old_owner)} TO {quoted(user)};",
            )
        if prepared:
            yield Finding(
                f'The database "{name}" has prepared transactions: it cannot be renamed.',
                "Commit them or roll them back: see pg_prepared_xacts.",
            )
        if others:
            yield Finding(
                f'"{user}" may not end the sessions of {", ".join(others)} in "{name}": they would stop the swap.',
                f"Run there: GRANT pg_signal_backend TO {quoted(user)};",
                fatal=False,
            )


def _make_room(conn: Connection, maintenance: str, there: str, *, resuming: bool, emit: Emit) -> bool:
    """Look at the database that an earlier run may have left. Tells whether it holds a copy that is complete.

    One that is to be resumed stays, another one of ours is dropped. Raises PreflightFailed where it is not ours.
    """
    name = postgres.database_name(there)
    found = conn.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name])
    match found.fetchall():
        case []:
            return False
        case [(comment,)] if comment == COMPLETE:
            left = "a complete copy that was not swapped in"
            if resuming:
                emit(events.Note(f'"{name}" holds {left}: it is swapped in now.'))
                return True
        case _:
            with closing(postgres.connect(there, application="probe")) as inside:
                if holder := claim(inside, end_silent=resuming):
                    raise PreflightFailed(f'Another run builds in "{name}": {holder}.', hint="Wait for its end.")
                if not journal.exists(inside):
                    if occupied := inside.execute(postgres.script("occupied")).fetchall():
                        raise PreflightFailed(
                            f'The database "{name}", where the copy is to be built, is not ours: {occupied[0][0]}.',
                            hint="Drop it or rename it.",
                        )
                    return False
            left = "an unfinished copy"
            if resuming:
                return False
    emit(events.Note(f'Dropped "{name}": it held {left} of an earlier run.'))
    _drop(conn, maintenance, name)
    return False


def _swap_in(maintenance: str, settings: Settings, name: str, emit: Emit) -> None:
    """Rename both databases in one transaction. Raises StepFailed, and nothing is renamed then."""
    with postgres.connect(settings.source, application="swap") as source:
        ((_, comment),) = source.execute(OF_THE_SOURCE).fetchall()
    copy: int | None = None
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with postgres.connect(maintenance, application="swap") as conn:
                copy = copy or _oid(conn, name + INCOMING)
                if _oid(conn, name) != copy:  # else a commit went through, and the connection was lost
                    _rename(conn, maintenance, name, comment, keep=settings.keep_previous)
            return
        except psycopg.Error as error:
            reason = postgres.one_line(error)
            if attempt == ATTEMPTS or not (error.sqlstate in PASSING or postgres.may_pass(error)):
                hint = "`clone --replace swap --resume` swaps the copy in: it is complete and verified."
                raise StepFailed("the swap", reason, hint=hint) from error
            emit(events.Note(f"The swap is tried again: {reason}"))
            time.sleep(PAUSE_SECONDS)


def _rename(conn: Connection, maintenance: str, name: str, comment: str | None, *, keep: bool) -> None:
    ((previous,),) = conn.execute(
        "SELECT %s || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS')", [name + PREVIOUS]
    ).fetchall()
    there = [oid for oid in (_oid(conn, name), _oid(conn, name + INCOMING)) if oid]
    with conn.transaction():
        conn.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL synchronous_commit = on")
        # To its end before the commit: after it, the sessions in the new database are its users'.
        with _ending_sessions(maintenance, there):
            if len(there) > 1:
                _rename_one(conn, name, previous)
                if not keep:
                    _comment(conn, previous, DISCARDED)
            _rename_one(conn, name + INCOMING, name)
        _comment(conn, name, comment)


def _rename_one(conn: Connection, old: str, new: str) -> None:
    conn.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))


def _comment(conn: Connection, name: str, comment: str | None) -> None:
    conn.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(comment)))


def _oid(conn: Connection, name: str) -> int | None:
    rows = conn.execute("SELECT oid::bigint FROM pg_database WHERE datname = %s", [name]).fetchall()
    return rows[0][0] if rows else None


@contextmanager
def _ending_sessions(maintenance: str, databases: list[int]) -> Iterator[None]:
    """End the sessions in these databases, by OID, again and again: who is locked out already cannot come back."""
    ended = threading.Event()

    def end() -> None:
        with suppress(psycopg.OperationalError), postgres.connect(maintenance, application="swap") as conn:
            while True:
                for (pid,) in conn.execute(SESSIONS, [databases]).fetchall():
                    with suppress(psycopg.errors.InsufficientPrivilege):  # a superuser's
                        conn.execute("SELECT pg_terminate_backend(%s)", [pid])
                if ended.wait(TERMINATE_SECONDS):
                    return

    thread = threading.Thread(target=end, name="ending sessions")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _drop_discarded(conn: Connection, maintenance: str, name: str, emit: Emit) -> None:
    """Drop the databases that were swapped away and are not to be kept. What fails is told, and tried the next time."""
    for (previous,) in conn.execute(TO_BE_DROPPED, [name + PREVIOUS, DISCARDED]).fetchall():
        try:
            _drop(conn, maintenance, previous)
        except psycopg.Error as error:
            emit(events.Note(f'The replaced database "{previous}" could not be dropped: {postgres.one_line(error)}'))


def _drop(conn: Connection, maintenance: str, name: str) -> None:
    """Drop a database, its sessions ended, with the subscriptions that a copy has."""
    oid, identifier = _oid(conn, name), sql.Identifier(name)
    if conn.execute("SELECT FROM pg_subscription WHERE subdbid = %s AND NOT subenabled", [oid]).fetchall():
        with closing(postgres.connect(conninfo.make_conninfo(maintenance, dbname=name))) as inside:
            emptying.drop_subscriptions(inside)
    with _ending_sessions(maintenance, [oid] if oid else []):
        conn.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(identifier))
        conn.execute(sql.SQL("DROP DATABASE {}").format(identifier))
