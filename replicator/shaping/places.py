"""Asks the source where rows are: queries that return rows of tables as sets of keys, by the OID of the table.

    places: a table, or the leaves of a partitioned one ── rows_of: a FROM item ── Places.find: sets of keys

A row is named by its table and its ctid in the snapshot. So any row can be named, whatever key its table has, and
nothing is written on the source.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import psycopg

from replicator.model import Catalog, Keys, Table
from replicator.sessions.failures import one_line
from replicator.sessions.postgres import NAMED_ROWS, Connection
from replicator.sessions.statements import statement
from replicator.settings.definition import DefinitionError, Path
from replicator.shaping.expressions import both

JOINED_ROWS = 200_000
"""How many rows a query names. A join reads the other table with an index, or else once for so many rows."""
FIND = """
SELECT r.tableoid::bigint
     , pg_catalog.substr(r.tid, 1, 3)
     , pg_catalog.string_agg(pg_catalog.substr(r.tid, 4, 3), ''::bytea)
  FROM (SELECT found.tableoid, pg_catalog.tidsend(found.ctid) AS tid FROM ({}) AS found) AS r
 GROUP BY 1, 2"""
PLANNED = f"""
SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL work_mem = '64MB'; SET LOCAL join_collapse_limit = 8;
{NAMED_ROWS}"""

Found = Mapping[int, Keys]
Conditions = Callable[[Table], str]


@dataclass(frozen=True, slots=True)
class Place:
    """A relation of the source: an ordinary table by itself, or a partitioned one with all its partitions."""

    oid: int
    identity: str
    only: bool
    leaves: tuple[int, ...]
    """The OIDs of the tables that have its rows."""
    key: tuple[str, ...]
    """The columns of its primary key, quoted as needed."""
    bits: int
    """See Keys."""


def may_be_copied(table: Table) -> str:
    """Return the condition for the rows of a table that may be copied at all; "" for all of them."""
    return both([table.where, table.condition.removeprefix("WHERE ")])


def others(table: Table) -> str:
    """Return the condition for its other rows."""
    condition = may_be_copied(table)
    return f"({condition}) IS NOT TRUE" if condition else "false"


class Places:
    """Where the rows of the source's tables are. `tables` are those with rows that are copied, by OID."""

    def __init__(self, conn: Connection, catalog: Catalog) -> None:
        self._conn = conn
        self.tables = {table.address.objid: table for table in catalog.tables}
        rows = conn.execute(statement(__package__, "places")).fetchall()
        self.all = {
            oid: Place(oid, identity, only, tuple(leaves), tuple(key), bits)
            for oid, identity, only, leaves, key, bits in rows
        }
        conn.execute(PLANNED)

    def leaves(self, place: Place) -> list[int]:
        """Return the OIDs of the tables with rows of this place that are copied."""
        return [leaf for leaf in place.leaves if leaf in self.tables]

    def rows_of(self, place: Place, columns: Iterable[str], which: Conditions = may_be_copied, also: str = "") -> str:
        """Return the FROM item for rows of a place: `which` gives the condition for a table, `also` one for all.

        Partitions are named one by one only if they differ, so that the server can choose those that a query needs.
        """
        tables = [self.tables[leaf] for leaf in self.leaves(place)]
        conditions = {which(table) for table in tables}
        if len(tables) == len(place.leaves) and len(conditions) == 1:
            return _item(place.identity, place.only, columns, both([*conditions, also]))
        items = [_select(table.identity, True, columns, both([which(table), also])) for table in tables]
        return f"({' UNION ALL '.join(items or [_select(place.identity, place.only, columns, 'false')])})"

    def some(self, leaf: int, keys: Keys | None, columns: Iterable[str], also: str = "") -> Iterator[str]:
        """Yield FROM items for these rows of a table; None: all that may be copied."""
        table = self.tables[leaf]
        if keys is None:
            yield _item(table.identity, True, columns, both([may_be_copied(table), also]))
            return
        for tids in keys.batches(JOINED_ROWS):
            yield _item(table.identity, True, columns, both([f"ctid = ANY ('{tids}'::pg_catalog.tid[])", also]))

    def find(self, query: str, path: Path = ()) -> Found:
        """Return the rows that a query for tableoid and ctid names, of tables that are copied.

        Raises DefinitionError if it fails: `path` says which of the user's expressions is in it.
        """
        found: defaultdict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
        try:
            rows = self._conn.execute(FIND.format(query), binary=True).fetchall()  # binary: one statement, no more
        except psycopg.Error as error:
            if not path or isinstance(error, psycopg.OperationalError):
                raise
            raise DefinitionError(path, f"the source rejects it: {one_line(error)}") from error
        for oid, chunk, tids in rows:
            if oid in self.tables:
                found[oid].append((chunk, tids))
        return {oid: self._keys(oid, chunks) for oid, chunks in found.items()}

    def _keys(self, leaf: int, chunks: Iterable[tuple[bytes, bytes]]) -> Keys:
        keys = self.none(leaf)
        for chunk, tids in chunks:
            keys.add(int.from_bytes(chunk, "big"), tids)
        return keys

    def none(self, leaf: int) -> Keys:
        """Return an empty set of rows of a table."""
        return Keys(self.all[leaf].bits)

    def every(self, leaf: int) -> Keys:
        """Return the rows of a table that may be copied."""
        (item,) = self.some(leaf, None, ())
        return self.find(f"SELECT tableoid, ctid FROM {item} AS r").get(leaf, self.none(leaf))

    def count(self, leaf: int) -> int:
        """Return how many rows of a table may be copied."""
        (item,) = self.some(leaf, None, ())
        ((number,),) = self._conn.execute(f"SELECT count(*) FROM {item} AS r", prepare=True).fetchall()
        return int(number)


def _select(identity: str, only: bool, columns: Iterable[str], condition: str) -> str:
    names = ", ".join(dict.fromkeys(["tableoid", "ctid", *columns]))
    return f"SELECT {names} FROM {'ONLY ' * only}{identity}" + (f" WHERE {condition}" if condition else "")


def _item(identity: str, only: bool, columns: Iterable[str], condition: str) -> str:
    return f"({_select(identity, only, columns, condition)})"
