"""Which rows differ? First find the buckets of keys whose fingerprints differ, then compare their rows key by key.

A bucket holds keys with the same hash, not a range of keys: ranges depend on collations, which may differ between
servers. The rows of differing buckets are read from both servers in the order of their keys' hashes and merged as they
arrive, so that memory does not grow with their number. A table without a key is compared by its rows' hashes alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import groupby, islice
from typing import Any

from psycopg import sql

from replicator.comparing.fingerprint import Hashing, text_of
from replicator.comparing.sides import Pair, RowDifference, Side, Values, same_names
from replicator.model import Column, CompareLargeObjects, CompareTable
from replicator.sessions.postgres import ALL_ROWS, NAMED_ROWS, Connection
from replicator.work import large_objects

BUCKETS = 65536
SORTS_EACH = f"SET LOCAL work_mem = '4MB'; {NAMED_ROWS}"
"""For rows that are named in several queries, which are all open at once."""
LAST_BUCKET = f"{BUCKETS - 1}::bigint"
FEW_ROWS = 4 * BUCKETS  # on both sides together: so few are merged without buckets
FETCHED_ROWS = 10_000
MOST_ROWS = 100_000
"""At most so many differing rows of a table are named."""
MOST_CHARACTERS = 10_000
"""Of a value that is shown, at most so much is read."""

# The primary key, else the smallest unique index without NULLs.
KEY = """
SELECT array_agg(quote_ident(a.attname) ORDER BY k.position)
  FROM pg_index i
 CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
  LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
 WHERE i.indrelid = %s::regclass
   AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
   AND k.position <= i.indnkeyatts
 GROUP BY i.indexrelid, i.indisprimary
HAVING bool_and(k.attnum > 0 AND a.attnotnull)
 ORDER BY i.indisprimary DESC, count(*), i.indexrelid
"""


Row = tuple[Any, ...]
Queries = tuple[Connection, Iterable[str]]


@dataclass(frozen=True, slots=True)
class Found:
    """Differing rows, and the columns of the key that names them; `all` unless there were too many."""

    key: tuple[Column, ...]
    rows: tuple[RowDifference, ...]
    all: bool = True

    @property
    def counts(self) -> Counter[str]:
        """How many rows are changed, missing and extra."""
        counts = Counter[str]()
        for row in self.rows:
            counts[row.how] += row.times
        return counts

    def __str__(self) -> str:
        return ("" if self.all else "at least ") + ", ".join(f"{n} {how}" for how, n in sorted(self.counts.items()))


def find_rows(sides: Pair, work: CompareTable, hashing: Hashing, rows: int) -> Found:
    """Return the differing rows of a table. `rows` is the number of rows on both sides together."""
    key = _key(sides, work)
    row = hashing.row(work.compared)
    digest = hashing.row(key) if key else row
    with sides.source.reading(work) as source, sides.destination.reading(work) as destination:
        ends = (source, sides.source), (destination, sides.destination)
        for conn, side in ends:
            conn.execute(ALL_ROWS)
            if not side.reading_of(work).plain:
                conn.execute(SORTS_EACH)
        where = ""
        if rows > FEW_ROWS:
            sums = f"({digest}) & {LAST_BUCKET}, pg_catalog.count(*), pg_catalog.sum({row})"
            grouped = [
                (conn, (f"SELECT {sums} FROM {item} GROUP BY 1" for item in side.rows_of(work))) for conn, side in ends
            ]
            ours, theirs = sides.together(_buckets, *grouped)
            mask = _mask({bucket for bucket, _ in ours ^ theirs})
            where = f"WHERE pg_catalog.get_bit('\\x{mask.hex()}'::bytea, (digest & {LAST_BUCKET})::int) = 1"
        texts = "".join(f", {text_of(column.name, column.read_as)} AS k{n}" for n, column in enumerate(key))

        def query(rows: str) -> str:
            one = f"(SELECT ({digest}) AS digest, ({row}) AS row{texts} FROM {rows}) AS one {where}"
            if key:
                return f"SELECT * FROM {one} ORDER BY digest"
            return f"SELECT digest, pg_catalog.count(*) FROM {one} GROUP BY 1 ORDER BY 1"

        queries = [(conn, map(query, side.rows_of(work))) for conn, side in ends]
        found = tuple(islice(_merge(sides, queries, [column.name for column in key]), MOST_ROWS + 1))
    # Shorter keys first, so that integers are in numeric order.
    ordered = sorted(found[:MOST_ROWS], key=lambda row: [(len(value or ""), value or "") for value in row.key.values()])
    return Found(key, tuple(ordered), len(found) <= MOST_ROWS)


def find_large_objects(sides: Pair, work: CompareLargeObjects, hashing: Hashing) -> Found:
    """Return the differing large objects of a range."""
    with sides.source.reading() as source, sides.destination.reading() as destination:
        said = hashing.common("word.said")
        both = (source, work.range), (destination, work.range.there)
        queries = [(conn, [f"{large_objects.hashes(conn, r, work.role, said)} ORDER BY 1"]) for conn, r in both]
        found = _merge(sides, queries, ["oid"])
        rows = tuple(islice(found, MOST_ROWS + 1))
    return Found((), rows[:MOST_ROWS], len(rows) <= MOST_ROWS)


def _key(sides: Pair, work: CompareTable) -> tuple[Column, ...]:
    """Return the columns of a key that both sides have; () if there is none.

    A column that the source reads as an expression is in none: two keys may give the same value.
    """
    keys: list[list[tuple[Column, ...]]] = []
    for side in (sides.source, sides.destination):
        read = side.reading_of(work)
        columns = dict(zip(read.expressions, work.columns, strict=False))  # without generated ones
        with side.reading() as conn:
            indexes = conn.execute(KEY, [read.relation]).fetchall()
        found = [list(same_names(names, columns).values()) for (names,) in indexes]
        keys.append(
            [
                tuple(map(columns.__getitem__, key))
                for key, (names,) in zip(found, indexes, strict=True)
                if len(key) == len(names)
            ]
        )
    return next((key for key in keys[0] if key in keys[1]), ())


def _mask(buckets: Iterable[int]) -> bytes:
    bits = bytearray(BUCKETS // 8)
    for bucket in buckets:
        bits[bucket >> 3] |= 1 << (bucket & 7)  # as get_bit counts
    return bytes(bits)


def _buckets(one: Queries) -> set[tuple[int, tuple[int, int]]]:
    """Return each bucket with the number of its rows and the sum of their hashes."""
    conn, queries = one
    found: dict[int, tuple[int, int]] = {}
    for query in queries:
        for bucket, rows, digest in conn.execute(query):
            had = found.get(bucket, (0, 0))
            found[bucket] = had[0] + rows, had[1] + int(digest)
    return set(found.items())


def _merge(sides: Pair, queries: Sequence[Queries], names: Sequence[str]) -> Iterator[RowDifference]:
    """Yield the differences between both servers' rows: (digest, hash, key), or without a key (digest, count)."""

    def start(one: Queries) -> list[list[Row]]:
        conn, queries = one
        return [_declare(conn, number, query) for number, query in enumerate(queries)]

    conns = [conn for conn, _ in queries]
    first = sides.together(start, *queries)  # the servers sort here
    ours, theirs = (
        groupby(
            merge(*(_rows(conn, n, rows) for n, rows in enumerate(parts)), key=_digest),
            _digest,
        )
        for conn, parts in zip(conns, first, strict=True)
    )
    source, destination = _next(ours), _next(theirs)
    while source or destination:
        if source and destination and source[0] == destination[0]:
            one, other = source[1], destination[1]
            source, destination = _next(ours), _next(theirs)
        elif source and (not destination or source[0] < destination[0]):
            one, other = source[1], []
            source = _next(ours)
        else:
            assert destination
            one, other = [], destination[1]
            destination = _next(theirs)
        if one != other:
            yield from _with_key(one, other, names) if names else _without_key(one, other)
    for conn in conns:
        conn.execute("CLOSE ALL")


def _digest(row: Row) -> int:
    return int(row[0])


def _declare(conn: Connection, number: int, query: str) -> list[Row]:
    conn.execute(f"DECLARE merged_{number} NO SCROLL CURSOR FOR {query}")
    return _fetch(conn, number)


def _next(groups: Iterator[tuple[int, Iterator[Row]]]) -> tuple[int, list[Row]] | None:
    return next(((digest, list(rows)) for digest, rows in groups), None)


def _fetch(conn: Connection, number: int) -> list[Row]:
    return conn.execute(f"FETCH {FETCHED_ROWS} FROM merged_{number}").fetchall()


def _rows(conn: Connection, number: int, rows: list[Row]) -> Iterator[Row]:
    while rows:
        yield from rows
        rows = _fetch(conn, number)


def _with_key(source: list[Row], destination: list[Row], names: Sequence[str]) -> Iterator[RowDifference]:
    """Match rows whose keys have the same hash. Rows with the same hash are equal."""
    ours, theirs = Counter(row[1] for row in source), Counter(row[1] for row in destination)
    left = {tuple(row[2:]): int(row[1]) for row in source if ours[row[1]] > theirs[row[1]]}
    right = {tuple(row[2:]): int(row[1]) for row in destination if theirs[row[1]] > ours[row[1]]}
    for key in left | right:
        how = "missing" if key not in right else "changed" if key in left else "extra"
        one, other = ((1, side[key]) if key in side else (0, 0) for side in (left, right))
        values = dict(zip(names, key, strict=True))
        yield RowDifference(how, values, left.get(key, other[1]), on_source=one, on_destination=other)


def _without_key(source: list[Row], destination: list[Row]) -> Iterator[RowDifference]:
    ours, theirs = (sum(row[1] for row in rows) for rows in (source, destination))
    digest = int((source or destination)[0][0])
    how = "missing" if ours > theirs else "extra"
    one, other = (ours, ours * digest), (theirs, theirs * digest)
    yield RowDifference(how, {}, digest, abs(ours - theirs), on_source=one, on_destination=other)


ShownRow = dict[str, tuple[int, str | None]]
"""Hash and text of each value, by column."""


def with_values(
    sides: Pair, work: CompareTable, hashing: Hashing, found: Found, number: int
) -> tuple[RowDifference, ...]:
    """Return the first rows with their values on both sides; of changed rows only the differing values."""
    rows = found.rows[:number]
    hashes = ", ".join(hashing.value(column, 0) for column in work.compared)
    texts = ", ".join(f"pg_catalog.left({text_of(column.name)}, {MOST_CHARACTERS})" for column in work.compared)
    names = [column.name for column in work.compared]
    what = [f"ARRAY[{hashes}]::bigint[]", f"ARRAY[{texts}]::text[]"]

    def read(side: Side) -> dict[int, ShownRow]:
        with side.reading(work) as conn:
            answer = conn.execute(select_rows(conn, side, work, hashing, found.key, rows, what)).fetchall()
            return {n: dict(zip(names, zip(*values, strict=True), strict=True)) for n, *values in answer}

    source, destination = sides.together(read, sides.source, sides.destination)
    return tuple(_shown(row, source.get(n), destination.get(n)) for n, row in enumerate(rows, 1))


def _shown(row: RowDifference, source: ShownRow | None, destination: ShownRow | None) -> RowDifference:
    def values(one: ShownRow | None) -> Values | None:
        if one is None:
            return None
        alike = {name for name in one if source and destination and source[name] == destination[name]}
        return {name: text for name, (_, text) in one.items() if row.how != "changed" or name not in alike}

    # Without a key the row may be on both sides, in different numbers.
    return replace(
        row,
        source=values(source) if row.how != "extra" else None,
        destination=values(destination) if row.how != "missing" else None,
    )


def select_rows(
    conn: Connection,
    side: Side,
    work: CompareTable,
    hashing: Hashing,
    key: Sequence[Column],
    rows: Sequence[RowDifference],
    what: Sequence[str],
) -> str:
    """Return the query for these rows on one side: the number of each, from 1 on, and the expressions in `what`.

    Without a key it finds all rows with the hash. Keys of user-defined types are compared as text, since
    their operators may not be in the search_path; keys of built-in types by their index.
    """
    values = "".join(f", {expression} AS v{n}" for n, expression in enumerate(what))
    names = "".join(f", t.v{n}" for n in range(len(what)))
    if key:
        keys = "".join(f", {c.name if _built_in(c) else text_of(c.name, c.read_as)} AS k{n}" for n, c in enumerate(key))
        arrays = [_array([str(row.key[c.name]) for row in rows], "text[]") for c in key]
        aliases = ", ".join(f"k{n}" for n in range(len(key)))
        on = " AND ".join(
            f"t.k{n} OPERATOR(pg_catalog.=) w.k{n}{f'::{c.type}' if _built_in(c) else ''}" for n, c in enumerate(key)
        )
    else:
        keys = f", ({hashing.row(work.compared)}) AS k0"
        arrays = [_array([row.digest for row in rows], "bigint[]")]
        aliases, on = "k0", "t.k0 OPERATOR(pg_catalog.=) w.k0"
    wanted = ", ".join(f"pg_catalog.unnest({array})" for array in arrays)
    joined = f"JOIN ROWS FROM ({wanted}) WITH ORDINALITY AS w ({aliases}, number) ON {on}"

    def locating(item: str) -> str:
        return f"SELECT t.ctid::text FROM (SELECT ctid{keys} FROM {item}) AS t {joined}"

    item = _located(conn, side, work, locating, anywhere=bool(key))
    return f"SELECT w.number{names} FROM (SELECT tableoid{keys}{values} FROM {item}) AS t {joined}"


def _located(
    conn: Connection, side: Side, work: CompareTable, locating: Callable[[str], str], *, anywhere: bool
) -> str:
    """Return the FROM item for rows of one side; of rows that are named one by one, those that a query locates.

    `anywhere`: it may search the whole relation, since it finds the rows by their keys.
    """
    reading = side.reading_of(work)
    columns = tuple(column.name for column in work.compared)
    if reading.plain:
        return reading.rows(columns)
    items = []
    for part in reading.parts or (reading,):
        searched = [replace(part, keys=None)] if anywhere else part.each()
        tids = [tid for each in searched for (tid,) in conn.execute(locating(each.rows(columns))).fetchall()]
        named = ",".join(f'"{tid}"' for tid in tids if part.keys is None or tid in part.keys)
        chosen = replace(part, keys=None, condition=f"WHERE ctid = ANY ('{{{named}}}'::pg_catalog.tid[])")
        items.append(f"SELECT {', '.join((*columns, 'tableoid', 'ctid'))} FROM {chosen.rows(columns)}")
    return f"({' UNION ALL '.join(items)}) AS t"


def _built_in(column: Column) -> bool:
    return column.type.startswith("pg_catalog.") and not column.read_as


def _array(values: Sequence[object], type: str) -> str:
    return f"{sql.Literal(list(values)).as_string()}::{type}"
