"""The settings of the destination that hold a large load back."""

from collections.abc import Iterable

from replicator.events import size_text
from replicator.model import Finding
from replicator.sessions.postgres import Connection

GB = 1024**3
LARGE = 4 * GB
"""Below this, no setting is worth a word."""
MANY_CHECKPOINTS = 10
SMALL_BUFFERS = GB // 8


def slow(destination: Connection, bytes: int) -> Iterable[Finding]:
    """Yield the settings that hold a large load back; synchronous_commit is off in the sessions of a clone anyway."""
    if bytes < LARGE:
        return
    sizes = {
        name: int(size)
        for name, size in destination.execute(
            "SELECT name, pg_size_bytes(current_setting(name)) FROM unnest(%s::text[]) AS name",
            [["max_wal_size", "shared_buffers"]],
        )
    }
    wal_level, archive_mode, spread = destination.execute(
        "SELECT current_setting('wal_level'), current_setting('archive_mode'),"
        " current_setting('checkpoint_completion_target')::float8"
    ).fetchall()[0]
    load = size_text(bytes)
    if wal_level != "minimal":
        checkpoints = round(bytes * (1 + spread) / sizes["max_wal_size"])
        if checkpoints > MANY_CHECKPOINTS:
            wanted = min(64, 2 ** (bytes // 4 // GB).bit_length())
            yield Finding(
                f"max_wal_size is {size_text(sizes['max_wal_size'])} on the destination and {load} will be loaded:"
                f" about {checkpoints} checkpoints.",
                fatal=False,
                object="max_wal_size",
                run=f"ALTER SYSTEM SET max_wal_size = '{wanted}GB'; SELECT pg_reload_conf();",
            )
        archived = f", and archived, since archive_mode is {archive_mode}" if archive_mode != "off" else ""
        yield Finding(
            f"wal_level is {wal_level} on the destination: {load} will be written to WAL as well{archived}.",
            "Without standbys and archive: ALTER SYSTEM SET wal_level = 'minimal';"
            " ALTER SYSTEM SET max_wal_senders = 0; ALTER SYSTEM SET archive_mode = 'off';"
            " then restart, and set them back afterwards.",
            fatal=False,
        )
    if sizes["shared_buffers"] < SMALL_BUFFERS:
        yield Finding(
            f"shared_buffers is {size_text(sizes['shared_buffers'])} on the destination and {load} will be loaded.",
            "A quarter of its memory is usual: ALTER SYSTEM SET shared_buffers = …; then restart.",
            fatal=False,
        )
