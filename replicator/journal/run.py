"""An unfinished run as the journal records it, and the snapshots that its tables were read in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from replicator.journal import deferred
from replicator.journal.ownership import proven
from replicator.journal.unfinished import correct, go_on
from replicator.model import Phase, ReadPoint
from replicator.sessions.postgres import Connection

CHANGED = "changed"
"""The state of a run whose source changed meanwhile: its copy is not valid."""


@dataclass(frozen=True, slots=True)
class Status:
    """An unfinished copy, as its journal describes it.

    `state` is running, failed, interrupted, changed or differs; `alive` is whether its process is still connected.
    `options`, `held_until` and `all_read` decide how to continue: see unfinished.
    """

    database: str
    source: str
    state: str
    started: datetime | None
    """None: it ended before it wrote its journal."""
    ended: datetime | None
    error: str | None
    options: Mapping[str, Any]
    held_until: datetime | None
    """Until when a background process holds the snapshot, if one was started and has time left."""
    all_read: bool
    steps: int
    done: int
    rows: int
    bytes: int
    alive: bool
    unfinished: list[str]
    refused: list[str]
    """The steps that failed, with the reasons."""
    differs: list[str]
    deferred: list[str]
    """The deferred steps that are left."""
    deferred_refused: list[str]
    """Those of them that failed, with the reasons."""

    @property
    def open(self) -> bool:
        """Whether the copy is in use and complete, except for deferred steps."""
        return self.state == deferred.OPEN

    @property
    def said(self) -> str:
        """The progress in one sentence."""
        if self.open:
            left = deferred.words(self.deferred)
            return deferred.OPEN_WITH.format(left) if left else "The copy can be used; run `validate` to finish."
        return f"The clone on the destination is unfinished: {self.done} of {self.steps} steps are done."

    @property
    def way_on(self) -> str:
        """The next command, in a sentence."""
        if self.open:
            return "`validate` does the deferred work; `clean` cancels it, and removes only the journal."
        if not self.started:
            return f'"{self.database}" was created, and is empty. Run the same command again, or drop it with `clean`.'
        if self.differs:
            return correct(self.options, rows=any(name.startswith("table ") for name in self.differs))
        return go_on(self.options, all_read=self.all_read, held_until=self.held_until, resume=self.state != CHANGED)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it began: its source database (`system` is the cluster's identifier) and snapshot.

    `sessions` is the last word of its application names; `snapshot` is empty after all was read; `rows_only`: the
    schema existed before; `kept` are the destination's own schemas. `options` are the original ones, by their names in
    Settings; `differs` names what differed in the comparison.
    """

    source: str
    system: str
    database: str
    sessions: str
    snapshot: str
    moment: str
    """pg_current_snapshot() in the snapshot: after a restart of the source another one may have its name."""
    source_start: str
    """When the source server was started: no snapshot survives a restart."""
    held_until: datetime | None
    """Until when another process holds the snapshot, if one does."""
    options: Mapping[str, Any]
    rows_only: bool = False
    kept: Sequence[str] = ()
    differs: Sequence[str] = ()
    tried: Mapping[str, Any] = field(default_factory=dict)
    """What the destination refused of the schema: see checks/dry_run.py."""
    checked: bool = False
    """All was read, and nothing that affects the reading of rows had changed by then."""
    state: str = "running"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A step as the journal records it. `relation` is the table whose rows it copies; for parts see model.Part.

    An empty digest says nothing about the step.
    """

    name: str
    phase: Phase
    digest: str
    relation: str | None
    cost: int
    part_key: str | None
    part_since: str | None
    part_before: str | None
    done: bool
    rows: int | None
    txid: int | None
    """The ID of the transaction that did it."""
    refused: str | None
    """Why it failed, if it did."""


def write_given(conn: Connection, values: Mapping[str, tuple[int, bool]]) -> None:
    """Record the values of sequences, in the transaction that sets them."""
    with proven(conn):
        conn.execute(
            "INSERT INTO replicator.sequence SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bool[])"
            " ON CONFLICT (name) DO UPDATE SET last_value = excluded.last_value, is_called = excluded.is_called",
            [list(values), [value for value, _ in values.values()], [called for _, called in values.values()]],
        )


def read_given(conn: Connection) -> dict[str, tuple[int, bool]]:
    """Return the recorded values of sequences: last_value and is_called, by identity."""
    with proven(conn):
        rows = conn.execute("SELECT name, last_value, is_called FROM replicator.sequence").fetchall()
    return {name: (value, called) for name, value, called in rows}


def read_at_another_moment(conn: Connection, snapshot: str) -> set[str]:
    """Return the tables with rows that were read in another snapshot than this one."""
    query = "SELECT DISTINCT relation FROM replicator.step WHERE relation IS NOT NULL AND snapshot <> %s"
    with proven(conn):
        return {relation for (relation,) in conn.execute(query, [snapshot]).fetchall()}


def read_copied(conn: Connection) -> dict[str, tuple[int | None, str | None]]:
    """Return the number of rows copied of each table, and the snapshot that they were read in.

    None if it is unknown, or there were several.
    """
    with proven(conn):
        rows = conn.execute(
            "SELECT relation, CASE WHEN bool_and(rows IS NOT NULL) THEN sum(rows)::bigint END"
            "     , CASE WHEN min(snapshot) = max(snapshot) THEN min(snapshot) END"
            "  FROM replicator.step WHERE relation IS NOT NULL GROUP BY relation"
        ).fetchall()
    return {relation: (count, snapshot) for relation, count, snapshot in rows}


def read_again(conn: Connection, tables: Collection[str], read_point: ReadPoint) -> None:
    """Record that tables now have rows of another snapshot, and that their number is unknown."""
    with proven(conn):
        conn.execute(
            "UPDATE replicator.step SET snapshot = %s, lsn = %s, rows = NULL WHERE relation = ANY (%s)",
            [read_point.snapshot, read_point.lsn, list(tables)],
        )
