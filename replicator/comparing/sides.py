"""The two databases of a comparison, and what it finds: a difference of an object, a table or a row."""

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
from replicator.model import Catalog, CompareTable, Reading, shown
from replicator.secrets import without_secrets
from replicator.sessions import failures, postgres, watchdog
from replicator.sessions.locks import Relation
from replicator.sessions.postgres import Connection
from replicator.sessions.setup import having
from replicator.sessions.snapshot import Snapshot
from replicator.sessions.workers import CANCEL_SECONDS, HANG_UP_SECONDS, Sessions, reading
from replicator.shaping.renames import NOT_RENAMED, Renamed

CANCEL_AGAIN_SECONDS = 0.5
SHOWN_CHARACTERS = 60  # of a value, in lines for people
SHOWN_STATEMENTS = 400  # characters
RED, GREEN, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"

# --jobs limits the processes per server, so no query may start parallel workers.
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
    """Match names of both sides: theirs by ours. Which words need quotes depends on the version.

    >>> same_names(["a", '"json"', "b"], ["json", "a"])
    {'a': 'a', '"json"': 'json'}
    >>> same_names(["f(pg_catalog.json)"], ["f(json)"])
    {'f(pg_catalog.json)': 'f(json)'}
    """
    one, other = list(ours), set(theirs)
    unmatched = {_plain(name): name for name in other.difference(one)}
    pairs = {name: name if name in other else unmatched.get(_plain(name)) for name in one}
    return {name: same for name, same in pairs.items() if same is not None}


def _plain(name: str) -> str:
    """Return a name without quotes, and the type json without its schema, since it is a keyword from 16 on."""
    return name.replace('"', "").replace("pg_catalog.json", "json")


def most_quoted(one: str, other: str) -> str:
    """Return the spelling that both servers can parse."""
    return max(one, other, key=len)


@dataclass(frozen=True, slots=True)
class RowDifference:
    """A row that is `changed`, `missing` on the destination, or `extra` there. `key` is empty if the table has none."""

    how: str
    key: Values
    digest: int
    """The row's hash on the source; of an extra row, on the destination. Finds the row if there is no key."""
    times: int = 1
    """How many equal rows, if there is no key."""
    on_source: tuple[int, int] = (0, 0)
    """Its number of rows on the source (with a key 0 or 1), and the sum of their hashes."""
    on_destination: tuple[int, int] = (0, 0)
    """The same on the destination."""
    source: Values | None = None
    """Of a changed row only the differing columns; None: not asked for, or no such row."""
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
    """Return a value for people, quoted to show where it ends.

    >>> _short("a" * 99)[-5:]
    'aa" …'
    """
    if value is None:
        return "NULL"
    text = json.dumps(value[:SHOWN_CHARACTERS], ensure_ascii=False)
    return text if len(value) <= SHOWN_CHARACTERS else f"{text} …"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference. `what` names an object or a table; `how` says in words how it differs, `kind` in one."""

    what: str
    how: str
    rows: tuple[RowDifference, ...] = ()
    repair: str | None = None
    """The outcome of --repair."""
    repaired: bool = False
    """It was repaired, and the repair verified."""
    kind: DifferenceKind = "different"
    about: Literal["definition", "rows"] = "definition"
    """A table may differ in both."""
    counts: str = ""
    """How many rows are changed, missing or extra, in words."""
    statement: str = ""
    """The statement of a privilege, a comment or the like that only one side has."""
    definitions: tuple[str, str] | None = None
    """The differing definitions on source and destination, without secrets."""
    fix: tuple[str, ...] = ()
    """The statements that would remove the difference, secrets included."""
    place: int = 0
    """Their place among those of other differences."""

    def __str__(self) -> str:
        if self.repaired:
            _, semicolon, more = (self.repair or "").partition("; ")
            return f"{shown(self.what)}: {self.counts}, repaired{semicolon}{more}"
        statement = f": {self.statement}" if self.statement else ""
        return f"{shown(self.what)}: {self.how}{statement}" + (f"; {self.repair}" if self.repair else "")

    def public(self) -> "Mismatch":
        """Return the same without secrets."""
        return replace(self, fix=tuple(map(without_secrets, self.fix)))

    @property
    def remedy(self) -> str:
        """The statements in one line, for people."""
        return one_line(without_secrets("".join(f"{statement}; " for statement in self.fix).strip()))

    def lines(self, most: int, *, coloured: bool = False) -> list[str]:
        """Return it for people, with its first rows and the statements that would fix it; differing text in colour."""
        more = len(self.rows) - most
        many = "more" if self.counts.startswith("at least") else f"{more} more"
        rows = [f"  {row}" for row in self.rows[:most]] + ([f"  and {many}"] if more > 0 and most else [])
        line = one_line(str(self))
        if coloured and self.definitions:
            for excerpt, colour in zip(words(*self.definitions), (RED, GREEN), strict=True):
                marked = "".join(f"{colour}{one_line(t)}{PLAIN}" if differs else one_line(t) for t, differs in excerpt)
                line = line.replace(one_line(text(excerpt)), marked, 1)
        fix = [f"  to fix it: {self.remedy}"] if self.fix and len(self.remedy) <= SHOWN_STATEMENTS else []
        fix = fix or (["  to fix it: see `verify --sql`"] if self.fix else [])
        return [line, *rows, *fix]


# The files of a table and its partitions: they change if it is truncated, rewritten, or replaced by one of this name.
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
    """One of the two databases, as its snapshot sees it."""

    def __init__(
        self,
        name: str,
        sessions: Sessions,
        snapshot: Snapshot,
        catalog: Catalog,
        declared: str | None = None,
        renamed: Renamed = NOT_RENAMED,
    ) -> None:
        self.declared = declared and str(snapshot.holder.info.parameter_status("client_encoding"))
        """The encoding that the bytes of a database in SQL_ASCII are declared to be in."""
        self.name = name
        self.sessions = sessions
        self.snapshot = snapshot
        self.catalog = catalog
        self.tables = catalog.tables
        """Tables with rows to compare; materialized views, too, after `read_matviews`."""
        self.renamed = renamed
        """Its new names, by which it is read, while its catalog has the source's."""
        oids = [(table.identity, table.address.objid) for table in catalog.tables]
        oids += [(o.identity, o.address.objid) for o in catalog.objects if o.kind == "table"]
        self._oids = {_plain(renamed.now(identity)): oid for identity, oid in oids}
        self.encoding = self.declared or str(snapshot.holder.info.parameter_status("server_encoding"))
        self.paths: dict[str, str] = {}
        """By table the search_path for functions that the server calls while it plans a query of the table."""
        self._readers: dict[Connection, int] = {}
        self._lock = threading.Lock()

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.catalog.version // 10000

    def reading_of(self, work: CompareTable) -> Reading:
        """Return how this side's rows of a table are read."""
        return work.reading if self.name == "source" else work.target.reading

    def rows_of(self, work: CompareTable) -> Iterator[str]:
        """Yield FROM items that together have this side's rows of a table, with the columns that are compared."""
        columns = tuple(column.name for column in work.compared)
        return (reading.rows(columns) for reading in self.reading_of(work).each())

    def relations(self, work: CompareTable) -> list[Relation]:
        """Return the compared table with its OID; nothing if that is unknown."""
        read = self.reading_of(work)
        oid = self._oids.get(_plain(read.relation))
        return [Relation(read.relation, oid, read.only)] if oid else []

    def read_matviews(self, wanted: Collection[str]) -> None:
        """Add to the tables those of these materialized views that this role may read."""
        with self.reading() as conn:
            found = list(map(self.renamed.table, read_matviews(conn)))
            may = {oid for (oid,) in conn.execute(MAY_READ, [[table.address.objid for table in found]]).fetchall()}
        self.tables += tuple(t for t in found if t.identity in wanted and t.address.objid in may)

    @contextmanager
    def reading(self, work: CompareTable | None = None) -> Iterator[Connection]:
        """Lend a connection that sees the snapshot, to read one table, and keep the snapshot's holders alive.

        Raises SourceChanged if the table was replaced since, SnapshotLost.
        """
        relations = self.relations(work) if work else []
        masked = work is not None and work.reading.expressions != work.target.columns
        with ExitStack() as stack:
            stack.enter_context(failures.without_values(masked and self.name == "source"))
            with failures.on(self.name):
                self.snapshot.keep()
            conn = stack.enter_context(reading(self.sessions, self.snapshot, relations))
            stack.enter_context(self._noted(conn))
            conn.execute(SET_READING)
            with having(self.paths.get(work.name, "") if work else "", conn):
                yield conn

    @contextmanager
    def _noted(self, conn: Connection) -> Iterator[None]:
        """Record which thread reads, so that others can cancel its query and no other."""
        with self._lock:
            self._readers[conn] = threading.get_ident()
        try:
            yield
        finally:
            with self._lock:
                del self._readers[conn]

    def cancel(self, threads: Collection[int], *, late: bool) -> None:
        """Cancel the queries of these threads; close their connections if that did not help (`late`)."""
        with self._lock:  # no connection returns to the pool meanwhile, where the cancel would hit another query
            for conn in (conn for conn, thread in self._readers.items() if thread in threads):
                with suppress(psycopg.Error, OSError):  # it may be closed by now
                    if late:
                        watchdog.hang_up(conn)
                    else:
                        conn.cancel_safe(timeout=CANCEL_SECONDS)

    def altered(self, work: CompareTable) -> bool:
        """Tell whether a table was truncated, rewritten, renamed or dropped since the snapshot."""
        read = self.reading_of(work)
        with self.sessions.use() as conn:
            now = set(conn.execute(FILES, [read.relation, read.only]).fetchall())
        with self.reading() as conn:
            return now != set(conn.execute(FILES, [read.relation, read.only]).fetchall())


@dataclass(frozen=True, slots=True)
class Pair:
    """Source and destination of a comparison."""

    source: Side
    destination: Side

    @property
    def older(self) -> Side:
        """The side of the older version, whose functions the other has, too."""
        return min(self.source, self.destination, key=lambda side: side.major)

    def altered(self, work: CompareTable) -> str:
        """Return the side where a table was truncated, rewritten, renamed or dropped since the snapshot; "" if none."""
        return next((side.name for side in (self.source, self.destination) if side.altered(work)), "")

    def together(self, work: Callable[[T], R], source: T, destination: T) -> tuple[R, R]:
        """Do the same for source and destination in parallel. Raises what the first to fail raised.

        Then only its other half is cancelled: other threads continue, and this work may be retried.
        """
        threads = {threading.get_ident()}  # this one may have opened the connections

        def half(of: T) -> R:
            threads.add(threading.get_ident())
            return work(of)

        with ThreadPoolExecutor(2, thread_name_prefix="side") as pool:
            futures = [pool.submit(half, source), pool.submit(half, destination)]
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
        """Cancel whatever runs on both servers."""
        self.source.sessions.cancel()
        self.destination.sessions.cancel()
