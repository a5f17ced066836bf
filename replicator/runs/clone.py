"""`clone`: a copy of a database, from the first attempt to connect to the last check. Read this first: the whole story.

ready ─► open ─► prepare ─► begin ─► run the steps ─► check ─► finish
(connect) (endpoints) (prepare)  (begin)   (steps)       (finish)  (finish)
"""

from contextlib import ExitStack

from replicator import events
from replicator.errors import Undone
from replicator.events import Emit
from replicator.journal import unfinished
from replicator.runs import swap
from replicator.runs.begin import Copy, begin
from replicator.runs.connect import ready
from replicator.runs.ended import recorded
from replicator.runs.endpoints import open_both
from replicator.runs.finish import check, finish, unless_undone
from replicator.runs.mode import mode_of
from replicator.runs.steps import run_steps
from replicator.settings import Settings


def clone(settings: Settings, emit: Emit) -> bool:
    """Copy the source database into the destination, and verify the copy if the settings say so.

    Returns whether all of it was verified. Raises a ReplicatorError; from the first write on, the destination's journal
    says how far the copy got.
    """
    if settings.replace == "swap":
        return swap.swap(settings, emit, build=fill)
    return fill(settings, emit)


def fill(settings: Settings, emit: Emit, *, verified: bool = False) -> bool:
    """Copy the source database into the empty destination, or its rows alone into a schema that is there.

    Returns whether the copy was verified as a whole, which need not be done if it is `verified` already.
    """
    with ready(settings, emit) as opened, ExitStack() as stack:
        with events.saying(emit, "Opening both databases, and ending what an earlier run left there"):
            ends = stack.enter_context(open_both(settings, opened))
        if ends.left:
            settings = unfinished.as_begun(settings, ends.left.run.options)
        mode = mode_of(settings)
        prepared = mode.prepare(ends, settings, emit)
        ends.warm(prepared.plan)
        copy = begin(mode, prepared, ends, settings, emit)
        with recorded(copy):
            verified = complete(copy, verified=verified)
        for note in [*map(events.left_out, prepared.left_out), *copy.journal.later]:
            emit(note)
        return verified


def complete(copy: Copy, *, verified: bool) -> bool:
    """Do all that the journal has as unfinished, verify, and end the run; all over if the server crashes meanwhile.

    Returns whether the copy is verified.
    """
    while True:
        run_steps(copy)
        try:
            if copy.settings.verify and not verified:
                with unless_undone(copy):
                    verified = check(copy)
            finish(copy)
        except Undone as error:
            copy.retry.failed("the end", error)
            verified = False
        else:
            return verified
