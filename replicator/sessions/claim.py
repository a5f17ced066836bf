"""The claim on a destination: an advisory lock that allows one clone at a time. Sessions of dead clients are ended.

A server may take long to notice that a client is gone, after a power failure or when a firewall drops a connection.
So the holder runs an empty statement every few seconds (ControlConnection), which pg_stat_activity shows to all.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement

LOCK_KEY = 7306916069411448435  # 'replicat' as a number: one clone at a time into a database.


BEAT_SECONDS = 3.0
"""How often the holder runs an empty statement."""
SILENT_SECONDS = 15.0
"""A holder without any statement for this long is considered dead."""
SESSION_ENDS_SECONDS = 30.0
LOOK_SECONDS = 0.1
WAIT = (
    "Wait until it ends. If its process or host died, continue with `clone --resume`, or remove the copy with `clean`."
)


@dataclass(frozen=True, slots=True)
class ClaimHolder:
    """The session that has the claim. `idle_seconds` is the time since its last statement ended, 0 while one runs.

    If it belongs to another role and its state cannot be seen, it counts as alive.
    """

    pid: int
    since: datetime | None
    same_name: bool
    idle: bool
    idle_seconds: float

    def __str__(self) -> str:
        since = f", connected since {self.since:%Y-%m-%d %H:%M:%S %Z}" if self.since else ""
        silent = f", silent for {self.idle_seconds:.0f} s" if self.idle_seconds > SILENT_SECONDS else ""
        return f"server process {self.pid}{since}{silent}"


def hold(conn: Connection) -> bool:
    """Claim this database for one clone until the connection ends. Returns False if another session has the claim."""
    return bool(conn.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchall()[0][0])


def claim(conn: Connection, mine: Collection[int] = (), *, end_silent: bool = False) -> ClaimHolder | None:
    """Claim this database for one clone until the connection ends. Returns the holder if another session has the claim.

    A session of our own that lost its client is ended; `mine` are the PIDs that we had. With `end_silent`, so is a
    session that has been silent for a while: a running clone executes a statement every few seconds.
    """
    deadline = time.monotonic() + SESSION_ENDS_SECONDS
    before: ClaimHolder | None = None
    while not hold(conn):
        with conn.cursor(row_factory=class_row(ClaimHolder)) as cursor:
            holder = cursor.execute(
                statement(__package__, "claim_holder"), [LOCK_KEY >> 32, LOCK_KEY & 0xFFFFFFFF]
            ).fetchone()
        if holder is None:
            continue  # it ended just now
        dead = holder.same_name and holder.pid in mine
        if not dead and not end_silent:
            return holder
        if dead or holder.idle_seconds > SILENT_SECONDS:
            if time.monotonic() > deadline:
                return holder
            try:
                conn.execute("SELECT pg_terminate_backend(%s)", [holder.pid])
            except psycopg.errors.InsufficientPrivilege:
                return holder
        else:
            deadline = time.monotonic() + SESSION_ENDS_SECONDS
            if not holder.idle or (before and (holder.pid != before.pid or holder.idle_seconds < before.idle_seconds)):
                return holder  # it is alive
        before = holder
        time.sleep(LOOK_SECONDS)
    return None
