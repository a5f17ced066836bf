"""Try seeds one after another, and make what fails small:

    python -m tests.fuzz 18 15 1 200 FOLDER

copies the schemas of seeds 1 to 200 from PostgreSQL 18 to 15. Of each that fails, FOLDER gets the faults and the
statements, all of them and the few that suffice.
"""

import os
import sys
import time
from pathlib import Path

from tests.fix_servers import Servers
from tests.fuzz.run import faults_of_script, faults_of_seed, write

SHRINK_SECONDS = float(os.environ.get("REPLICATOR_FUZZ_SHRINK", 120))


def shrunk(script: list[str], fault: str, old: int, new: int, servers: Servers) -> list[str]:
    """Leave out statements while a fault of the same sort remains."""
    sort = fault.partition(":")[0]
    deadline = time.monotonic() + SHRINK_SECONDS
    length = len(script) // 2
    while length and time.monotonic() < deadline:
        start = len(script)
        while start > 0 and time.monotonic() < deadline:
            fewer = script[: max(start - length, 0)] + script[start:]
            verdict, taken = faults_of_script(fewer, old, new, servers)
            if any(found.startswith(sort) for found in verdict.faults):
                script = taken
            start = min(start - length, len(script))
        length //= 2
    return script


def main(old: int, new: int, first: int, last: int, folder: Path) -> None:
    servers = Servers()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for seed in range(first, last + 1):
            begun = time.monotonic()
            verdict, maker = faults_of_seed(seed, old, new, servers)
            refused = len(maker.refused) / (len(maker.script) + len(maker.refused))
            size = f"{len(maker.script)} statements ({refused:.0%} refused) in {time.monotonic() - begun:.0f} s"
            said = f"{len(verdict.faults)} faults, {len(verdict.excused)} that pg_dump has as well"
            print(f"seed {seed}, {old} to {new}: {size}, {said}", flush=True)
            if verdict.faults or verdict.excused:
                path = folder / f"{old}-{new}-{seed}"
                path.with_suffix(".txt").write_text(str(verdict), "utf-8")
                write(maker.script, path.with_suffix(".sql"))
                if verdict.faults and SHRINK_SECONDS:
                    write(shrunk(maker.script, verdict.faults[0], old, new, servers), path.with_suffix(".small.sql"))
    finally:
        servers.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]), Path(sys.argv[5]))
