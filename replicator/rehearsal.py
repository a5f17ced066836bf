"""What will a server refuse? Ask it: the schema is made in one transaction, which is rolled back whatever happens.

This finds what no list of versions knows: a view that calls a function, or is written in a syntax, that only the other
server has. A few pieces go at a time, under a savepoint; where something fails, each statement under its own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import psycopg

from replicator import graph, postgres
from replicator.catalog import FACETS
from replicator.catalog.select import FIRST_USER_OID, Key, dispensable, key
from replicator.errors import PreflightFailed
from replicator.graph import Piece
from replicator.model import Catalog
from replicator.postgres import Connection

TOGETHER = 50
LARGE_OBJECT_CLASS = 2613
PRIVILEGE = "42501"
OUT_OF_LOCKS = "53200"
NOT_THE_STATEMENTS = ("08", "40", "53", "57", "58")
"""Classes of SQLSTATE that say something of the server's or the connection's state, not of what was asked."""
SHARE_OF_LOCKS = 0.75
LOCKS = {"table": 3, "matview": 3}
"""A table may have a TOAST table with an index."""
ROOM = """
SELECT current_setting('max_locks_per_transaction')::int
       * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)
"""


@dataclass(slots=True)
class Refused:
    """What a server refused, each with its reason: objects, and statements of others by the object's name."""

    objects: dict[Key, str] = field(default_factory=dict)
    statements: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    skipped: str | None = None
    """Why not everything was tried; None: it was."""


def rehearse(conn: Connection, catalog: Catalog, *, before: Iterable[str] = (), there: Collection[str] = ()) -> Refused:
    """Return what this server would refuse of a catalog. Nothing is written.

    `before`: statements that run first. `there`: the names of objects that the database has already.
    Raises PreflightFailed where a privilege is missing, DependencyCycle.
    """
    pieces = [p for p in graph.order(catalog.objects) if p.object.name not in there and _can_be_tried(p)]
    refused = Refused(skipped=_too_many(conn, pieces))
    if refused.skipped:
        pieces = [p for p in pieces if p.object.kind in FACETS and p.object.address.objid < FIRST_USER_OID]
    try:
        with conn.transaction(force_rollback=True):
            conn.execute("SAVEPOINT rehearsal")
            for statement in before:
                _refusal(conn, [statement])  # what depends on it will tell
            _try_all(conn, pieces, refused)
    except psycopg.Error as error:
        if error.sqlstate != OUT_OF_LOCKS:
            raise
        refused.skipped = _larger_than("the destination's lock table")
    return refused


def _can_be_tried(piece: Piece) -> bool:
    """What is said of large objects must wait for them: they come with the data."""
    return not (piece.object.kind in FACETS and piece.object.address.classid == LARGE_OBJECT_CLASS)


def _too_many(conn: Connection, pieces: Iterable[Piece]) -> str | None:
    room = conn.execute(ROOM).fetchall()[0][0]
    wanted = sum(LOCKS.get(piece.object.kind, 1) for piece in pieces)
    return _larger_than(f"{room} locks") if wanted > room * SHARE_OF_LOCKS else None


def _larger_than(room: str) -> str:
    return (
        f"The schema is too large to be tried on the destination in one transaction ({room}): what it refuses"
        " for a reason that this program does not know will stop the clone. Raise max_locks_per_transaction there."
    )


def _try_all(conn: Connection, pieces: Sequence[Piece], refused: Refused) -> None:
    bad: set[str] = set()
    for start in range(0, len(pieces), TOGETHER):
        some = [piece for piece in pieces[start : start + TOGETHER] if not piece.needs & bad]
        bad |= {piece.name for piece in pieces[start : start + TOGETHER]} - {piece.name for piece in some}
        if _refusal(conn, [statement for piece in some for statement in piece.statements]):
            for piece in some:
                if piece.needs & bad or not _try_one(conn, piece, refused):
                    bad |= {piece.name, piece.object.name}


def _try_one(conn: Connection, piece: Piece, refused: Refused) -> bool:
    """Make one piece, as far as it goes; tell whether it is there."""
    if not _refusal(conn, piece.statements):
        return True
    superuser = conn.info.parameter_status("is_superuser") == "on"  # then it is another's privilege that is missing
    for statement in piece.statements:
        error = _refusal(conn, [statement])
        if error is None:
            continue
        if error.sqlstate == PRIVILEGE and not superuser:
            raise PreflightFailed(
                f"The destination would refuse the {piece.name}: {postgres.one_line(error)}",
                hint="Grant the privilege there, or connect as a role that has it.",
            )
        if not dispensable(piece.object, statement):
            refused.objects[key(piece.object)] = postgres.one_line(error)
            refused.statements.pop(piece.object.name, None)
            return False
        refused.statements[piece.object.name][statement] = postgres.one_line(error)
    return True


def _refusal(conn: Connection, statements: Sequence[str]) -> psycopg.Error | None:
    """Run statements after the savepoint and move it. Returns the error, if there is one, with all as it was before.

    In one message, so that the savepoint must be there already: a syntax error anywhere in a message undoes it whole.
    """
    try:
        conn.execute(";\n".join([*statements, "RELEASE SAVEPOINT rehearsal", "SAVEPOINT rehearsal"]))
    except psycopg.Error as error:
        if error.sqlstate is None or error.sqlstate.startswith(NOT_THE_STATEMENTS):
            raise
        conn.execute("ROLLBACK TO SAVEPOINT rehearsal")
        return error
    return None
