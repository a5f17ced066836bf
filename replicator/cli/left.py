"""What is left to do, in lines for people."""

from collections.abc import Iterator, Sequence

from replicator import events
from replicator.journal.run import Status
from replicator.model.words import shown

LISTED = 10
"""How many are named."""


def open_as_lines(status: Status) -> Iterator[str]:
    """Yield what is left of a copy that is open."""
    yield events.one_line(f'Copy of {status.source} in "{status.database}", since {status.ended:%Y-%m-%d %H:%M:%S %Z}:')
    yield status.said
    if status.alive:
        yield "`validate` is running."
    yield from some(status.deferred, "to be done")
    yield from (events.one_line(text) for text in status.deferred_refused[:LISTED])
    yield "`clean` gives up the remaining work: the copy stays as it is, and only the journal is dropped."


def some(names: Sequence[str], what: str) -> Iterator[str]:
    """Yield the first of these names, and how many more there are."""
    yield from (f"  {what}: {events.one_line(shown(name))}" for name in names[:LISTED])
    if len(names) > LISTED:
        yield f"  and {len(names) - LISTED} more"
