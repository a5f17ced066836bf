"""Whether what has the journal's name is a journal, and whether it may be believed.

Anybody who may create schemas in the destination can make one of that name, with a view in it that calls his function.
So nothing in it is read before it was looked at: schema and tables belong to this role or to a superuser, nobody else
may write there, and the tables have nothing that runs code. The look and what follows are one transaction, in which a
lock keeps the journal where it is: when it is dropped, nobody can put another into its place between the two. Even so
no text of a journal ever becomes SQL, but for quoted identifiers and literals.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

import psycopg

from replicator.errors import ClaimLost, PreflightFailed
from replicator.model import Finding
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement

SCHEMA = "replicator"
MARK = "replicator: the journal of an unfinished clone, format "
"""The comment on the schema begins so, and ends with a hash of journal.sql: another format has another one."""
OF_EVERY_FORMAT = {"run.source", "run.snapshot", "run.sessions", "step.number", "step.phase", "step.digest"}
"""Columns that tell a journal of before there was a mark from somebody's own schema."""
READ, DROP = "ACCESS SHARE", "ACCESS EXCLUSIVE"
NOT_OURS = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.WrongObjectType,
    psycopg.errors.InsufficientPrivilege,
)
"""What a server says of a lock on a journal that is gone, or that somebody else has put into its place."""
_proven: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()
RENAME = f"ALTER SCHEMA {SCHEMA} RENAME TO {SCHEMA}_of_the_destination;"


class There(NamedTuple):
    """What has the journal's name: see there.sql."""

    mark: str | None
    owner: str
    readable: bool
    strangers: list[str]
    writers: list[str]
    odd: list[str]
    columns: list[str]

    def check_owner(self, user: str) -> None:
        """Raise PreflightFailed where it must not be read, since others than `user` and superusers have a say in it."""
        if self.strangers or not self.readable:
            whose = self.strangers[0] if self.strangers else self.owner
            raise PreflightFailed(
                f'The journal on the destination (schema {SCHEMA}) belongs to "{whose}", so role "{user}" does not'
                " trust it.",
                hint=f'Connect as "{whose}" to continue that clone. If there is none, drop the schema or rename it:'
                f" {RENAME}",
            )
        if self.writers:
            raise PreflightFailed(
                f"Other roles may write to the journal on the destination (schema {SCHEMA}): {', '.join(self.writers)}."
                " So role"
                f' "{user}" does not trust it.',
                hint=f"Drop the schema and what the unfinished clone left, or rename the schema: {RENAME}",
            )

    def check_tables(self) -> None:
        """Raise PreflightFailed where it has what is no plain table, and could run somebody's code."""
        if self.odd:
            raise PreflightFailed(
                f"The journal on the destination (schema {SCHEMA}) is not as replicator created it:"
                f" {', '.join(self.odd)}. It is"
                " not read, since it could run other roles' code.",
                hint=f"Drop the schema, or rename it: {RENAME}",
            )


def exists(conn: Connection) -> bool:
    """Tell whether a journal stands in this database. Somebody's own schema of the same name is none.

    Raises PreflightFailed where there is a journal that must not be read: another version's, an untrusted role's.
    """
    there = look(conn)
    return there is not None and _is_ours(there, conn.info.user)


def in_its_way(conn: Connection) -> Finding | None:
    """Return what keeps a journal from being made or read here, if anything does. It is never dropped."""
    there = look(conn)
    try:
        if there is None or _is_ours(there, conn.info.user):
            return None
    except PreflightFailed as error:
        return Finding(str(error), error.hint or "", object=f"schema {SCHEMA}")
    return Finding(
        "The destination has a schema named replicator that no clone created, but a clone needs that name for its"
        " journal.",
        object=f"schema {SCHEMA}",
        run=RENAME,
    )


def look(conn: Connection) -> There | None:
    """Return what has the journal's name; None where nothing has."""
    rows = conn.execute(statement(__package__, "there")).fetchall()
    return There(*rows[0]) if rows else None


def _is_ours(there: There, user: str) -> bool:
    """Tell whether this is a journal. Raises as `exists` does."""
    if not ((there.mark or "").startswith(MARK) or set(there.columns) >= OF_EVERY_FORMAT):
        return False
    there.check_owner(user)
    if there.mark != mark():
        raise PreflightFailed(
            "The unfinished clone on the destination was started by another version of replicator, whose journal"
            f" (schema {SCHEMA}) this version cannot read.",
            hint="Use that version to finish it (`clone --resume`) or to remove it (`clean`).",
        )
    there.check_tables()
    if missing := sorted(_columns() - set(there.columns)):
        raise damaged(f"it lacks {', '.join(missing)}")
    return True


def damaged(what: str) -> PreflightFailed:
    """Return the error for a journal that says what this program never writes."""
    return PreflightFailed(
        f"The journal on the destination (schema {SCHEMA}) is damaged or was changed: {what}.",
        hint="Empty the destination by hand and start again: such a journal proves nothing about the copy.",
    )


@cache
def mark() -> str:
    """Return the comment on a journal of this version."""
    return MARK + hashlib.md5(statement(__package__, "journal"), usedforsecurity=False).hexdigest()


@cache
def _columns() -> set[str]:
    """Return the journal's columns, each as table.column, as its file defines them."""
    tables = re.findall(
        r"^CREATE TABLE replicator\.(\w+) \((.*?)^\);",
        statement(__package__, "journal").decode(),
        re.DOTALL | re.MULTILINE,
    )
    return {f"{table}.{column}" for table, body in tables for column in re.findall(r"^ +(\w+)", body, re.MULTILINE)}


@contextmanager
def reading(conn: Connection) -> Iterator[bool]:
    """Begin a transaction, and tell whether there is a journal: it stays one to the end. Raises as `exists` does."""
    with conn.transaction():
        there = exists(conn)
        if there:
            try:
                with conn.transaction():
                    prove(conn)
            except ClaimLost:
                if exists(conn):
                    raise
                there = False  # it was dropped this very moment
        yield there


@contextmanager
def proven(conn: Connection, lock: str = READ) -> Iterator[None]:
    """Begin a transaction in which the journal is one, and stays so to the end. Raises ClaimLost."""
    with conn.transaction():
        prove(conn, lock)
        yield


def prove(conn: Connection, lock: str = READ) -> None:
    """Make sure that the journal is one, and stays so to the end of the transaction. Raises ClaimLost.

    The lock comes before the look: it keeps away whoever would drop the journal, and nobody else can put anything into
    its place while it is there. What was looked at once in this session is known by its OID: its owners are the same.
    """
    try:
        oid = lock_table(conn, "run", lock)
        if _proven.get(conn) == oid:
            return
        if not exists(conn):
            raise ClaimLost()
    except (*NOT_OURS, PreflightFailed) as error:
        raise ClaimLost() from error
    _proven[conn] = oid


def lock_table(conn: Connection, name: str, lock: str = READ) -> int:
    """Lock what has the name of a journal's table, in a transaction, and return its OID. Raises one of NOT_OURS."""
    table = f"{SCHEMA}.{name}"
    cursor = conn.execute(f"LOCK TABLE {table} IN {lock} MODE; SELECT '{table}'::regclass::bigint".encode())
    cursor.nextset()
    return int(cursor.fetchall()[0][0])


def shut_out_others(conn: Connection) -> None:
    """Take away what default privileges have given others on what was just made, in the same transaction."""
    for (revoke,) in conn.execute(statement(__package__, "grantees")).fetchall():
        conn.execute(revoke)
