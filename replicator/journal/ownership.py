"""Whether the schema with the journal's name is a journal, and whether it can be trusted.

Anybody who may create schemas in the destination can create one of that name, with a view in it that calls a function.
So it is checked before anything in it is read: the schema and its tables belong to this role or to a superuser, nobody
else may write there, and the tables have nothing that runs code. The check and the reading are one transaction, which
holds a lock on the journal, so that nobody can replace it in between. Even so, no text of a journal ever becomes SQL,
except as quoted identifiers and literals.
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
"""The start of the comment on the schema. It ends with a hash of journal.sql, which differs for each format."""
OF_EVERY_FORMAT = {"run.source", "run.snapshot", "run.sessions", "step.number", "step.phase", "step.digest"}
"""Columns by which a journal from before the mark is recognized."""
READ, DROP = "ACCESS SHARE", "ACCESS EXCLUSIVE"
NOT_OURS = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.WrongObjectType,
    psycopg.errors.InsufficientPrivilege,
)
"""The errors for a lock on a journal that was dropped, or that somebody else has replaced."""
_proven: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()
RENAME = f"ALTER SCHEMA {SCHEMA} RENAME TO {SCHEMA}_of_the_destination;"


class JournalSchema(NamedTuple):
    """The schema with the journal's name: see there.sql."""

    mark: str | None
    owner: str
    readable: bool
    strangers: list[str]
    writers: list[str]
    odd: list[str]
    columns: list[str]

    def check_owner(self, user: str) -> None:
        """Raise PreflightFailed if roles other than `user` and superusers may change it."""
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
        """Raise PreflightFailed if it has anything but plain tables, which could run other people's code."""
        if self.odd:
            raise PreflightFailed(
                f"The journal on the destination (schema {SCHEMA}) is not as replicator created it:"
                f" {', '.join(self.odd)}. It is"
                " not read, since it could run other roles' code.",
                hint=f"Drop the schema, or rename it: {RENAME}",
            )


def exists(conn: Connection) -> bool:
    """Return whether this database has a journal. Another schema of the same name is none.

    Raises PreflightFailed for a journal of another version or of an untrusted role.
    """
    found = look(conn)
    return found is not None and _is_ours(found, conn.info.user)


def obstacle(conn: Connection) -> Finding | None:
    """Return what prevents creating or reading a journal here, if anything. It is never dropped."""
    found = look(conn)
    try:
        if found is None or _is_ours(found, conn.info.user):
            return None
    except PreflightFailed as error:
        return Finding(str(error), error.hint or "", object=f"schema {SCHEMA}")
    return Finding(
        "The destination has a schema named replicator that no clone created, but a clone needs that name for its"
        " journal.",
        object=f"schema {SCHEMA}",
        run=RENAME,
    )


def look(conn: Connection) -> JournalSchema | None:
    """Return the schema with the journal's name; None if there is none."""
    rows = conn.execute(statement(__package__, "there")).fetchall()
    return JournalSchema(*rows[0]) if rows else None


def _is_ours(found: JournalSchema, user: str) -> bool:
    """Return whether this is a journal. Raises as `exists` does."""
    if not ((found.mark or "").startswith(MARK) or set(found.columns) >= OF_EVERY_FORMAT):
        return False
    found.check_owner(user)
    if found.mark != mark():
        raise PreflightFailed(
            "The unfinished clone on the destination was started by another version of replicator, whose journal"
            f" (schema {SCHEMA}) this version cannot read.",
            hint="Use that version to finish it (`clone --resume`) or to remove it (`clean`).",
        )
    found.check_tables()
    if missing := sorted(_columns() - set(found.columns)):
        raise damaged(f"it lacks {', '.join(missing)}")
    return True


def damaged(what: str) -> PreflightFailed:
    """Return the error for a journal with content that this program never writes."""
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
    """Begin a transaction that locks the journal; yields False if there is none. Raises as `exists` does."""
    with conn.transaction():
        there = exists(conn)
        if there:
            try:
                with conn.transaction():
                    prove(conn)
            except ClaimLost:
                if exists(conn):
                    raise
                there = False  # it was dropped just now
        yield there


@contextmanager
def proven(conn: Connection, lock: str = READ) -> Iterator[None]:
    """Begin a transaction that locks and checks the journal. Raises ClaimLost."""
    with conn.transaction():
        prove(conn, lock)
        yield


def prove(conn: Connection, lock: str = READ) -> None:
    """Lock the journal until the end of the transaction, and check it. Raises ClaimLost.

    The lock comes first: it prevents dropping the journal, and nobody can put anything in its place while it exists. A
    journal that was checked in this session is recognized by its OID: its owners cannot have changed.
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
    """Lock the relation with the name of a journal table and return its OID. Raises one of NOT_OURS."""
    table = f"{SCHEMA}.{name}"
    cursor = conn.execute(f"LOCK TABLE {table} IN {lock} MODE; SELECT '{table}'::regclass::bigint".encode())
    cursor.nextset()
    return int(cursor.fetchall()[0][0])


def shut_out_others(conn: Connection) -> None:
    """Revoke what default privileges have granted on the new journal, in the same transaction."""
    for (revoke,) in conn.execute(statement(__package__, "grantees")).fetchall():
        conn.execute(revoke)
