"""The two servers, the scenario's database on them, and the check that a copy is complete."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks.delay import Distance
from replicator.demo.server import Server, reachable_folder

SCENARIOS = {path.stem: path for path in sorted(Path(__file__).with_name("scenarios").glob("*.sql"))}
NAME = "bench"
# Autovacuum would hit one contender and not another.
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "autovacuum": "off", "max_locks_per_transaction": "256"}
SCALED = """
CREATE FUNCTION pg_temp.scaled(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
    AS $$ SELECT greatest(1, round(n * {scale}))::bigint $$
"""
OWN = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
COUNTS = f"""
SELECT concat('relations ', relkind), count(*)::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE {OWN} GROUP BY relkind
 UNION ALL
SELECT 'valid indexes', count(*)::text FROM pg_index i JOIN pg_class c ON c.oid = indexrelid
  JOIN pg_namespace n ON n.oid = relnamespace WHERE {OWN} AND indisvalid
 UNION ALL
SELECT concat('constraints ', contype), count(*)::text FROM pg_constraint JOIN pg_namespace n ON n.oid = connamespace
 WHERE {OWN} AND convalidated GROUP BY contype
 UNION ALL
SELECT 'functions', count(*)::text FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE {OWN}
 UNION ALL
SELECT 'triggers', count(*)::text FROM pg_trigger WHERE NOT tgisinternal
 UNION ALL
SELECT 'large objects', concat(count(*), ' hash ', sum(hashtextextended(md5(lo_get(oid)), 0)))
  FROM pg_largeobject_metadata
"""
TABLES = f"""
SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'r' AND {OWN} ORDER BY 1
"""


BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^(client|parallel)' AND pid <> pg_backend_pid()"
REAPED_SECONDS = 0.05
"""A backend ends at most so long after its last message."""
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of the servers' backends, and round trips."""

    cpu: float
    trips: int

    def __sub__(self, before: "Cost") -> "Cost":
        return Cost(self.cpu - before.cpu, self.trips - before.trips)


def _cpu_of_children(pid: int) -> float:
    """Return the CPU seconds of all ended children of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / CLOCK_TICKS


@dataclass(frozen=True, slots=True)
class Pair:
    """A running source, filled, and a running destination."""

    source: Server
    destination: Server
    size: int
    """Of the source's database, in bytes."""
    version: str
    distances: Mapping[str, Distance] = field(default_factory=dict)
    """The delay proxy in front of each side."""

    def url(self, side: str, **more: str) -> str:
        """Return how to connect to the scenario's database on one side: without TLS unless told."""
        server: Server = getattr(self, side)
        if side in self.distances:
            more = {**more, "port": str(self.distances[side].port)}
        return server.conninfo(NAME, **{"sslmode": "disable", **more})

    def cost(self) -> Cost:
        """Return the CPU seconds of both servers' ended backends, and all round trips, so far."""
        servers = (self.source, self.destination)
        for server in servers:
            with psycopg.connect(server.conninfo(), autocommit=True) as conn:
                while conn.execute(BACKENDS).fetchone() != (0,):
                    time.sleep(0.01)
        time.sleep(REAPED_SECONDS)
        cpu = sum(_cpu_of_children(server.pid) for server in servers)
        return Cost(cpu, sum(distance.trips() for distance in self.distances.values()))

    def connect(self, side: str) -> psycopg.Connection:
        """Connect to the scenario's database, directly."""
        server: Server = getattr(self, side)
        return psycopg.connect(server.conninfo(NAME, sslmode="disable"), autocommit=True)

    def renew(self) -> None:
        """Recreate the destination's database, empty, and wait until the servers are idle."""
        _recreate(self.destination)
        for server in (self.source, self.destination):
            with psycopg.connect(server.conninfo(), autocommit=True) as conn:
                conn.execute("CHECKPOINT")
        os.sync()  # otherwise the next contender pays for the writes of the last one

    def tables(self) -> list[str]:
        """Return the source's tables, qualified and quoted."""
        with self.connect("source") as conn:
            return [name for (name,) in conn.execute(TABLES)]


@contextmanager
def filled(scenario: str, scale: float, server_bin: Path, client_bin: Path, *, tls: bool = False) -> Iterator[Pair]:
    """Start two servers and fill one with a scenario. Raises RuntimeError if a server or a script fails."""
    with ExitStack() as stack:
        one, other = (stack.enter_context(_server(server_bin, side, tls=tls)) for side in ("source", "destination"))
        _recreate(one)
        command = [
            client_bin / "psql",
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            one.conninfo(NAME, sslmode="disable"),
        ]
        command += ["-c", SCALED.format(scale=scale), "-f", SCENARIOS[scenario], "-c", "VACUUM ANALYZE"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"The scenario {scenario} failed: {done.stderr or done.stdout}")
        with psycopg.connect(one.conninfo(NAME)) as conn:
            facts = "SELECT pg_database_size(current_database()), split_part(current_setting('server_version'), ' ', 1)"
            size, version = conn.execute(facts).fetchone()
        yield Pair(one, other, size, version)


@contextmanager
def _server(bin: Path, side: str, *, tls: bool) -> Iterator[Server]:
    folder = reachable_folder(f"replicator-bench-{side}-")
    try:
        with Server(bin, folder, {**SETTINGS, **(_certified(folder) if tls else {})}) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # also if the server did not start


def _recreate(server: Server) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {NAME}")
        conn.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")


def _certified(folder: Path) -> dict[str, str]:
    """Make a key and a certificate of its own for a server, and return its settings."""
    key, certificate = folder / "server.key", folder / "server.crt"
    command = ["openssl", "req", "-new", "-x509", "-nodes", "-days", "30", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    for path in (key, certificate):
        path.chmod(0o600)
        os.chown(path, folder.stat().st_uid, folder.stat().st_gid)
    return {"ssl": "on", "ssl_key_file": str(key), "ssl_cert_file": str(certificate)}


def fingerprint(conn: psycopg.Connection) -> dict[str, str]:
    """Return what a complete copy must share: counts of objects, and each table's rows by count and hash."""
    found = dict(conn.execute(COUNTS).fetchall())
    one_row = "hash_record_extended(t, 0)" if conn.info.server_version >= 140000 else "hashtextextended(t::text, 0)"
    for (table,) in conn.execute(TABLES).fetchall():
        query = f"SELECT count(*), sum({one_row}) FROM ONLY {table} t"
        found[f"rows of {table}"] = "{} hash {}".format(*conn.execute(query).fetchone())
    return found


def difference(original: Mapping[str, str], copy: Mapping[str, str]) -> str:
    """Describe what a copy lacks; empty if it is complete.

    >>> difference({"triggers": "2", "functions": "1"}, {"functions": "1"})
    'triggers: 2, copied 0'
    """
    wrong = [name for name in sorted(original.keys() | copy.keys()) if original.get(name) != copy.get(name)]
    if not wrong:
        return ""
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"{wrong[0]}: {original.get(wrong[0], '0')}, copied {copy.get(wrong[0], '0')}{more}"
