"""An unfinished run, as the journal has it, and of which moments what it copied is."""

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
"""The state of a run whose source was changed meanwhile: what it has copied is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Status:
    """An unfinished copy, in the database that has its journal.

    `state` is running, failed, interrupted, changed or differs; `alive` tells whether its process still holds on.
    `options`, `held_until` and `all_read` decide how it goes on: see unfinished.
    """

    database: str
    source: str
    state: str
    started: datetime
    ended: datetime | None
    error: str | None
    options: Mapping[str, Any]
    held_until: datetime | None
    """Until then a process of its own holds the snapshot, if one was started and that time is not over."""
    all_read: bool
    steps: int
    done: int
    rows: int
    bytes: int
    alive: bool
    unfinished: list[str]
    refused: list[str]
    """What the destination refused, and why, in words."""
    differs: list[str]
    deferred: list[str]
    """What is to be done when the copy is open."""
    deferred_refused: list[str]
    """What of that could not be done, and why, in words."""

    @property
    def open(self) -> bool:
        """Whether the copy is complete but for what was deferred, and in use."""
        return self.state == deferred.OPEN

    @property
    def said(self) -> str:
        """How far it is, in one sentence."""
        if self.open:
            left = deferred.words(self.deferred)
            return deferred.OPEN_WITH.format(left) if left else "The copy is in use: run `validate` to finish."
        return f"The clone on the destination is unfinished: {self.done} of {self.steps} steps are done."

    @property
    def way_on(self) -> str:
        """What to do about it, in words."""
        if self.open:
            return "`validate` completes it; `clean` gives up the remaining work and removes only the journal."
        if self.differs:
            return correct(self.options, rows=any(name.startswith("table ") for name in self.differs))
        return go_on(self.options, all_read=self.all_read, held_until=self.held_until, resume=self.state != CHANGED)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was begun: from which database (`system` is the cluster's identifier), in which snapshot.

    `sessions` is the last word of its sessions' application names; `snapshot` is empty when all was read; `rows_only`:
    the schema was there before; `kept` are schemas of the destination's own. `options` are what it was begun with, by
    their names in Settings; `differs` names what differed when the copy was compared.
    """

    source: str
    system: str
    database: str
    sessions: str
    snapshot: str
    moment: str
    """pg_current_snapshot() of the snapshot: after a restart of the source another one may have its name."""
    source_start: str
    """When the source's server was started: no snapshot outlives that."""
    held_until: datetime | None
    """Until then another process holds the snapshot, if one does."""
    options: Mapping[str, Any]
    rows_only: bool = False
    kept: Sequence[str] = ()
    differs: Sequence[str] = ()
    tried: Mapping[str, Any] = field(default_factory=dict)
    """What the destination refused of the schema: see rehearsal."""
    checked: bool = False
    """All was read, and nothing had changed by then that decides how rows are read."""
    state: str = "running"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A step as the journal has it. `relation` is the table whose rows it copies; of a part, see model.Part.

    An empty digest tells nothing.
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
    """The transaction that did it."""
    refused: str | None
    """Why the destination refused it, if it did."""


def write_given(conn: Connection, values: Mapping[str, tuple[int, bool]]) -> None:
    """Record what sequences are given, in the transaction in which they are."""
    with proven(conn):
        conn.execute(
            "INSERT INTO replicator.sequence SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bool[])"
            " ON CONFLICT (name) DO UPDATE SET last_value = excluded.last_value, is_called = excluded.is_called",
            [list(values), [value for value, _ in values.values()], [called for _, called in values.values()]],
        )


def read_given(conn: Connection) -> dict[str, tuple[int, bool]]:
    """Return what the sequences were given: last_value and is_called, by identity."""
    with proven(conn):
        rows = conn.execute("SELECT name, last_value, is_called FROM replicator.sequence").fetchall()
    return {name: (value, called) for name, value, called in rows}


def read_at_another_moment(conn: Connection, snapshot: str) -> set[str]:
    """Return the tables of which some rows were read in another snapshot than this."""
    query = "SELECT DISTINCT relation FROM replicator.step WHERE relation IS NOT NULL AND snapshot <> %s"
    with proven(conn):
        return {relation for (relation,) in conn.execute(query, [snapshot]).fetchall()}


def read_copied(conn: Connection) -> dict[str, tuple[int | None, str | None]]:
    """Return how many rows of each table were copied, and the snapshot that they were read in.

    None: it is not known, or there were several.
    """
    with proven(conn):
        rows = conn.execute(
            "SELECT relation, CASE WHEN bool_and(rows IS NOT NULL) THEN sum(rows)::bigint END"
            "     , CASE WHEN min(snapshot) = max(snapshot) THEN min(snapshot) END"
            "  FROM replicator.step WHERE relation IS NOT NULL GROUP BY relation"
        ).fetchall()
    return {relation: (count, snapshot) for relation, count, snapshot in rows}


def read_again(conn: Connection, tables: Collection[str], read_point: ReadPoint) -> None:
    """Write down that rows of tables are of another moment from now on, and how many there are is not known."""
    with proven(conn):
        conn.execute(
            "UPDATE replicator.step SET snapshot = %s, lsn = %s, rows = NULL WHERE relation = ANY (%s)",
            [read_point.snapshot, read_point.lsn, list(tables)],
        )
