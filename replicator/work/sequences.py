"""Values of sequences. They are not part of a snapshot: the values are never older than the copied rows."""

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Ordered
from typing import Any

from psycopg import sql

from replicator.model import Sequence
from replicator.sessions import locks
from replicator.sessions.locks import replaced
from replicator.sessions.postgres import Connection

AT_ONCE = 200
MISSING = """
SELECT name
  FROM unnest(%s::text[]) AS name
 WHERE to_regclass(name) IS NULL
   AND EXISTS (SELECT FROM replicator.step WHERE phase = 'schema' AND done_at IS NULL)"""


def read_values(conn: Connection, sequences: Ordered[Sequence], *, prove: bool = True) -> dict[str, tuple[int, bool]]:
    """Return last_value and is_called of each sequence by its name on the destination; of several, the last.

    `prove`: check that each name still belongs to the sequence's OID. Raises SourceChanged if not.
    """
    values: dict[str, tuple[int, bool]] = {}
    for start in range(0, len(sequences), AT_ONCE):
        some = sequences[start : start + AT_ONCE]
        query = " UNION ALL ".join(
            f"SELECT {i}, tableoid::bigint, last_value, is_called FROM {s.identity}" for i, s in enumerate(some)
        )
        for number, oid, last_value, is_called in _ask(conn, query, [s.identity for s in some]):
            if prove and oid != some[number].address.objid:
                raise replaced([some[number].identity])
            value, name = (last_value, is_called), some[number].target
            values[name] = max(values.get(name, value), value)
    return values


def _ask(conn: Connection, query: str | sql.Composed, names: Ordered[str]) -> list[tuple[Any, ...]]:
    """Query sequences, and refuse views that somebody put in their place, which would run code."""
    with locks.reading(conn, names):
        return conn.execute(query).fetchall()


def any_unlogged(conn: Connection, sequences: Ordered[Sequence]) -> bool:
    """Return whether a crash of the server would reset any of these."""
    query = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = ANY (%s::oid[]) AND relpersistence = 'u')"
    return conn.execute(query, [[s.address.objid for s in sequences]]).fetchall() == [(True,)]


def set_values(destination: Connection, values: Mapping[str, tuple[int, bool]], *, forward: bool = False) -> None:
    """Set sequences to these values; with `forward` skip those that are already further on."""
    if forward:
        beyond = set(_beyond(destination, values))
        values = {name: value for name, value in values.items() if name not in beyond}
    destination.execute(
        "SELECT setval(v.name::regclass, v.value, v.called)"
        "  FROM unnest(%s::text[], %s::bigint[], %s::bool[]) AS v (name, value, called)",
        [list(values), [value for value, _ in values.values()], [called for _, called in values.values()]],
    )


def set_what_is_there(
    destination: Connection, values: Mapping[str, tuple[int, bool]], *, forward: bool = False
) -> dict[str, tuple[int, bool]]:
    """Do the same, but skip sequences that do not exist because they could not be created. Returns what was set.

    A resumed run, which creates them, sets all again.
    """
    missing = {name for (name,) in destination.execute(MISSING, [list(values)]).fetchall()}
    there = {name: value for name, value in values.items() if name not in missing}
    set_values(destination, there, forward=forward)
    return there


def _beyond(conn: Connection, values: Mapping[str, tuple[int, bool]]) -> Iterator[str]:
    """Yield the sequences whose next value is beyond the one after these values.

    The next value of a sequence that was never called is its last_value.
    """
    names = list(values)
    one = (
        "SELECT {}, q.last_value, q.is_called, s.seqincrement FROM {} q, pg_sequence s WHERE s.seqrelid = {}::regclass"
    )
    for start in range(0, len(names), AT_ONCE):
        parts = (
            sql.SQL(one).format(number, sql.SQL(names[number]), sql.Literal(names[number]))
            for number in range(start, min(start + AT_ONCE, len(names)))
        )
        some = names[start : start + AT_ONCE]
        for number, last_value, is_called, step in _ask(conn, sql.SQL(" UNION ALL ").join(parts), some):
            value, called = values[names[number]]
            ours, theirs = value + step * called, last_value + step * is_called
            if (theirs > ours) if step > 0 else (theirs < ours):
                yield names[number]
