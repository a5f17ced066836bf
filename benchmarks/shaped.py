"""The cost of a definition: clones of the same rows, plain, filtered, masked; and a subset against the whole.

The rows of the plain one are in a database of their own, beside the original: the newer half of the orders and clicks.
"""

import subprocess
from pathlib import Path

import psycopg

from benchmarks.contenders import REPLICATOR, Run, Tools
from benchmarks.database import NAME, Pair

ROWS = "benchmark_rows"
KEY = "a key of masks that is random enough for a benchmark 0123456789"
FILTERED = """
[tables."public.orders"]
where = "id > (SELECT max(id) / 2 FROM public.orders)"
[tables."public.items"]
where = "order_id > (SELECT max(id) / 2 FROM public.orders)"
[tables."public.clicks"]
where = "at > (SELECT min(at) + (max(at) - min(at)) / 2 FROM public.clicks)"
"""
MASKED = """
[mask."public.customers"]
name = "name"
born = "date"
"""
SUBSET = """
[subset]
roots = { "public.customers" = "id % 100 = 0" }
others = "none"
"""


def clones(pair: Pair, tools: Tools, jobs: int) -> dict[str, Run]:
    """Return clones by what they copy. Raises RuntimeError if the database of the rows cannot be made."""
    folder = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    definitions = {"rows": FILTERED, "masked": FILTERED + MASKED, "subset": SUBSET}
    for name, text in definitions.items():
        (folder / f"{name}.toml").write_text(text)
    (folder / "key").write_text(KEY)
    (folder / "key").chmod(0o600)
    clone = [*REPLICATOR, "clone", "--jobs", str(jobs), "--output", "plain"]
    ends = ["--source", pair.url("source"), "--destination", pair.url("destination")]
    rows = pair.source.conninfo(ROWS, sslmode="disable")
    filtered = ["--definition", str(folder / "rows.toml")]
    with psycopg.connect(pair.source.conninfo(NAME, sslmode="disable"), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {ROWS}")
        conn.execute(f"CREATE DATABASE {ROWS} TEMPLATE template0")
    command = [*clone, "--source", pair.url("source"), "--destination", rows, *filtered]
    done = subprocess.run(command, env=tools.environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"The database of the rows could not be made: {done.stderr}")
    masked = ["--definition", str(folder / "masked.toml"), "--mask-key-file", str(folder / "key")]
    return {
        "replicator, half of the rows, plain": tools.command([*clone, "--source", rows, *ends[2:]]),
        "filtered": tools.command([*clone, *ends, *filtered]),
        "filtered and masked": tools.command([*clone, *ends, *masked]),
        "replicator, all rows": tools.command([*clone, *ends]),
        "subset of 1 %": tools.command([*clone, *ends, "--definition", str(folder / "subset.toml")]),
    }
