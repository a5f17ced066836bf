"""A table's fingerprint, computed on its server: the number of rows and the sum of their hashes, in any order.

A value is hashed by the bytes of its type's send function, or else by its text. The hash functions of most types would
miss differences: they are made for joins, and ignore a sign, a bracket or half of the bits. A few hash all bytes, and
cost less (OWN). Each column has its own seed, and a row's hash is a hash of the exclusive or of its values' hashes,
so values exchanged between two rows show. The seeds are random in each run: nobody can prepare rows that collide.

Cost in ns per value on 18 (and 12), measured 2026-11 on two cores: a type's own function up to 15 (60), bytes 15 to 50
(50 to 150), bytes of arrays, jsonb and ranges 150 to 370 (190 to 380), text of composites and the like 300 to 600
(300 to 800).
Reference: hashfunc.c, varlena.c hashbyteaextended (18), arrayfuncs.c hash_array_extended.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

from replicator.comparing.sides import Side
from replicator.model import Column, CompareLargeObjects, CompareTable
from replicator.sessions.postgres import ALL_ROWS, NAMED_ROWS
from replicator.work import large_objects

CHUNK_BYTES = 32 * 1024 * 1024
PIECE_BYTES = 8 * CHUNK_BYTES

Fingerprint = tuple[int, int]
"""The number of rows and the sum of their hashes."""

OWN = {
    "bool": "pg_catalog.hashint4extended({0}::int4, {1})",
    "char": "pg_catalog.hashcharextended({0}, {1})",
    "cidr": "pg_catalog.hashinetextended({0}, {1})",
    "inet": "pg_catalog.hashinetextended({0}, {1})",
    "int2": "pg_catalog.hashint2extended({0}, {1})",
    "int4": "pg_catalog.hashint4extended({0}, {1})",
    # It folds 64 bits into 32; as the seed, all of them count.
    "int8": "pg_catalog.hashint8extended({0}, {0} OPERATOR(pg_catalog.#) {1})",
    "macaddr": "pg_catalog.hashmacaddrextended({0}, {1})",
    "macaddr8": "pg_catalog.hashmacaddr8extended({0}, {1})",
    "oid": "pg_catalog.hashoidextended({0}, {1})",
    "uuid": "pg_catalog.uuid_hash_extended({0}, {1})",
    # It treats 0 and -0 as equal, and a NaN has many forms that print alike.
    "float4": "CASE WHEN {0} <> '0' AND {0} <> 'NaN' THEN pg_catalog.hashfloat4extended({0}, {1}) ELSE {2} END",
    "float8": "CASE WHEN {0} <> '0' AND {0} <> 'NaN' THEN pg_catalog.hashfloat8extended({0}, {1}) ELSE {2} END",
}
"""Types whose own function hashes the whole value. {0}: the name, {1}: the seed, {2}: the hash of the text."""
TEXTS = {"text", "varchar"}
NEUTRAL = OWN.keys() | {
    "bit", "box", "bytea", "circle", "date", "int2vector", "interval", "line", "lseg", "money", "numeric", "oidvector",
    "path", "pg_lsn", "point", "polygon", "tid", "time", "timestamp", "timestamptz", "timetz", "varbit", "xid", "xid8",
    "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange",
    "int4multirange", "int8multirange", "nummultirange", "tsmultirange", "tstzmultirange", "datemultirange",
}  # fmt: skip
"""Types (also of array elements) whose bytes do not depend on the encoding."""
NULL = 0x9E3779B97F4A7C15
"""Turns a column's seed into the hash of its NULLs."""


def text_of(name: str, read_as: str = "") -> str:
    """Return the expression for a column's text. Not a cast to text, which may be a user's function.

    `read_as`: another type, whose text of the same value is wanted.
    """
    value = f"pg_catalog.format('%s', {name})::{read_as}" if read_as else name
    return f"CASE WHEN pg_catalog.num_nulls({name}) = 0 THEN pg_catalog.format('%s', {value}) END"


def text_hash(text: str, seed: int) -> str:
    """Return the expression for a text's hash, byte by byte."""
    return f'pg_catalog.hashtextextended({text} COLLATE pg_catalog."C", {seed})'


@dataclass(frozen=True, slots=True)
class Hashing:
    """Expressions that give the same hash for the same value on two servers."""

    encodings: tuple[str, str]
    """Of source and destination."""
    since_18: bool
    """Both servers have a hash function for bytea."""
    declared: str | None = None
    """The declared encoding of the database in SQL_ASCII."""
    seed: int = field(default_factory=lambda: secrets.randbits(64))

    def row(self, columns: Sequence[Column]) -> str:
        """Return the expression for a row's hash."""
        values = " # ".join(self.value(column, number) for number, column in enumerate(columns, 1)) or "0::bigint"
        return f"pg_catalog.hashint8extended(0, {values})"

    def value(self, column: Column, number: int) -> str:
        """Return the expression for a value's hash, a bigint, of the column of this number; NULL has one, too.

        >>> Hashing(("UTF8", "UTF8"), True, seed=7).value(Column("a", "pg_catalog.int4", True), 0)
        'coalesce(pg_catalog.hashint4extended(a, 7), -7046029254386353134)'
        """
        seed = _signed(self.seed + number * NULL)
        return f"coalesce({self._not_null(column, seed)}, {_signed(seed ^ NULL)})"

    def _not_null(self, column: Column, seed: int) -> str:
        type = column.type.removeprefix("pg_catalog.").strip('"')
        name = column.name
        alike = self.encodings[0] == self.encodings[1] or type.removeprefix("_") in NEUTRAL
        if type in OWN and not column.read_as:
            return OWN[type].format(name, seed, text_hash(text_of(name), seed))
        if alike and column.send and type not in TEXTS and not column.read_as:
            # enum_send takes no domain.
            value = f"{name}::{column.type}" if column.type else name
            sent = f"{column.send}({value})"
            # An array whose last NULL was replaced may still send its has-nulls flag.
            return self._bytes_hash(f"pg_catalog.set_byte({sent}, 7, 0)" if type.startswith("_") else sent, seed)
        text = name if type in TEXTS and not column.read_as else text_of(name, column.read_as)
        if alike or not self._converts:
            return text_hash(text, seed)
        return self._bytes_hash(self.common(text), seed)

    @property
    def _converts(self) -> bool:
        """Whether texts have different bytes on both sides. SQL_ASCII stores the other side's bytes unchanged."""
        return self.encodings[0] != self.encodings[1] and "SQL_ASCII" not in self.encodings

    def common(self, text: str) -> str:
        """Return the expression for a text's bytes in an encoding that both sides share."""
        if not self._converts:
            return f"pg_catalog.convert_to({text}, pg_catalog.getdatabaseencoding())"
        converted = f"pg_catalog.convert_to({text}, 'UTF8')"
        if not self.declared:
            return converted
        as_declared = f"pg_catalog.convert(pg_catalog.convert_to({text}, 'SQL_ASCII'), '{self.declared}', 'UTF8')"
        return f"CASE pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' THEN {as_declared} ELSE {converted} END"

    def _bytes_hash(self, bytes: str, seed: int) -> str:
        of_bytes = (
            "pg_catalog.hashbyteaextended({}, {})" if self.since_18 else "pg_catalog.hash_array_extended(ARRAY[{}], {})"
        )
        return of_bytes.format(bytes, seed)


def _signed(number: int) -> int:
    """Return the last 64 bits of a number as a bigint."""
    return (number + 2**63) % 2**64 - 2**63


def fingerprint_table(
    side: Side,
    work: CompareTable,
    hashing: Hashing,
    blocks: int | None,
    bytes: int,
    moved: Callable[[int], None] = lambda bytes: None,
) -> Fingerprint:
    """Return the row count and the sum of hashes of a piece of a table. Calls `moved` with the bytes read.

    `blocks` and `bytes`: the size of the whole table on this side when it was split into pieces.
    """
    rows = total = 0
    # A sum, not an exclusive or, in which two equal rows would cancel out. sum(bigint) is numeric and never overflows.
    sums = f"pg_catalog.count(*), coalesce(pg_catalog.sum({hashing.row(work.compared)}), 0)"
    with side.reading(work) as conn:
        conn.execute(ALL_ROWS if side.reading_of(work).plain else f"{ALL_ROWS}; {NAMED_ROWS}")
        for rows_read, read in _items(side, work, blocks, bytes):
            count, digest = conn.execute(f"SELECT {sums} FROM {rows_read}").fetchall()[0]
            rows, total = rows + count, total + int(digest)
            moved(read)
    return rows, total


def _items(side: Side, work: CompareTable, blocks: int | None, bytes: int) -> Iterator[tuple[str, int]]:
    """Yield a piece's rows as FROM items, and about how many bytes each has; named rows are dealt out to the pieces."""
    items = side.rows_of(work)
    if side.reading_of(work).plain:
        (item,) = items
        yield from ((f"{item} {where}", read) for where, read in _chunks(work, blocks, bytes))
    else:
        read = bytes // work.pieces
        for item in islice(items, work.piece, None, work.pieces):
            yield item, read
            read = 0


def _chunks(work: CompareTable, blocks: int | None, bytes: int) -> Iterator[tuple[str, int]]:
    """Yield a piece's ranges of blocks as WHERE clauses, and about how many bytes each has.

    All pieces together cover the whole table, even if it has grown: the first has no lower bound, the last no upper.
    A table that cannot be read by block is read whole, in the first piece.

    >>> from dataclasses import replace
    >>> from replicator.model import Reading, Target
    >>> work = CompareTable(Reading("t", ()), Target("t", ()), (), piece=0, pieces=2)
    >>> list(_chunks(work, 4, 4000))
    [("WHERE ctid < '(2,0)'", 2000)]
    >>> list(_chunks(replace(work, piece=1), 4, 4000))
    [("WHERE ctid >= '(2,0)'", 2000)]
    """
    if blocks is None:
        yield from [("", bytes)] if work.piece == 0 else []
        return
    first, end = (blocks * number // work.pieces for number in (work.piece, work.piece + 1))
    number = max(1, min(end - first, -(-bytes // work.pieces // CHUNK_BYTES)))
    bounds = [first + (end - first) * n // number for n in range(number + 1)]
    for n, (low, high) in enumerate(pairwise(bounds)):
        begins = work.piece == 0 and n == 0
        ends = work.piece == work.pieces - 1 and n == number - 1
        conditions = ([] if begins else [f"ctid >= '({low},0)'"]) + ([] if ends else [f"ctid < '({high},0)'"])
        yield ("WHERE " + " AND ".join(conditions) if conditions else ""), bytes * (high - low) // max(blocks, 1)


def fingerprint_large_objects(side: Side, work: CompareLargeObjects, hashing: Hashing) -> Fingerprint:
    """Return the number of large objects in a range and the sum of their hashes."""
    with side.reading() as conn:
        range = work.range if side.name == "source" else work.range.there
        each = large_objects.hashes(conn, range, work.role, hashing.common("word.said"))
        query = f"SELECT count(*), coalesce(sum(hash), 0) FROM ({each}) AS each"
        count, digest = conn.execute(query).fetchall()[0]
        return count, int(digest)
