"""`python -m benchmarks.verify`: the cost of verifying a gigabyte, and whether it finds every planted difference.

The database has the tables of `tests/planted/tables.py` and is copied by `clone`. The command, whose client is idle
while the servers compute, competes with SQL scans of all tables on both servers in parallel, table by table, largest
first, with as many connections as the command has workers: `count(*)` reads the rows without their values, `values`
reads each value's length, `hash` is what one would write by hand. Processor time is the servers'.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import psycopg
from rich.console import Console
from rich.table import Table

from replicator.demo.server import Server, embedded_bin, reachable_folder
from replicator.events import size_text
from replicator.runs.clone import clone
from replicator.runs.compare import verify_copy
from replicator.settings import Settings
from tests.planted.tables import ROWS, plant_rows

SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB"}
SOURCE = "bench"
SCANS = {
    "count(*)": "SELECT count(*) FROM {table}",
    "values": "SELECT {lengths} FROM {table}",
    "hash": "SELECT count(*), sum(hash_record_extended(ROW({columns}), 0)) FROM {table}",
    "text hash": "SELECT count(*), sum(hashtextextended(ROW({columns})::text, 0)) FROM {table}",
}
UNHASHABLE = ("bytea", "json", "point")
TABLES = """
SELECT c.oid::regclass::text
     , string_agg(quote_ident(attname) || CASE WHEN format_type(atttypid, NULL) = ANY (%s) THEN '::text' ELSE '' END
                 , ', ')
     , string_agg(format('sum(pg_column_size(%%I))', attname), ', ')
  FROM pg_class c
  JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
 GROUP BY c.oid
 ORDER BY pg_table_size(c.oid) DESC
"""


def server_seconds(server: Server) -> float:
    """Return the processor time of a server's processes, including ended ones."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if server.pid in (int(stat.parent.name), int(fields[1])):
            ticks = fields[11:15] if int(stat.parent.name) == server.pid else fields[11:13]
            total += sum(map(int, ticks)) / 100
    return total


def scan(servers: list[Server], query: str, jobs: int) -> None:
    """Scan all tables of both databases in parallel."""

    def one(server: Server, table: tuple[str, str, str]) -> None:
        name, columns, lengths = table
        with psycopg.connect(server.conninfo(SOURCE), autocommit=True) as conn:
            conn.execute("SET max_parallel_workers_per_gather = 0")  # as many processes as verify has
            conn.execute(query.format(table=name, columns=columns, lengths=lengths))

    with psycopg.connect(servers[0].conninfo(SOURCE), autocommit=True) as conn:
        tables = conn.execute(TABLES, [list(UNHASHABLE)]).fetchall()
    with ThreadPoolExecutor(jobs) as one_side, ThreadPoolExecutor(jobs) as other_side:
        runs = [
            pool.submit(one, server, table)
            for table in tables
            for server, pool in zip(servers, (one_side, other_side), strict=True)
        ]
        for run in runs:
            run.result()


def measured(work: Callable[[], object], servers: list[Server]) -> tuple[float, float]:
    """Return the seconds that something took, and the processor seconds of both servers."""
    began, before = time.monotonic(), sum(map(server_seconds, servers))
    work()
    return time.monotonic() - began, sum(map(server_seconds, servers)) - before


@click.command()
@click.option("--rows", default=1_750_000, show_default=True, help="Rows of each table; 1,750,000 make a gigabyte.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--jobs", default=2, show_default=True)
def main(rows: int, rounds: int, jobs: int) -> None:
    """Measure `verify` against SQL scans, then plant a hundred differences and count those that it finds."""
    with (
        Server(embedded_bin(), reachable_folder("replicator-bench-source-"), SETTINGS) as source,
        Server(embedded_bin(), reachable_folder("replicator-bench-destination-"), SETTINGS) as destination,
    ):
        servers = [source, destination]
        for server in servers:
            with psycopg.connect(server.conninfo(), autocommit=True) as conn:
                conn.execute(f"CREATE DATABASE {SOURCE} TEMPLATE template0")
        with psycopg.connect(source.conninfo(SOURCE), autocommit=True) as conn:
            for statement in ROWS.format(rows=rows).split(";\n"):
                conn.execute(statement)
            conn.execute("VACUUM ANALYZE")
            (size,) = conn.execute("SELECT pg_database_size(current_database())").fetchone()
        settings = Settings(source.conninfo(SOURCE), destination.conninfo(SOURCE), jobs=jobs)
        clone(settings, lambda event: None)
        with psycopg.connect(destination.conninfo(SOURCE), autocommit=True) as conn:
            conn.execute("VACUUM ANALYZE")
        command = [sys.executable, "-m", "replicator", "verify", "--jobs", str(jobs), "--output", "plain"]
        command += ["--source", settings.source, "--destination", settings.destination]
        contenders: dict[str, Callable[[], object]] = {
            "verify": lambda: subprocess.run(command, check=True, capture_output=True),
        }
        for name, query in SCANS.items():
            contenders[name] = lambda query=query: scan(servers, query, jobs)
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, work in contenders.items():
                figures[name].append(measured(work, servers))
        show(figures, f"{size_text(size)} on each side, {rounds} rounds, medians")
        plant_and_find(settings, destination, rows)


def show(figures: dict[str, list[tuple[float, float]]], title: str) -> None:
    """Print the medians, and verify's share of each."""
    table = Table("", "wall", "verify / this", "servers' CPU", "verify / this", title=title)
    verify = [statistics.median(column) for column in zip(*figures["verify"], strict=True)]
    for name, runs in figures.items():
        wall, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
        table.add_row(name, f"{wall:.2f} s", f"{verify[0] / wall:.2f}", f"{cpu:.2f} s", f"{verify[1] / cpu:.2f}")
    Console().print(table)


def plant_and_find(settings: Settings, destination: Server, rows: int) -> None:
    """Plant a hundred differences in rows, find them, repair them."""
    plants = plant_rows(100, rows, seed=1)
    with psycopg.connect(destination.conninfo(SOURCE), autocommit=True) as conn:
        for plant in plants:
            conn.execute(plant.statement)
    began = time.monotonic()
    mismatches = verify_copy(settings, lambda event: None)
    seconds = time.monotonic() - began
    twice = sum(plant.key is None and "UPDATE" in plant.statement for plant in plants)
    differing = sum(row.times for m in mismatches for row in m.rows) - twice  # a changed one is missing, and extra
    print(f"planted: {len(plants)} rows, {twice} of them without a key and changed")
    print(f"found in {seconds:.1f} s: {differing} rows")
    began = time.monotonic()
    left = [m for m in verify_copy(Settings(settings.source, settings.destination, jobs=settings.jobs, repair=True),
                                   lambda event: None) if m.rows and not m.repaired]  # fmt: skip
    print(f"repaired and verified again in {time.monotonic() - began:.1f} s; tables that still differ: {len(left)}")


if __name__ == "__main__":
    main()
