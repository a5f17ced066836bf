"""A table's fingerprint, computed on its server: how many rows, and the sum of their hashes, in whatever order.

A row's hash is the exclusive or of its values' hashes, each with a seed of its column's own; a value's hash is what
PostgreSQL's function for its type gives, called by name: no row is put together first, and the functions are the same
from 12 on. 5 columns: 260 ns a row; as ROW(…)::text, all that 12 and 13 could do otherwise, 1400 (2026-11, 18).
Reference: hashfunc.c, pg_amproc.dat.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from replicator import large_objects
from replicator.model import Column, CompareLargeObjects, CompareTable
from replicator.verify.side import Side

CHUNK_BYTES = 32 * 1024 * 1024
PIECE_BYTES = 8 * CHUNK_BYTES

Fingerprint = tuple[int, int]
"""How many rows, and the sum of their hashes."""

DIRECT = {
    "bpchar": "hashbpcharextended",
    "char": "hashcharextended",
    "cidr": "hashinetextended",
    "float4": "hashfloat4extended",
    "float8": "hashfloat8extended",
    "inet": "hashinetextended",
    "int2": "hashint2extended",
    "int4": "hashint4extended",
    "interval": "interval_hash_extended",
    "jsonb": "jsonb_hash_extended",
    "macaddr": "hashmacaddrextended",
    "macaddr8": "hashmacaddr8extended",
    "name": "hashnameextended",
    "numeric": "hash_numeric_extended",
    "oid": "hashoidextended",
    "text": "hashtextextended",
    "time": "time_hash_extended",
    "timestamp": "timestamp_hash_extended",
    "timetz": "timetz_hash_extended",
    "uuid": "uuid_hash_extended",
    "varchar": "hashtextextended",
}
ENCODED = {"bpchar", "jsonb", "name", "text", "varchar"}
"""Types whose hash depends on the database's encoding."""
NEUTRAL = DIRECT.keys() - ENCODED | {"bytea", "date", "timestamptz"}
"""Types whose hash is the same in every encoding."""
STRICT = {"bool", "bytea", "char", "date", "int2", "int4", "int8", "name", "oid", "text", "uuid", "varchar"}
"""Types that hold equal only what is written alike."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """How two servers hash a value alike."""

    recode: bool
    """The databases' encodings differ: text is hashed as UTF-8."""
    exact: bool
    """What is equal but written otherwise differs: numeric 1.0 and 1.00, float 0 and -0."""

    def row(self, columns: Sequence[Column]) -> str:
        """Return the expression for a row's hash."""
        return " # ".join(self.value(column, seed) for seed, column in enumerate(columns, 1)) or "0"

    def value(self, column: Column, seed: int) -> str:
        """Return the expression for a value's hash, a bigint; NULL has one, too.

        >>> Hashing(recode=False, exact=False).value(Column("a", "pg_catalog.int4", True, True), 3)
        'coalesce(hashint4extended(a, 3), 3)'
        """
        return f"coalesce({self._not_null(column, seed)}, {seed})"

    def _not_null(self, column: Column, seed: int) -> str:
        type = column.type.removeprefix("pg_catalog.").strip('"')
        name = column.name
        element = type.removeprefix("_")
        fast = not (self.exact and type not in STRICT) and not (self.recode and element not in NEUTRAL)
        if type == "bool":
            return f"hashint4extended({name}::int4, {seed})"
        if type == "int8":
            # The function folds both halves into 32 bits; as the seed, all 64 count.
            return f"hashint8extended({name}, {name} # {seed})"
        if fast and type in DIRECT:
            collate = "" if column.deterministic else ' COLLATE "C"'
            return f"{DIRECT[type]}({name}{collate}, {seed})"
        if fast and column.hashable:
            return f"hash_array_extended({name if type != element else f'ARRAY[{name}]'}, {seed})"
        if self.recode:
            # A hash first: as hexadecimal digits, the text of half a gigabyte were too long.
            return f"hashtextextended(encode(sha256(convert_to({name}::text, 'UTF8')), 'hex'), {seed})"
        return f'hashtextextended({name}::text COLLATE "C", {seed})'


def rows_of(work: CompareTable) -> str:
    """Return the FROM item, and the WHERE clause if there is one, for all rows of a table."""
    return f"{'ONLY ' if work.only else ''}{work.identity} {work.condition}".rstrip()


def fingerprint_table(
    side: Side,
    work: CompareTable,
    hashing: Hashing,
    blocks: int | None,
    bytes: int,
    moved: Callable[[int], None] = lambda bytes: None,
) -> Fingerprint:
    """Return the row count and the sum of hashes of a piece of a table. Calls `moved` with the bytes read.

    `blocks` and `bytes` are the size of the whole table on this side when it was cut into pieces.
    """
    rows = total = 0
    # A sum, not an exclusive or: two equal rows must not cancel each other. A numeric, which never overflows.
    query = f"SELECT count(*), coalesce(sum({hashing.row(work.columns)}), 0) FROM {rows_of(work)}"
    with side.reading(work) as conn:
        for where, read in _chunks(work, blocks, bytes):
            count, digest = conn.execute(f"{query} {where}").fetchall()[0]
            rows, total = rows + count, total + int(digest)
            moved(read)
    return rows, total


def _chunks(work: CompareTable, blocks: int | None, bytes: int) -> Iterator[tuple[str, int]]:
    """Yield a piece's ranges of blocks as WHERE clauses, and how many bytes each may have.

    All pieces together are the whole table, however large it is by now: the first has no beginning, the last no end.
    A table that cannot be read by block is in the first piece, whole.

    >>> list(_chunks(CompareTable("t", (), True, "", 0, 2), 4, 4000))
    [("WHERE ctid < '(2,0)'", 2000)]
    >>> list(_chunks(CompareTable("t", (), True, "", 1, 2), 4, 4000))
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


def fingerprint_large_objects(side: Side, work: CompareLargeObjects) -> Fingerprint:
    """Return how many large objects a range has and the sum of their hashes."""
    with side.reading() as conn:
        each = large_objects.hashes(conn, work.range, work.role)
        query = f"SELECT count(*), coalesce(sum(hash), 0) FROM ({each}) AS each"
        count, digest = conn.execute(query).fetchall()[0]
        return count, int(digest)
