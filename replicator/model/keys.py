"""Rows named by where they are: a compact set of a table's ctids, valid in one snapshot.

A ctid is a block and a number in it. The ids of 256 blocks, a chunk, lie together: a sorted array if they are few, else
the bits of one integer. Ten million rows took 7 MB as neighbours, 46 MB with one in each block, 106 MB with one in ten
blocks (2026-11, tracemalloc). Reference: Chambi, Lemire et al., "Better bitmap performance with Roaring bitmaps".
"""

from array import array
from collections.abc import Iterable, Iterator
from itertools import compress, count, islice
from typing import Union

CHUNK_BLOCKS = 256
FEW = 4096
"""From this number on, bits take less memory than an array."""
OFFSET_BITS = 16
FLAGS = bytes.maketrans(b"01", b"\0\1")

Chunk = Union["array[int]", int]


class Keys:
    """A set of ctids. `bits`: how many a number within a block needs."""

    __slots__ = ("_bits", "_chunks", "_size")

    def __init__(self, bits: int = OFFSET_BITS) -> None:
        self._bits = bits
        self._chunks: dict[int, Chunk] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, tid: object) -> bool:
        """Tell whether a row is among them, given as `(block,number)`."""
        block, number = map(int, str(tid)[1:-1].split(","))
        chunk = self._chunks.get(block // CHUNK_BLOCKS, 0)
        id = block % CHUNK_BLOCKS << self._bits | number
        return bool(chunk >> id & 1) if isinstance(chunk, int) else id in chunk

    def add(self, chunk: int, tids: bytes) -> None:
        """Add rows of a chunk that has none yet: of each the last byte of its block, and its number in two bytes.

        >>> keys = Keys(); keys.add(1, bytes.fromhex("030001" "020007" "020001"))
        >>> list(keys.batches(2))
        ['{"(258,1)","(258,7)"}', '{"(259,1)"}']
        """
        bits = self._bits
        ids = {
            block << bits | high << 8 | low for block, high, low in zip(tids[::3], tids[1::3], tids[2::3], strict=True)
        }
        if bits < OFFSET_BITS and max(tids[1::3], default=0) >> max(bits - 8, 0):
            raise ValueError(f"a row's number within its block has more than {bits} bits")
        self._put(chunk, _packed(ids, bits))

    def update(self, other: "Keys") -> None:
        """Add the rows of another set of this table."""
        for chunk, theirs in other._chunks.items():
            self._put(chunk, _union(self._chunks.get(chunk), theirs, self._bits))

    def copy(self) -> "Keys":
        """Return the same set, which changes by itself."""
        other = Keys(self._bits)
        other._chunks, other._size = self._chunks.copy(), self._size
        return other

    def minus(self, other: "Keys") -> "Keys":
        """Return those that another set of this table lacks."""
        left = Keys(self._bits)
        for chunk, ours in self._chunks.items():
            theirs = other._chunks.get(chunk)
            left._put(chunk, ours if theirs is None else _difference(ours, theirs, self._bits))
        return left

    def common(self, other: "Keys") -> "Keys":
        """Return those that another set has, too."""
        return self.minus(self.minus(other))

    def batches(self, size: int) -> Iterator[str]:
        """Yield the rows as texts of the type tid[], in order, at most so many at once."""
        tids = self._tids()
        while some := ",".join(islice(tids, size)):
            yield f"{{{some}}}"

    def _tids(self) -> Iterator[str]:
        bits, mask = self._bits, (1 << self._bits) - 1
        for chunk in sorted(self._chunks):
            first = chunk * CHUNK_BLOCKS
            for id in _ids(self._chunks[chunk]):
                yield f'"({first + (id >> bits)},{id & mask})"'

    def _put(self, chunk: int, new: Chunk) -> None:
        self._size += _count(new) - _count(self._chunks.get(chunk, 0))
        if new:
            self._chunks[chunk] = new


def _count(chunk: Chunk) -> int:
    return chunk.bit_count() if isinstance(chunk, int) else len(chunk)


def _ids(chunk: Chunk) -> Iterable[int]:
    if not isinstance(chunk, int):
        return chunk
    return compress(count(), f"{chunk:b}".encode()[::-1].translate(FLAGS))


def _bits_of(chunk: Chunk, bits: int) -> int:
    return chunk if isinstance(chunk, int) else _as_bits(chunk, bits)


def _as_bits(ids: Iterable[int], bits: int) -> int:
    last = (CHUNK_BLOCKS << bits) - 1
    flags = bytearray(b"0") * (last + 1)
    for id in ids:
        flags[last - id] = 49
    return int(flags, 2)


def _packed(ids: set[int], bits: int) -> Chunk:
    return _as_bits(ids, bits) if len(ids) >= FEW else array("I", sorted(ids))


def _thinned(chunk: int) -> Chunk:
    return chunk if chunk.bit_count() >= FEW else array("I", _ids(chunk))


def _union(ours: Chunk | None, theirs: Chunk, bits: int) -> Chunk:
    if ours is None:
        return theirs
    if isinstance(ours, int) or isinstance(theirs, int):
        return _bits_of(ours, bits) | _bits_of(theirs, bits)
    return _packed({*ours, *theirs}, bits)


def _difference(ours: Chunk, theirs: Chunk, bits: int) -> Chunk:
    if isinstance(ours, int):
        return _thinned(ours & ~_bits_of(theirs, bits))
    if isinstance(theirs, int):
        there = theirs.to_bytes(CHUNK_BLOCKS << bits >> 3, "little")
        return array("I", [id for id in ours if not there[id >> 3] >> (id & 7) & 1])
    return array("I", sorted({*ours}.difference(theirs)))
