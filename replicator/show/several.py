"""Progress of several databases at once: each has a view of its own, whose lines begin with its name.

The view of the events that name no database has no name. It is the only one where a single database is copied.
"""

import threading
from collections.abc import Callable

from rich.console import Group, RenderableType

from replicator.events import Event, Finished, InDatabase
from replicator.show.lines import Json, Plain
from replicator.show.terminal import Terminal


class SeveralLines:
    """Lines of several databases; `view` makes one for a database."""

    def __init__(self, view: Callable[[str], Json | Plain]) -> None:
        self._lock = threading.Lock()
        self._view = view
        self._views: dict[str, Json | Plain] = {}

    def emit(self, event: Event) -> None:
        """Take an event."""
        name, event = _parted(event)
        with self._lock:
            if name not in self._views:
                self._views[name] = self._view(name)
            self._views[name].emit(event)
            if name and isinstance(event, Finished):
                del self._views[name]

    def tick(self) -> None:
        """Write what is due."""
        with self._lock:
            for view in self._views.values():
                view.tick()


class SeveralTerminals:
    """The live areas of several databases, one below the other; `view` makes one for a database."""

    def __init__(self, view: Callable[[str], Terminal]) -> None:
        self._lock = threading.Lock()
        self._view = view
        self._views = {"": view("")}

    def emit(self, event: Event) -> None:
        """Take an event."""
        name, event = _parted(event)
        with self._lock:
            if name not in self._views:
                self._views[name] = self._view(name)
            view = self._views[name]
            if name and isinstance(event, Finished):
                del self._views[name]
        view.emit(event)  # without the lock: printing draws the live area again, which takes it

    def render(self) -> RenderableType:
        """Build what the live area shows now."""
        with self._lock:
            views = [view for name, view in self._views.items() if name or len(self._views) == 1]
        return Group(*(view.render(len(views)) for view in views))


def _parted(event: Event) -> tuple[str, Event]:
    """Return the database that an event names, and the event itself."""
    return (event.database, event.event) if isinstance(event, InDatabase) else ("", event)
