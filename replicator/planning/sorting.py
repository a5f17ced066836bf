"""How much memory sorts a B-tree fastest.

Sorting is bound by the processor's caches: runs that fit there, merged once, are faster than one large run, unless
comparing two keys is slow: numerics, and texts in any collation but C. Seconds by megabytes:

                          8     16     32     64    256   1024
    3 million    int8     0.89   0.94   0.96   1.06   1.25   1.29      18, no workers, tables cached, a quiet machine
                 numeric  1.83   1.70   1.60   1.49   1.32   1.27
    12 million   int8     3.94   3.67          3.76   4.19   5.36
                 text C   5.86   6.08          5.16          7.19
    3 million,   int8     0.82          0.89   0.96   1.14   1.13
    1 worker              0.60          0.58   0.62   0.64   0.64
    2 workers             0.58          0.59   0.61   0.62   0.67
    on a disk             0.85                 0.98          1.14
    and not cached        0.88                 1.04          1.19

    2 million, of CPU     13         14         15         16         17         18
               8    64  1024   8    64  1024 and so on
    int4                    .91 1.00 1.07  .67  .74  .84  .76  .86  .90  .57  .67  .75  .73  .82  .87
    int8      .86  .99 1.02  .92 1.00 1.07  .64  .71  .84  .77  .83  .90  .57  .67  .77  .73  .80  .88
    uuid     1.01 1.01 1.21 1.01 1.05 1.26  .77  .79  .90  .89  .98 1.09  .66  .74  .84  .83  .91 1.00
    time      .94 1.03 1.05  .84 1.01 1.09  .73  .80  .93  .88  .96 1.03  .63  .71  .83  .73  .85  .93
    text C   1.25 1.24 1.36 1.27 1.24 1.30  .98  .97 1.13 1.23 1.25 1.29  .95  .93 1.08 1.08 1.09 1.34
    long C                                 1.50 2.05 2.74 1.52 1.90 2.31 1.60 2.24 2.81 1.25 1.79 1.98
    ICU      1.88 1.69 1.72                1.71 1.48 1.65 1.95 1.62 1.58 1.71 1.44 1.59 1.78 1.58 1.69
    numeric  1.24 1.06  .98 1.24 1.09 1.01 1.21 1.06  .87 1.21 1.13 1.09 1.30  .99  .84 1.07 1.08  .91
    2 keys    .98 1.08 1.10 1.02 1.04 1.22  .80  .86 1.02  .89  .97 1.06  .76  .84 1.00  .84  .94  .97
    INCLUDE  1.02 1.07 1.06 1.07 1.06 1.04  .75  .76  .72  .87  .96  .96  .71  .78  .77  .90  .98  .85
    UNIQUE    .79  .94  .84  .91  .98  .96  .65  .71  .67  .70  .82  .82  .60  .67  .64  .72  .82  .73

(2026-11. Keys in random order, 64-character texts where they are long.)
"""

import math

LEAST_BYTES, COLLATED_BYTES = 8 * 1024**2, 64 * 1024**2
RUN_BYTES = 280_000
"""A merge reads some 280 kB of each run at a time: with this size all runs fit into one merge."""


def memory(size: int, *, collated: bool = False) -> int:
    """Return the memory that sorts this many bytes fastest. `collated`: texts in another collation than C.

    >>> [memory(size) >> 20 for size in (10**6, 10**9, 10**11)], memory(10**9, collated=True) >> 20
    ([8, 15, 159], 64)
    """
    return max(COLLATED_BYTES if collated else LEAST_BYTES, math.isqrt(size * RUN_BYTES))
