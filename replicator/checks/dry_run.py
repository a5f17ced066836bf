"""What will a server refuse? Create the schema there in one transaction, which is always rolled back.

This finds what no list of versions knows: a view that calls a function, or uses a syntax, that only the other server
has. Pieces are tried fifty at a time under a savepoint; if one fails, each statement gets a savepoint of its own.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
from psycopg.errors import Diagnostic

from replicator.catalog import FACETS
from replicator.catalog.select import FIRST_USER_OID, dispensable
from replicator.model import Catalog, Object
from replicator.planning.graph import Piece
from replicator.planning.lookups import Hints, creation_order
from replicator.sessions import failures, locks, postgres
from replicator.sessions.postgres import Connection
from replicator.sessions.setup import OUR_PATH, with_path
from replicator.work.rejected import NAMELESS, NO_LIBRARY

TOGETHER = 50
LARGE_OBJECT_CLASS = 2613
PRIVILEGE = ("42501", "2F003")  # the latter of a subscription without a password
NOTHING_DONE = ("01006", "01007")
"""SQLSTATEs of warnings: GRANT or REVOKE had no effect, which is no error."""
OUT_OF_LOCKS = "53200"
NOT_THE_STATEMENTS = ("08", "40", "53", "57", "58")
"""Classes of SQLSTATE about the state of the server or the connection, not about the statement."""
TRYING = {"default_transaction_read_only": "off"}
"""Settings for the dry run: a database that is read-only by default would refuse every statement."""
STANDBY = "The schema was not tried on the destination: it is a standby, which is read-only."
LIBRARY = re.compile(r"^ *LANGUAGE c\b", re.MULTILINE)
LOCKS = {"table": 3, "matview": 3}
"""A table may have a TOAST table with an index."""
MAY_BE_FORBIDDEN = frozenset(
    {
        "extension",
        "language",
        "collation",
        "base_type",
        "range_type",
        "cast",
        "function",
        "access_method",
        "operator",
        "operator_family",
        "operator_class",
        "transform",
        "conversion",
        "text_search_parser",
        "text_search_template",
        "foreign_data_wrapper",
        "foreign_server",
        "user_mapping",
        "publication",
        "publication_table",
        "publication_schema",
        "subscription",
        "security_label",
        "default_acl",
        "event_trigger",
    }
)
"""Kinds that may need more privileges than the owner of their schema has."""


@dataclass(slots=True)
class Refused:
    """What a server refused, with its reasons: whole objects, and statements of others, both by the object's name."""

    objects: dict[str, str] = field(default_factory=dict)
    statements: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Rehearsal:
    """What the server does not support (`refused`), and what this role may not create there (`forbidden`)."""

    refused: Refused = field(default_factory=Refused)
    forbidden: Refused = field(default_factory=Refused)
    skipped: str | None = None
    """Why not everything was tried; None if it was."""

    @classmethod
    def of_then(cls, record: Mapping[str, Mapping[str, Any]]) -> "Rehearsal":
        """Return what an earlier run recorded."""
        return cls(Refused(**record["refused"]), Refused(**record["forbidden"]))

    @property
    def record(self) -> dict[str, dict[str, Any]]:
        """What a later run needs: it cannot try a schema again that is partly created."""
        return {"refused": asdict(self.refused), "forbidden": asdict(self.forbidden)}


def rehearse(
    conn: Connection,
    catalog: Catalog,
    *,
    before: Iterable[str] = (),
    existing: Collection[str] = (),
    unchanged: Collection[str] = (),
) -> Rehearsal:
    """Return what this server would refuse of a catalog. Nothing is written.

    `before`: statements that run first. `existing`: the names of objects that the database has already; `unchanged`:
    of privileges that are in force already, so it does not matter whether they can be granted.
    Raises DependencyCycle.
    """
    pieces = [p for p in creation_order(catalog, Hints(catalog)) if p.object.name not in existing and _can_be_tried(p)]
    superuser = conn.info.parameter_status("is_superuser") == "on"
    same = catalog.version // 10000 == conn.info.server_version // 10000
    if same and superuser:
        pieces = _with_needs(pieces, needs_library)
    if pieces and conn.execute("SELECT pg_is_in_recovery()").fetchall() == [(True,)]:
        return Rehearsal(skipped=STANDBY)
    found = Rehearsal(skipped=_too_many(conn, pieces))
    if found.skipped:
        pieces = _with_needs(pieces, lambda o: not superuser and o.kind in MAY_BE_FORBIDDEN)
        if same and not superuser and not _too_many(conn, pieces):
            found.skipped = None  # a role that may create schemas may create everything else
    try:
        with _unfrozen(conn), conn.transaction(force_rollback=True):
            conn.execute("SAVEPOINT rehearsal")
            for statement in before:
                _refusal(conn, [statement])  # whatever depends on it fails, too
            _Trial(conn, found, superuser, unchanged, catalog.path).run(pieces)
    except psycopg.Error as error:
        if error.sqlstate != OUT_OF_LOCKS:
            raise
        found.skipped = _larger_than("the destination's lock table")
    postgres.flush(conn)
    return found


@contextmanager
def _unfrozen(conn: Connection) -> Iterator[None]:
    for name, value in TRYING.items():
        conn.execute(f"SET {name} = {value}")
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):  # the connection is lost, and the error says so
            conn.execute("; ".join(f"RESET {name}" for name in TRYING))


def needs_library(o: Object) -> bool:
    """Tell whether an object needs a library on the server, which neither its version nor the role guarantees."""
    return o.kind == "function" and any(LIBRARY.search(statement.partition("\nAS ")[0]) for statement in o.create)


def _with_needs(pieces: Sequence[Piece], wants: Callable[[Object], bool]) -> list[Piece]:
    """Return the wanted pieces, statements about built-in objects, and everything that these need."""
    wanted: set[str] = set()
    for piece in reversed(pieces):  # each comes after everything that it needs
        built_in = piece.object.kind in FACETS and piece.object.address.objid < FIRST_USER_OID
        if built_in or wants(piece.object) or piece.name in wanted:
            wanted |= {piece.name, *piece.needs}
    return [piece for piece in pieces if piece.name in wanted]


def _can_be_tried(piece: Piece) -> bool:
    """Statements about large objects must wait for them: they are copied with the data."""
    return not (piece.object.kind in FACETS and piece.object.address.classid == LARGE_OBJECT_CLASS)


def _too_many(conn: Connection, pieces: Iterable[Piece]) -> str | None:
    room, _ = locks.room(conn)
    wanted = sum(LOCKS.get(piece.object.kind, 1) for piece in pieces)
    return _larger_than(f"{room} locks") if wanted > room * locks.SHARE else None


def _larger_than(room: str) -> str:
    return (
        f"The schema is too large to be tried on the destination in one transaction ({room}), so incompatibilities that"
        " replicator does not know only show during the clone. To try it, raise max_locks_per_transaction there."
    )


class _Trial:
    """One pass over the pieces, inside a transaction. Fills `found`."""

    def __init__(
        self, conn: Connection, found: Rehearsal, superuser: bool, unchanged: Collection[str], path: str
    ) -> None:
        self.conn = conn
        self.found = found
        self.superuser = superuser
        self.unchanged = unchanged
        self.path = path
        self._warnings: list[str] = []

    def run(self, pieces: Sequence[Piece]) -> None:
        """Try them all, some together; those that need what is not there are not tried."""
        if not self.superuser:  # nothing warns a superuser: he may grant everything
            self.conn.add_notice_handler(self._hear)
            self.conn.execute(
                "SET LOCAL client_min_messages = warning; RELEASE SAVEPOINT rehearsal; SAVEPOINT rehearsal"
            )
        try:
            self._try_all(pieces)
        finally:
            if not self.superuser:
                self.conn.remove_notice_handler(self._hear)

    def _hear(self, notice: Diagnostic) -> None:
        if notice.sqlstate in NOTHING_DONE:
            self._warnings.append(f"{notice.message_primary} [{notice.sqlstate}]")

    def _try_all(self, pieces: Sequence[Piece]) -> None:
        bad: set[str] = set()
        for start in range(0, len(pieces), TOGETHER):
            some = [piece for piece in pieces[start : start + TOGETHER] if not piece.needs & bad]
            bad |= {piece.name for piece in pieces[start : start + TOGETHER]} - {piece.name for piece in some}
            self._warnings.clear()
            if _refusal(self.conn, [statement for piece in some for statement in piece.statements]):
                for piece in some:
                    if piece.needs & bad or not self._try_one(piece):
                        bad |= {piece.name, piece.object.name}
            if self._warnings:
                for piece in some:
                    if piece.object.kind == "acl" and piece.name not in self.unchanged:
                        self._grant_again(piece)

    def _try_one(self, piece: Piece) -> bool:
        """Create one piece as far as possible; tell whether it exists."""
        if not self._refusal(piece.statements):
            return True
        other_role = None
        for statement in piece.statements:
            if statement == "RESET ROLE":
                other_role = None
            error = other_role or self._refusal([statement])
            if error is None:
                continue
            if statement.startswith("SET LOCAL ROLE "):
                other_role = error  # nobody else can grant in the name of that role
            # A superuser lacks no privilege: then another role does, in whose name the statement runs.
            forbidden = error.sqlstate in PRIVILEGE and not self.superuser
            result = self.found.forbidden if forbidden else self.found.refused
            if not dispensable(piece.object, statement):
                result.objects[piece.object.name] = failures.one_line(error)
                for each in (self.found.forbidden, self.found.refused):
                    each.statements.pop(piece.object.name, None)
                return False
            result.statements.setdefault(piece.object.name, {})[statement] = failures.one_line(error)
        return True

    def _refusal(self, statements: Sequence[str]) -> psycopg.Error | None:
        """Run statements as a clone does: again with the database's own search_path if functions do not find a name."""
        error = _refusal(self.conn, statements)
        if self.path and isinstance(error, NAMELESS):
            return _refusal(self.conn, [with_path(self.path), *statements, OUR_PATH]) and error
        return error

    def _grant_again(self, piece: Piece) -> None:
        """Find the statements without effect by running each once more: GRANT and REVOKE may be repeated."""
        lost = self.found.forbidden.statements
        for statement in piece.statements:
            self._warnings.clear()
            if statement not in lost.get(piece.object.name, {}):
                _refusal(self.conn, [statement])
                if self._warnings:
                    lost.setdefault(piece.object.name, {})[statement] = self._warnings[0]


def _refusal(conn: Connection, statements: Sequence[str]) -> psycopg.Error | None:
    """Run statements and move the savepoint behind them. If one fails, undo them all and return the error.

    They go in one message, which a syntax error anywhere undoes as a whole: so the savepoint must exist before.
    """
    try:
        conn.execute(";\n".join([*statements, "RELEASE SAVEPOINT rehearsal", "SAVEPOINT rehearsal"]))
    except psycopg.Error as error:
        state = error.sqlstate
        if state is None or (state.startswith(NOT_THE_STATEMENTS) and state != NO_LIBRARY):
            raise
        conn.execute("ROLLBACK TO SAVEPOINT rehearsal")
        return error
    return None
