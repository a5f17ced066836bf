"""Which contents of a database are copied and compared: all that the options do not exclude.

What is excluded on both sides is not a difference. An extension is excluded with everything that needs it.
"""

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

from replicator.catalog import select
from replicator.catalog.narrow import narrowed
from replicator.catalog.patterns import matcher
from replicator.catalog.rules import Rules
from replicator.errors import PreflightFailed
from replicator.events import listed
from replicator.model import Address, Catalog, Finding, Loss
from replicator.sessions.postgres import unquoted
from replicator.settings import Content

KINDS = {
    "comments": {"comment"},
    "security_labels": {"security_label"},
    "publications": {"publication", "publication_table", "publication_schema"},
    "subscriptions": {"subscription"},
    "event_triggers": {"event_trigger"},
}
"""The kinds of objects that each option excludes."""


def selected(catalog: Catalog, content: Content, source: Catalog | None = None) -> Catalog:
    """Return the catalog without what the options exclude.

    `source`: of a copy's catalog, also return the counterparts of these objects, whatever needs them there.
    """
    return _selected(catalog, content, frozenset(o.name for o in source.objects) if source else frozenset())[0]


def chosen(catalog: Catalog, content: Content) -> tuple[Catalog, list[Loss]]:
    """Do the same with the source's catalog. Also returns what is excluded because it needs something excluded.

    Raises PreflightFailed if a pattern matches nothing.
    """
    Rules.of(content).check(catalog, allow_empty=content.allow_empty_patterns)
    extensions = [unquoted(o.identity) for o in catalog.objects if o.kind == "extension"]
    for pattern in content.exclude_extension:
        if not any(matcher(pattern).fullmatch(name) for name in extensions):
            alike = get_close_matches(pattern, extensions, 1)
            raise PreflightFailed(
                f"--exclude-extension {pattern} matches no extension of the source.",
                hint=f"Did you mean {alike[0]}?" if alike else f"The source has {listed(extensions) or 'none'}.",
            )
    return _selected(catalog, content)


def notes(losses: Iterable[Loss]) -> list[Finding]:
    """Return a note for each loss."""
    return [
        Finding(f"Not copied{'' if loss.whole else ' in full'}, as requested: {loss}", fatal=False, object=loss.what)
        for loss in losses
    ]


def _selected(catalog: Catalog, content: Content, also: frozenset[str] = frozenset()) -> tuple[Catalog, list[Loss]]:
    if not content.owners:
        catalog = select.without_owners(catalog)
    if not content.tablespaces:
        catalog = select.without_tablespaces(catalog)
    if not content.large_objects:
        catalog = replace(catalog, large_objects=())
    if not content.unlogged_rows:
        catalog = select.without_unlogged_rows(catalog)
    if not content.privileges:
        catalog = select.without_privileges(catalog)
    if not content.comments:
        catalog = replace(catalog, large_objects=tuple(replace(r, comments=False) for r in catalog.large_objects))
    if content.load_via_partition_root:
        catalog = replace(catalog, tables=tuple(replace(t, root=t.root or t.top) for t in catalog.tables))
    kinds = {kind for name, kinds in KINDS.items() if not getattr(content, name) for kind in kinds}
    if kinds:
        catalog, _ = select.without(catalog, {select.key(o): "" for o in catalog.objects if o.kind in kinds})
    catalog, losses = _without_extensions(catalog, content.exclude_extension)
    if content.chooses:
        catalog, lost = narrowed(catalog, Rules.of(content), also, partial=content.partial)
        losses = [*lost, *losses]
    if not content.has("post-data"):
        catalog = replace(catalog, populated=frozenset())  # as pg_dump has REFRESH in post-data
    if not content.has("data"):
        nothing = frozenset[Address]()
        catalog = replace(catalog, tables=(), sequences=(), large_objects=(), populated=nothing, carried=nothing)
    return catalog, losses


def _without_extensions(catalog: Catalog, patterns: Iterable[str]) -> tuple[Catalog, list[Loss]]:
    matchers = [matcher(pattern) for pattern in patterns]
    excluded: dict[select.Key, str] = {
        o.address: _with_rows(catalog, o.address)
        for o in catalog.objects
        if o.kind == "extension" and any(each.fullmatch(unquoted(o.identity)) for each in matchers)
    }
    return select.without(catalog, excluded) if excluded else (catalog, [])


def _with_rows(catalog: Catalog, extension: select.Key) -> str:
    """Return why an extension is excluded, and which of its tables have rows of the user's."""
    tables = [table.identity for table in catalog.tables if table.extension == extension]
    return f"with its members and the rows in {listed(tables)}" if tables else "with its members"
