"""`--hold-snapshot`: a separate process that holds a run's snapshot, so that a later run can resume in it.

The run starts it and reads the name of the exported snapshot from its output. The process ends when the journal is
dropped or names another snapshot, or when its time is up: an unused snapshot keeps VACUUM from removing dead rows.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import psycopg

from replicator import journal
from replicator.errors import PreflightFailed, SnapshotLost, SourceChanged
from replicator.journal.connection import ControlConnection
from replicator.sessions import failures, snapshot

COMMAND = (sys.executable, "-m", "replicator", "hold")
CHECK_SECONDS = 2.0
EARLY_CHECK_SECONDS = 0.2
BEGIN_SECONDS = 30.0
LOCK_SECONDS = 5.0
"""The run holds these locks. If they are not granted, another session waits for the run, and would wait forever."""
HELD, REFUSED = "held", "refused"
"""The first word of the process's output."""


@dataclass(frozen=True, slots=True)
class Request:
    """The holder's input. It comes on standard input, since other users can read a command line."""

    source: str
    destination: str
    encoding: str
    snapshot: str
    seconds: float
    only: list[int] | None = None
    """The OIDs of the tables to lock; None: all."""


def start(request: Request) -> str:
    """Start the process; return the name of the snapshot that it exports. Raises PreflightFailed."""
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(json.dumps(asdict(request)).encode())
        process.stdin.close()
        reported, _, name = process.stdout.readline().decode().strip().partition(" ")
    if reported == HELD:
        return name
    ended = process.wait()
    raise PreflightFailed(
        f"The process that should hold the snapshot failed: {name or f'it exited with status {ended}.'}",
        hint="Run it again, or without --hold-snapshot.",
    )


def hold(text: str) -> None:
    """Run as that process; `text` is a Request as JSON. Prints the snapshot's name or the error; returns at the end."""
    request = Request(**json.loads(text))
    until = time.monotonic() + request.seconds
    with ExitStack() as stack:
        taken = snapshot.take(request.source, request.encoding, imported=request.snapshot)
        moment = stack.enter_context(taken)
        try:
            moment.lock_tables(LOCK_SECONDS, request.only)
        except PreflightFailed as error:
            print(REFUSED, error, flush=True)
            return
        print(HELD, moment.id, flush=True)
        begun = False  # the journal is written a moment later
        overdue = time.monotonic() + BEGIN_SECONDS
        control: ControlConnection | None = None
        while time.monotonic() < until:
            time.sleep(CHECK_SECONDS if begun else EARLY_CHECK_SECONDS)
            expected = begun or time.monotonic() > overdue  # the run may have ended before the first look
            try:
                # One session for all looks: logging in every time would fill the server's log.
                control = control or stack.enter_context(ControlConnection(request.destination, "hold"))
                run = journal.read_run(control.keep())
            except psycopg.OperationalError as error:
                if expected and not failures.may_pass(error):  # the database was dropped or renamed by a swap
                    return
            else:
                wanted = run.snapshot if run else None  # None: there is no journal
                if wanted != moment.id and expected:
                    return
                begun = begun or wanted == moment.id
            try:
                moment.keep()
            except (SnapshotLost, SourceChanged):
                return
