"""Fixtures live in fix_*.py, by subject."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

MEMORY, ENOUGH = Path("/dev/shm"), 8 << 30


def _has_room(folder: Path) -> bool:
    """Tell whether a file system in memory has room for the servers, and may run programs."""
    if not os.access(folder, os.W_OK):
        return False
    stat = os.statvfs(folder)
    in_memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(stat.f_bavail * stat.f_frsize, in_memory // 2) >= ENOUGH and not stat.f_flag & os.ST_NOEXEC


# A database is 300 files, and a test makes two: 10 ms each in memory, 200 ms on a disk.
if "TMPDIR" not in os.environ and _has_room(MEMORY):
    os.environ["TMPDIR"] = str(MEMORY)

# Without the compiled modules a command takes 1.2 s instead of 0.4 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("same each time", derandomize="REPLICATOR_SEED" not in os.environ)
settings.load_profile("same each time")

pytest_plugins = ["tests.fix_servers", "tests.fix_cli", "tests.fix_peer", "tests.fix_faults", "tests.fix_busy"]
pytest.register_assert_rewrite(*pytest_plugins, "tests.roundtrip", "tests.busy_judge")
