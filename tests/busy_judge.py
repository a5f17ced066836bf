"""An independent judge of a copy of a busy source: is it of one moment, and is all of that moment there?

It asks nothing of the program, and nothing of the source as it is now. The copy's own log (tests/busy.sql) tells what
must be in it: what each actor said up to the copy's moment, folded over what there was at the beginning.
"""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from tests.busy import PARTS, READS
from tests.busy_reads import Read, State
from tests.fix_servers import Database

Log = dict[str, list[tuple[int, str, str, str | None]]]
STILL = ("busy.still", "busy.item_1", "busy.item_2", "busy.log", "busy.account", "busy.booking", "busy.receipt")
"""Tables whose definition no actor changes."""
HASH = "SELECT count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) FROM {} t"
INVARIANTS = {
    "the money": "SELECT sum(balance) FROM busy.account HAVING sum(balance) <> 20000 OR count(*) <> 200",
    "balance and bookings": """SELECT a.id, balance, sum(amount)
                                 FROM busy.account a JOIN busy.booking b ON b.account = a.id
                                GROUP BY a.id, balance HAVING balance <> 100 + sum(amount)""",
    "bookings and receipts": """SELECT * FROM (SELECT DISTINCT writer, number FROM busy.booking) b
                                  FULL JOIN busy.receipt USING (writer, number)
                                 WHERE b.writer IS NULL OR receipt.writer IS NULL""",
    "pairs": "SELECT id FROM busy.pairs WHERE (pair).a <> - (pair).b",
    "numbers ahead of their sequence": """SELECT max(a) FROM busy.numbered
                                          HAVING max(a) > (SELECT last_value FROM busy.number)""",
    "invalid indexes": "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid",
    "indexes": """SELECT * FROM unnest(ARRAY['vacuumed_value', 'item_3_value', 'item_1_pkey', 'log_pkey']) AS name
                   WHERE to_regclass('busy.' || name) IS NULL""",
    "matview": """SELECT * FROM busy.counted FULL JOIN
                  (SELECT balance, count(*) AS accounts FROM busy.account GROUP BY 1) AS now USING (balance, accounts)
                   WHERE now.balance IS NULL OR counted.balance IS NULL""",
}
"""Queries that find nothing in a copy of one moment."""


@dataclass(frozen=True)
class Beginning:
    """What there was before the clone began: the states when the log was empty, and how far everybody had got since."""

    states: dict[str, State]
    committed: dict[str, int]


def read_states(conn: psycopg.Connection, parts: Iterable[str]) -> dict[str, State]:
    return {what: READS[what](conn) for part in parts for what in PARTS[part].reads}


def read_log(conn: psycopg.Connection) -> Log:
    log: Log = defaultdict(list)
    for writer, *entry in conn.execute(
        "SELECT writer, number, what, key, value FROM busy.log ORDER BY 1, 2"
    ).fetchall():
        log[writer].append(tuple(entry))
    return log


def fold(state: State, what: str, entries: Iterable[tuple[int, str, str, str | None]]) -> State:
    """Return what a state has become."""
    state = dict(state)
    for _, about, key, value in entries:
        if about == what:
            change(state, key, value)
    return state


def change(state: State, key: str, value: str | None) -> None:
    if key == "*":
        state.clear()
    elif value is None:
        state.pop(key, None)
    else:
        state[key] = value


def complaints(copy: Database, beginning: Beginning, parts: Iterable[str]) -> list[str]:
    """Return what is wrong with a copy of one moment."""
    found: list[str] = []
    with psycopg.connect(copy.dsn, autocommit=True) as conn:
        try:
            log = read_log(conn)
        except psycopg.errors.UndefinedTable:
            return ["there is no log"]
        found += torn(conn, log, beginning)
        found += broken_invariants(conn)
        for part in parts:
            for what, read in PARTS[part].reads.items():
                expected = fold(beginning.states[what], what, log[part])
                found += different(what, expected, read, conn)
    return found


def torn(conn: psycopg.Connection, log: Log, beginning: Beginning) -> list[str]:
    """Look whether the log is of one moment: no gaps, nothing missing that was there before what is there."""
    found = []
    reached = {writer: len(entries) for writer, entries in log.items()}
    for writer, entries in log.items():
        if [number for number, *_ in entries] != list(range(1, len(entries) + 1)):
            found.append(f"the log of {writer} has gaps")
    for writer, number in beginning.committed.items():
        if reached.get(writer, 0) < number:
            found.append(f"the log of {writer} ends at {reached.get(writer, 0)}, before the clone it was at {number}")
    query = """SELECT who, max(n::int), (array_agg(writer || ' ' || number ORDER BY n::int DESC))[1]
                 FROM busy.log, jsonb_each_text(seen) AS known (who, n) GROUP BY 1"""
    for writer, number, by in conn.execute(query).fetchall():
        if reached.get(writer, 0) < number:
            found.append(
                f"torn: {by} is there, which came after {writer} {number}; that ends at {reached.get(writer, 0)}"
            )
    return found


def broken_invariants(conn: psycopg.Connection) -> list[str]:
    found = []
    for what, query in INVARIANTS.items():
        try:
            if rows := conn.execute(query).fetchall():
                found.append(f"{what}: {rows[:3]}")
        except psycopg.errors.SyntaxErrorOrAccessRuleViolation as error:  # something is missing
            found.append(f"{what}: {error}")
    return found


def different(what: str, expected: State, read: Read, conn: psycopg.Connection) -> list[str]:
    """Compare what must be with what is."""
    try:
        there = read(conn)
    except psycopg.Error as error:
        return [f"{what}: {error}"]
    if there == expected:
        return []
    keys = sorted(key for key in there.keys() | expected.keys() if there.get(key) != expected.get(key))
    few = ", ".join(f"{key} is {there.get(key)} instead of {expected.get(key)}" for key in keys[:3])
    return [f"{what}: {len(there)} instead of {len(expected)}, {len(keys)} differ: {few}"]


def complaints_per_table(copy: Database, source: Database, beginning: Beginning, parts: Iterable[str]) -> list[str]:
    """Return what is wrong with a copy whose tables are each of some moment: that of none, or of one too early."""
    found = []
    with psycopg.connect(copy.dsn, autocommit=True) as conn, psycopg.connect(source.dsn, autocommit=True) as there:
        log = read_log(there)
        for part in parts:
            for what, read in PARTS[part].reads.items():
                state = fold(beginning.states[what], what, log[part][: beginning.committed.get(part, 0)])
                try:
                    actual = read(conn)
                except psycopg.Error as error:
                    found.append(f"{what}: {error}")
                    continue
                later = iter(log[part][beginning.committed.get(part, 0) :])
                while state != actual and (entry := next(later, None)):
                    if entry[1] == what:
                        change(state, *entry[2:])
                if state != actual:
                    found += [f"at no moment: {words}" for words in different(what, state, read, conn)]
    return found


class Witness(threading.Thread):
    """Joins the snapshot of a run, as soon as the journal names it, and reads in it what the copy must have."""

    def __init__(self, source: str, journal: str, stopped: threading.Event) -> None:
        super().__init__(name="witness", daemon=True)
        self._source, self._journal, self._stopped = source, journal, stopped
        self.seen: dict[str, tuple] = {}

    def run(self) -> None:
        while not self._stopped.wait(0.03) and not self.seen:
            with contextlib.suppress(psycopg.Error), psycopg.connect(self._journal, autocommit=True) as conn:
                ((name,),) = conn.execute("SELECT snapshot FROM replicator.run").fetchall()
                if name:
                    self._read(name)

    def _read(self, snapshot: str) -> None:
        with psycopg.connect(self._source, application_name="busy witness") as conn:
            conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '1s'")
            conn.execute(psycopg.sql.SQL("SET TRANSACTION SNAPSHOT {}").format(psycopg.sql.Literal(snapshot)))
            self.seen = {table: conn.execute(HASH.format(table)).fetchone() for table in STILL}

    def complaints(self, copy: Database) -> list[str]:
        """Return the tables that are not what the witness saw."""
        with psycopg.connect(copy.dsn, autocommit=True) as conn:
            found = {table: conn.execute(HASH.format(table)).fetchone() for table in self.seen}
        return [f"{t}: {found[t]}, a witness saw {self.seen[t]}" for t in self.seen if found[t] != self.seen[t]]
