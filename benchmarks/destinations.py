"""The effect of the destination's settings: the same clone into a server with other settings each time."""

from benchmarks.contenders import REPLICATOR, Run, Tools
from benchmarks.database import Pair

BEFORE: dict[str, str] = {"autovacuum": "off"}
"""Common to all; everything else has PostgreSQL's defaults."""
ROOM = {"max_wal_size": "16GB", "checkpoint_timeout": "1h"}
MINIMAL = {"wal_level": "minimal", "max_wal_senders": "0"}
CHOICES: dict[str, dict[str, str]] = {
    "as it comes": {},
    "max_wal_size, checkpoint_timeout": ROOM,
    "shared_buffers = 1GB": {"shared_buffers": "1GB"},
    "wal_compression = on": {"wal_compression": "on"},
    "full_page_writes = off": {"full_page_writes": "off"},
    "synchronous_commit = off": {"synchronous_commit": "off"},
    "wal_level = minimal": MINIMAL,
    "fsync = off": {"fsync": "off"},
    "room, minimal": {**ROOM, **MINIMAL},
    "room, minimal, buffers, fsync": {**ROOM, **MINIMAL, "shared_buffers": "1GB", "fsync": "off"},
}


def clones(pair: Pair, tools: Tools, jobs: int) -> dict[str, Run]:
    """Return the same clone under the name of each choice; see `arrange`."""
    ends = [word for side in ("source", "destination") for word in (f"--{side}", pair.url(side))]
    command = tools.command([*REPLICATOR, "clone", "--jobs", str(jobs), "--output", "plain", *ends])
    return dict.fromkeys(CHOICES, command)


def arrange(pair: Pair, choice: str) -> None:
    """Restart the destination with these settings."""
    pair.destination.stop()
    pair.destination.settings = {**BEFORE, **CHOICES[choice]}
    pair.destination.start()
