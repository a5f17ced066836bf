"""The two databases that are compared, and what is found: a difference of an object, a table, a row."""

import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import psycopg

from replicator.catalog.read import read_matviews
from replicator.comparing.excerpts import text, words
from replicator.events import one_line
from replicator.model import Catalog, CompareTable
from replicator.secrets import without_secrets
from replicator.sessions import failures, postgres, watchdog
from replicator.sessions.locks import Relation
from replicator.sessions.postgres import Connection
from replicator.sessions.setup import having
from replicator.sessions.snapshot import Snapshot
from replicator.sessions.workers import CANCEL_SECONDS, HANG_UP_SECONDS, Sessions, reading

CANCEL_AGAIN_SECONDS = 0.5
SHOWN_CHARACTERS = 60  # of a value, in lines for people
SHOWN_STATEMENTS = 400  # characters
RED, GREEN, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"

# `--jobs` says how many processes a server has to lend.
SET_READING = f"SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL work_mem = '64MB'; {postgres.NO_VIEWS}"

Values = Mapping[str, str | None]
"""Texts of a row's values by column."""
DifferenceKind = Literal[
    "missing",  # on the destination
    "extra",  # only the destination has it
    "different",  # both have it, with another definition, owner, version or value
    "rows",  # both have the table, with other rows
    "columns",  # so different that the rows cannot be compared
    "unpopulated",  # a materialized view that only one side has filled
    "invalid",  # an index that cannot be used on the destination
    "disabled",  # a constraint that is not enforced on the destination
    "unfinished",  # the clone itself
]
"""In which way two databases differ in one object: for programs, where `how` is for people."""
T = TypeVar("T")
R = TypeVar("R")


def same_names(ours: Iterable[str], theirs: Iterable[str]) -> dict[str, str]:
    """Return what is called the same on both sides: their name by ours. Which words need quotes depends on the version.

    >>> same_names(["a", '"json"', "b"], ["json", "a"])
    {'a': 'a', '"json"': 'json'}
    >>> same_names(["f(pg_catalog.json)"], ["f(json)"])
    {'f(pg_catalog.json)': 'f(json)'}
    """
    one, other = list(ours), set(theirs)
    left = {_plain(name): name for name in other.difference(one)}
    pairs = {name: name if name in other else left.get(_plain(name)) for name in one}
    return {name: same for name, same in pairs.items() if same is not None}


def _plain(name: str) -> str:
    """Return a name without quotes, and without the schema that the type json lost as a key word of 16."""
    return name.replace('"', "").replace("pg_catalog.json", "json")


def most_quoted(one: str, other: str) -> str:
    """Return that of two spellings which both servers can read."""
    return max(one, other, key=len)


@dataclass(frozen=True, slots=True)
class RowDifference:
    """A row that is `changed`, `missing` on the destination, or `extra` there. `key` is empty where there is none."""

    how: str
    key: Values
    digest: int
    """The row's hash on the source; of an extra row, on the destination. It finds the row where there is no key."""
    times: int = 1
    """How many equal rows, where there is no key."""
    here: tuple[int, int] = (0, 0)
    """As how many rows it is on the source, and the sum of their hashes: with a key one or none."""
    there: tuple[int, int] = (0, 0)
    """The same of the destination."""
    source: Values | None = None
    """Of a changed row only the columns that differ; None: not asked for, or not there."""
    destination: Values | None = None

    def __str__(self) -> str:
        text = self.how + (f" {self.times} times" if self.times > 1 else "")
        text += f" ({_texts(self.key)})" if self.key else ""
        shown = [
            f"{_texts(v)} on the {s}" for s, v in (("source", self.source), ("destination", self.destination)) if v
        ]
        return one_line(": ".join([text, "; ".join(shown)] if shown else [text]))


def _texts(values: Values) -> str:
    return ", ".join(f"{name} = {_short(value)}" for name, value in values.items())


def _short(value: str | None) -> str:
    """Return a value for people: quoted, so that it is seen where it ends.

    >>> _short("a" * 99)[-5:]
    'aa" …'
    """
    if value is None:
        return "NULL"
    text = json.dumps(value[:SHOWN_CHARACTERS], ensure_ascii=False)
    return text if len(value) <= SHOWN_CHARACTERS else f"{text} …"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference. `what` names an object or a table; `how` says missing, extra or different, and in what."""

    what: str
    how: str
    rows: tuple[RowDifference, ...] = ()
    repair: str | None = None
    """What became of it, where a repair was asked for."""
    repaired: bool = False
    """It was repaired, and verified after that."""
    kind: DifferenceKind = "different"
    about: Literal["definition", "rows"] = "definition"
    """A table may differ in both: what is the object, or the rows in it."""
    counts: str = ""
    """How many rows differ in which way, in words."""
    statement: str = ""
    """Of a privilege, a comment or the like that only one side has: what it says."""
    definitions: tuple[str, str] | None = None
    """What it is on either side, where that differs, without what is secret."""
    mend: tuple[str, ...] = ()
    """The statements that would make it the same, secrets included."""
    place: int = 0
    """Where they stand among others'."""

    def __str__(self) -> str:
        if self.repaired:
            _, semicolon, more = (self.repair or "").partition("; ")
            return f"{self.what}: {self.counts}, repaired{semicolon}{more}"
        said = f": {self.statement}" if self.statement else ""
        return f"{self.what}: {self.how}{said}" + (f"; {self.repair}" if self.repair else "")

    def public(self) -> "Mismatch":
        """Return the same without what is secret."""
        return replace(self, mend=tuple(map(without_secrets, self.mend)))

    @property
    def remedy(self) -> str:
        """The statements in one line, for people."""
        return one_line(without_secrets("".join(f"{statement}; " for statement in self.mend).strip()))

    def lines(self, most: int, *, coloured: bool = False) -> list[str]:
        """Return it for people, with so many of its rows, and what would mend it; where texts differ, in colour."""
        more = len(self.rows) - most
        many = "more" if self.counts.startswith("at least") else f"{more} more"
        rows = [f"  {row}" for row in self.rows[:most]] + ([f"  and {many}"] if more > 0 and most else [])
        line = one_line(str(self))
        if coloured and self.definitions:
            for excerpt, colour in zip(words(*self.definitions), (RED, GREEN), strict=True):
                shown = "".join(f"{colour}{one_line(t)}{PLAIN}" if differs else one_line(t) for t, differs in excerpt)
                line = line.replace(one_line(text(excerpt)), shown, 1)
        mend = [f"  to mend it: {self.remedy}"] if self.mend and len(self.remedy) <= SHOWN_STATEMENTS else []
        mend = mend or (["  to mend it: see `verify --sql`"] if self.mend else [])
        return [line, *rows, *mend]


# The files of a table and of its partitions: another one if it was emptied, rewritten, or replaced by one of this name.
FILES = """
  WITH RECURSIVE part (relid) AS (
       SELECT c.oid
         FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE replace(format('%%I.%%I', n.nspname, c.relname), '"', '') = replace(%s, '"', '')
        UNION
       SELECT i.inhrelid
         FROM part
         JOIN pg_inherits i ON i.inhparent = part.relid
        WHERE NOT %s
     )
SELECT c.oid, c.relfilenode FROM part JOIN pg_class c ON c.oid = part.relid
"""


MAY_READ = """
SELECT oid::bigint FROM pg_class WHERE oid = ANY (%s::bigint[]::oid[]) AND has_table_privilege(oid, 'SELECT')"""


class Side:
    """One of the two databases, at the moment of a snapshot."""

    def __init__(
        self, name: str, sessions: Sessions, snapshot: Snapshot, catalog: Catalog, declared: str | None = None
    ) -> None:
        self.declared = declared and str(snapshot.holder.info.parameter_status("client_encoding"))
        """What the bytes of a database in SQL_ASCII are said to be."""
        self.name = name
        self.sessions = sessions
        self.snapshot = snapshot
        self.catalog = catalog
        self.tables = catalog.tables
        """What has rows to compare: materialized views, too, as soon as they are read."""
        self._oids = {_plain(table.identity): table.address.objid for table in catalog.tables}
        self._oids |= {_plain(o.identity): o.address.objid for o in catalog.objects if o.kind == "table"}
        self.encoding = self.declared or str(snapshot.holder.info.parameter_status("server_encoding"))
        self.paths: dict[str, str] = {}
        """By table the search_path that functions rely on which the server calls when a query of it is planned."""
        self._readers: dict[Connection, int] = {}
        self._lock = threading.Lock()

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.catalog.version // 10000

    def relations(self, work: CompareTable) -> list[Relation]:
        """Return the table that is compared, by its OID; nothing if that is not known."""
        oid = self._oids.get(_plain(work.identity))
        return [Relation(work.identity, oid, work.only)] if oid else []

    def read_matviews(self, wanted: Collection[str]) -> None:
        """Add those of these materialized views that this role may read to the tables."""
        with self.reading() as conn:
            found = read_matviews(conn)
            may = {oid for (oid,) in conn.execute(MAY_READ, [[table.address.objid for table in found]]).fetchall()}
        self.tables += tuple(t for t in found if t.identity in wanted and t.address.objid in may)

    @contextmanager
    def reading(self, work: CompareTable | None = None) -> Iterator[Connection]:
        """Lend a connection that sees the snapshot, to read one table, and keep the snapshot's holders alive.

        Raises SourceChanged if the table is another one by now, SnapshotLost.
        """
        relations = self.relations(work) if work else []
        with ExitStack() as stack:
            with failures.on(self.name):
                self.snapshot.keep()
            conn = stack.enter_context(reading(self.sessions, self.snapshot, relations))
            stack.enter_context(self._noted(conn))
            conn.execute(SET_READING)
            with having(self.paths.get(work.identity, "") if work else "", conn):
                yield conn

    @contextmanager
    def _noted(self, conn: Connection) -> Iterator[None]:
        """Note which thread reads, so that others can cancel what it does and nothing else."""
        with self._lock:
            self._readers[conn] = threading.get_ident()
        try:
            yield
        finally:
            with self._lock:
                del self._readers[conn]

    def cancel(self, threads: Collection[int], *, late: bool) -> None:
        """Ask the server to end what these threads read; hang up if that did not help."""
        with self._lock:  # none of them goes back to the pool meanwhile, where the cancel would hit another
            for conn in (conn for conn, thread in self._readers.items() if thread in threads):
                with suppress(psycopg.Error, OSError):  # it may be closed by now
                    if late:
                        watchdog.hang_up(conn)
                    else:
                        conn.cancel_safe(timeout=CANCEL_SECONDS)

    def altered(self, work: CompareTable) -> bool:
        """Tell whether a table was emptied, rewritten, renamed or dropped since the snapshot: that shows in it, too."""
        with self.sessions.use() as conn:
            now = set(conn.execute(FILES, [work.identity, work.only]).fetchall())
        with self.reading() as conn:
            return now != set(conn.execute(FILES, [work.identity, work.only]).fetchall())


@dataclass(frozen=True, slots=True)
class Pair:
    """Both of them."""

    source: Side
    destination: Side

    @property
    def older(self) -> Side:
        """The one whose functions the other has, too."""
        return min(self.source, self.destination, key=lambda side: side.major)

    def altered(self, work: CompareTable) -> str:
        """Return on which side a table was emptied, rewritten, renamed or dropped since the snapshot; "" on none."""
        return next((side.name for side in (self.source, self.destination) if side.altered(work)), "")

    def together(self, work: Callable[[T], R], here: T, there: T) -> tuple[R, R]:
        """Do the same for the source and for the destination, at once. Raises what the first to fail raised.

        Only its other half is cancelled: the work may be tried again while other threads go on with theirs.
        """
        threads = {threading.get_ident()}  # it may have opened the connections

        def half(of: T) -> R:
            threads.add(threading.get_ident())
            return work(of)

        with ThreadPoolExecutor(2, thread_name_prefix="side") as pool:
            futures = [pool.submit(half, here), pool.submit(half, there)]
            done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
            began = time.monotonic()
            while waiting:  # a cancel between two statements misses both
                late = time.monotonic() - began > HANG_UP_SECONDS
                for side in (self.source, self.destination):
                    side.cancel(tuple(threads), late=late)
                waiting = wait(waiting, timeout=CANCEL_AGAIN_SECONDS).not_done
            for future in (*done, *futures):
                future.result()
            return futures[0].result(), futures[1].result()

    def cancel(self) -> None:
        """End whatever runs on both servers."""
        self.source.sessions.cancel()
        self.destination.sessions.cancel()
