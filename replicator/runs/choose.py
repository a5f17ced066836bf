"""`choose`: list what is copied of a source. Nothing is written, and no destination is needed."""

from dataclasses import dataclass

from replicator.catalog import FACETS
from replicator.catalog.closure import PARTS
from replicator.events import Emit, saying
from replicator.model import Catalog, kind_words
from replicator.runs.connect import answering, refuse_or_note
from replicator.runs.reading import READING, content, read
from replicator.sessions import snapshot
from replicator.settings import Settings


@dataclass(frozen=True, slots=True)
class ChosenObject:
    """An object that is copied. `rows` is the planner's estimate; None: none of its rows are copied."""

    kind: str
    name: str
    rows: int | None
    bytes: int | None
    why: str
    """Why it is copied although no pattern names it; "" if one does."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a clone would copy of a source, in creation order, and what it would leave out, as texts."""

    objects: tuple[ChosenObject, ...]
    left_out: tuple[str, ...]


def choose(settings: Settings, emit: Emit) -> Chosen:
    """Return what is copied, and what is left out. Raises PreflightFailed if a pattern matches nothing."""
    with answering("source", settings.source, settings, emit) as (*_, unknown):
        refuse_or_note(unknown, emit)
    with snapshot.take(settings.source) as moment, saying(emit, READING):
        catalog, losses, _ = content(moment.holder, read(moment, moment.holder, settings), settings)
    return Chosen(tuple(_listed(catalog)), tuple(map(str, losses)))


def _listed(catalog: Catalog) -> list[ChosenObject]:
    tables = {table.address: table for table in catalog.tables}
    return [
        ChosenObject(
            kind_words(o.kind),
            o.identity,
            tables[o.address].rows if o.address in tables else None,
            tables[o.address].bytes if o.address in tables else None,
            catalog.along.get(o.address, ""),
        )
        for o in catalog.objects
        if o.kind not in FACETS and o.kind not in PARTS
    ]
