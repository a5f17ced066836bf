"""Sequences' values. They are not part of any snapshot: what is read is never older than the rows that were copied."""

from collections.abc import Mapping
from collections.abc import Sequence as Ordered

from replicator.model import Sequence
from replicator.postgres import Connection

AT_ONCE = 200


def read_values(conn: Connection, sequences: Ordered[Sequence]) -> dict[str, tuple[int, bool]]:
    """Return each sequence's last_value and is_called by its identity."""
    values: dict[str, tuple[int, bool]] = {}
    for start in range(0, len(sequences), AT_ONCE):
        some = sequences[start : start + AT_ONCE]
        query = " UNION ALL ".join(f"SELECT {i}, last_value, is_called FROM {s.identity}" for i, s in enumerate(some))
        for number, last_value, is_called in conn.execute(query):
            values[some[number].identity] = (last_value, is_called)
    return values


def set_values(destination: Connection, values: Mapping[str, tuple[int, bool]], *, forward: bool = False) -> None:
    """Give sequences these values; `forward`: but for those that are beyond them already."""
    destination.execute(
        "SELECT setval(v.name::regclass, v.value, v.called)"
        "  FROM unnest(%s::text[], %s::bigint[], %s::bool[]) AS v (name, value, called)"
        "  JOIN pg_sequence s ON s.seqrelid = v.name::regclass"
        "  LEFT JOIN LATERAL pg_sequence_last_value(s.seqrelid) AS now (value) ON %s"
        " WHERE (now.value > v.value AND s.seqincrement > 0 OR now.value < v.value AND s.seqincrement < 0) IS NOT TRUE",
        [list(values), [value for value, _ in values.values()], [called for _, called in values.values()], forward],
    )
