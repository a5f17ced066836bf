"""Foreign keys do not act on a repair with session_replication_role = replica: check them afterwards."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from replicator.catalog.read import read_targets
from replicator.sessions.postgres import Connection

ROOTS = """
SELECT coalesce(pg_partition_root(to_regclass(name))::text, to_regclass(name)::text, name)
  FROM unnest(%s::text[]) WITH ORDINALITY AS n (name, number)
 ORDER BY number
"""
OURS = "fk.xmin::text = (txid_current() % 4294967296)::text"
"""This transaction wrote the row (not inside a savepoint)."""


def roots(conn: Connection, names: Iterable[str]) -> list[str]:
    """Return for each table its topmost partitioned table, or the table itself."""
    return [name for (name,) in conn.execute(ROOTS, [list(names)])]


def references(conn: Connection) -> list[Any]:
    """Return the valid foreign keys of a database."""
    return [key for key in read_targets(conn, "target_foreign_keys") if key.violating]


def joined(tables: Mapping[str, str], keys: Iterable[Any]) -> list[set[str]]:
    """Group tables, given with their roots, that foreign keys connect."""
    groups = [{name} for name in tables]
    for key in keys:
        some = [group for group in groups if any(tables[n] in (key.referencing, key.referenced) for n in group)]
        if len(some) > 1:
            groups = [*(group for group in groups if group not in some), set().union(*some)]
    return groups


def keep_referenced(conn: Connection, tables: Mapping[str, str], keys: Iterable[Any]) -> None:
    """Lock the referenced tables against deletes. A transaction that refers to a row being deleted waits anyway."""
    repaired = set(tables.values())
    for name in sorted({key.referenced for key in keys if key.referencing in repaired}):
        conn.execute(f"LOCK TABLE {name} IN SHARE MODE")


def broken(
    conn: Connection,
    connect: Callable[[], AbstractContextManager[Connection]],
    tables: Mapping[str, str],
    keys: Iterable[Any],
) -> dict[str, str]:
    """Return which of the repaired tables, given with their roots, would break foreign keys, and how.

    Another session, which does not see the repair, shows which references were broken before.
    """
    repaired = set(tables.values())
    faults: dict[str, str] = {}
    for key in keys:
        if repaired.isdisjoint({key.referencing, key.referenced}):
            continue
        found = conn.execute(f"SELECT DISTINCT {key.values}, {OURS} FROM {key.violating}").fetchall()
        if not found:
            continue
        with connect() as other:
            old = set(other.execute(f"SELECT DISTINCT {key.values} FROM {key.violating}"))
        ours = {written for values, written in found if (values,) not in old}
        if True in ours:
            faults[key.referencing] = f"it would refer to rows that are missing in {key.referenced}"
        if False in ours:
            faults[key.referenced] = f"{key.referencing} refers to rows that would be deleted"
    return {name: faults[root] for name, root in tables.items() if root in faults}
