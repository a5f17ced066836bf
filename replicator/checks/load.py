"""Settings of the destination that slow a large load down."""

from collections.abc import Iterable

from replicator.events import size_text
from replicator.model import Finding
from replicator.sessions.postgres import Connection

GB = 1024**3
LARGE = 4 * GB
"""Smaller loads are not worth a warning."""
MANY_CHECKPOINTS = 10
SMALL_BUFFERS = GB // 8


def slow(destination: Connection, bytes: int) -> Iterable[Finding]:
    """Yield settings that slow a large load down; the sessions of a clone turn synchronous_commit off anyway."""
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
                f"max_wal_size on the destination is only {size_text(sizes['max_wal_size'])}: loading {load} will cause"
                " about"
                f" {checkpoints} checkpoints.",
                fatal=False,
                object="max_wal_size",
                run=f"ALTER SYSTEM SET max_wal_size = '{wanted}GB'; SELECT pg_reload_conf();",
            )
        archived = f", and archived (archive_mode is {archive_mode})" if archive_mode != "off" else ""
        yield Finding(
            f"wal_level on the destination is {wal_level}: {load} will also be written to WAL{archived}.",
            "If it has no standbys and no archive: ALTER SYSTEM SET wal_level = 'minimal';"
            " ALTER SYSTEM SET max_wal_senders = 0; ALTER SYSTEM SET archive_mode = 'off';"
            " then restart, and set them back afterwards.",
            fatal=False,
        )
    if sizes["shared_buffers"] < SMALL_BUFFERS:
        yield Finding(
            f"shared_buffers on the destination is only {size_text(sizes['shared_buffers'])}, but {load} will be"
            " loaded.",
            "Usually it is a quarter of the memory: ALTER SYSTEM SET shared_buffers = …; then restart.",
            fatal=False,
        )
