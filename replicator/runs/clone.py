"""`clone`: copy a database, from the first connection to the last check. Start reading the package here.

ready ─► open ─► prepare ─► begin ─► run the steps ─► check ─► finish
(connect) (endpoints) (prepare)  (begin)   (steps)       (finish)  (finish)
"""

from contextlib import ExitStack
from typing import NamedTuple

from replicator import events
from replicator.errors import Undone
from replicator.events import Emit
from replicator.journal import unfinished
from replicator.model import ReadPoint
from replicator.runs import mark, swap
from replicator.runs.begin import Copy, begin
from replicator.runs.connect import ready
from replicator.runs.endpoints import open_both
from replicator.runs.failure import recorded
from replicator.runs.finish import check, finish, undone_if_crashed
from replicator.runs.mode import mode_of
from replicator.runs.run_steps import run_steps
from replicator.settings import Settings
from replicator.shaping import at_one_time


class Cloned(NamedTuple):
    """A finished copy: whether all of it was verified, and the snapshot of the source that it was read in."""

    verified: bool
    read_point: ReadPoint | None
    """None: the run only swapped in a copy that an earlier run had completed."""


def clone(settings: Settings, emit: Emit) -> Cloned:
    """Copy the source database into the destination; verify the copy if `verify` is set.

    Raises a ReplicatorError. From the first write on, the journal on the destination records which steps are done.
    """
    if settings.replace == "swap":
        cloned = swap.swap(settings, emit, build=fill)
        return cloned or Cloned(verified=True, read_point=None)
    return fill(settings, emit)


def fill(settings: Settings, emit: Emit, *, verified: bool = False) -> Cloned:
    """Copy the source into an empty destination, or only its rows into an existing schema.

    `verified`: an earlier comparison has covered the whole copy, so this run skips it.
    """
    with ready(settings, emit) as opened, ExitStack() as stack:
        with events.saying(emit, "Opening both databases and ending sessions of an earlier run"):
            ends = stack.enter_context(open_both(settings, opened))
        if ends.previous:
            settings = unfinished.as_begun(settings, ends.previous.run.options)
        elif settings.data_only:
            settings = mark.of_copy(ends.control.conn).checked(settings, emit)
        settings = at_one_time(ends.snapshot.holder, settings)
        mode = mode_of(settings)
        prepared = mode.prepare(ends, settings, emit)
        ends.warm(prepared.plan)
        copy = begin(mode, prepared, ends, settings, emit)
        with recorded(copy):
            verified = complete(copy, verified=verified)
        for note in [*map(events.left_out, prepared.left_out), *copy.journal.later]:
            emit(note)
        return Cloned(verified, ends.snapshot.read_point)


def complete(copy: Copy, *, verified: bool) -> bool:
    """Run all unfinished steps, verify, and finish. Returns whether the copy is verified.

    If the destination crashes meanwhile, the loop starts over: the journal knows which steps the crash undid.
    """
    while True:
        run_steps(copy)
        try:
            if copy.settings.verify and not verified:
                with undone_if_crashed(copy):
                    verified = check(copy)
            finish(copy)
        except Undone as error:
            copy.retry.failed("the end", error)
            verified = False
        else:
            return verified
