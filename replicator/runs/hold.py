"""A process of its own that holds a run's snapshot, so that what the run leaves can be finished as of the same moment.

It is started by the run, tells the name under which it exported the snapshot, and goes when the journal does, when the
journal names another snapshot, or when its time is over: a snapshot that nobody wants keeps VACUUM from its work.
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
"""The run has these locks already: where they are not to be had, somebody waits for the run, and would for ever."""
HELD, REFUSED = "held", "refused"
"""The first word that the process says."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the holder needs to know. It comes on its standard input: others could read a command line."""

    source: str
    destination: str
    encoding: str
    snapshot: str
    seconds: float


def start(request: Request) -> str:
    """Start the process and return the name of the snapshot that it holds. Raises PreflightFailed."""
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
    """Be that process: `text` is a Request as JSON. Prints the snapshot's name, or why not; returns when it is over."""
    request = Request(**json.loads(text))
    until = time.monotonic() + request.seconds
    with ExitStack() as stack:
        taken = snapshot.take(request.source, request.encoding, imported=request.snapshot)
        moment = stack.enter_context(taken)
        try:
            moment.lock_tables(LOCK_SECONDS)
        except PreflightFailed as error:
            print(REFUSED, error, flush=True)
            return
        print(HELD, moment.id, flush=True)
        begun = False  # the journal is written a moment later
        overdue = time.monotonic() + BEGIN_SECONDS
        control: ControlConnection | None = None
        while time.monotonic() < until:
            time.sleep(CHECK_SECONDS if begun else EARLY_CHECK_SECONDS)
            expected = begun or time.monotonic() > overdue  # the run may have been over before we looked
            try:
                # One session for all looks: logging in every time would fill the server's log.
                control = control or stack.enter_context(ControlConnection(request.destination, "hold"))
                run = journal.read_run(control.keep())
            except psycopg.OperationalError as error:
                if expected and not failures.may_pass(error):  # it was dropped, or swapped in under another name
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
