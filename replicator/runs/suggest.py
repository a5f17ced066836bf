"""`suggest-masks`: which columns of a source look personal. Nothing is written, and no destination is needed."""

from replicator.catalog.choose import chosen
from replicator.events import Emit, saying
from replicator.runs.connect import answering, refuse_or_note
from replicator.runs.reading import READING, read
from replicator.sessions import snapshot
from replicator.settings import Settings
from replicator.shaping.masks import suggest
from replicator.shaping.masks.personal import Suggested


def suggest_masks(settings: Settings, emit: Emit) -> Suggested:
    """Return the columns that look personal, and are neither masked nor `plain` in the definition."""
    with answering("source", settings.source, settings, emit) as (*_, unknown):
        refuse_or_note(unknown, emit)
    with snapshot.take(settings.source) as moment, saying(emit, READING):
        catalog, _ = chosen(read(moment, moment.holder, settings), settings)
        return Suggested(tuple(suggest(moment.holder, catalog, settings.definition)))
