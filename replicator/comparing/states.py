"""States that no definition shows: the version of an extension, whether a foreign key is enforced."""

from collections.abc import Iterator

from replicator import events
from replicator.comparing.sides import Mismatch, Pair, Side, same_names
from replicator.events import Emit, listed
from replicator.model import shown
from replicator.sessions.postgres import Connection, quoted

VERSIONS = "SELECT extname::text, extversion FROM pg_extension ORDER BY 1"
PLPGSQL = "SELECT FROM pg_extension WHERE extname = 'plpgsql'"
OTHER_VERSION = """
SELECT e.extversion
     , EXISTS (SELECT FROM pg_available_extension_versions v WHERE v.name = e.extname AND v.version = %s)
  FROM pg_extension e
 WHERE e.extname = %s
   AND e.extversion <> %s
"""
# Foreign keys and deferrable unique constraints are enforced by internal triggers.
IDLE = """
SELECT format('%s %I on %s'
             , CASE c.contype WHEN 'f' THEN 'foreign_key' ELSE 'constraint' END, c.conname, c.conrelid::regclass)
  FROM pg_constraint c
 WHERE c.contype <> 't'
   AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = c.oid AND t.tgisinternal AND t.tgenabled IN ('D', 'R'))
 ORDER BY 1
"""


def compare_states(sides: Pair, emit: Emit, *, cloned: bool) -> Iterator[Mismatch]:
    """Yield differences. States that a clone cannot copy, or does not (`cloned`), are only notes."""
    source, destination = sides.source, sides.destination
    if not source.catalog.objects:  # rows alone are compared
        return
    with source.reading() as source_conn, destination.reading() as destination_conn:
        extensions = list(
            _extensions(source_conn, destination_conn, by_intention=cloned or source.major != destination.major)
        )
        ours, theirs = ([name for (name,) in conn.execute(IDLE).fetchall()] for conn in (source_conn, destination_conn))
        actual = {_as_on_source(name, destination): name for name in theirs}
        if source_conn.execute(PLPGSQL).fetchall() and not destination_conn.execute(PLPGSQL).fetchall():
            yield Mismatch("extension plpgsql", "missing on the destination", kind="missing")
    yield from (mismatch for mismatch, agreed in extensions if not agreed)
    if by_intention := [str(mismatch) for mismatch, agreed in extensions if agreed]:
        emit(events.Note(f"Other versions of extensions: {listed(by_intention)}."))
    common = same_names(ours, actual)
    if enabled := [name for name in ours if name not in common]:
        names = listed([shown(name) for name in enabled])
        emit(events.Note(f"Enforced on the destination, though disabled on the source: {names}."))
    for name in actual:
        if name not in common.values():
            table = actual[name].rpartition(" on ")[2]
            fix = (f"ALTER TABLE {table} ENABLE TRIGGER ALL",)
            how = f"disabled on the destination; to enforce it: {fix[0]};"
            yield Mismatch(name, how, kind="disabled", fix=fix)


def _as_on_source(name: str, destination: Side) -> str:
    what, on, table = name.rpartition(" on ")
    return what + on + destination.renamed.before(table)


def _extensions(source: Connection, destination: Connection, *, by_intention: bool) -> Iterator[tuple[Mismatch, bool]]:
    """Yield the extensions whose versions differ, and whether a clone leaves them so."""
    for name, version in source.execute(VERSIONS).fetchall():
        for other, offered in destination.execute(OTHER_VERSION, [version, name, version]).fetchall():
            how = f"version {version} on the source, {other} on the destination"
            fix = (f"ALTER EXTENSION {quoted(name)} UPDATE TO '{version}'",)
            yield Mismatch(f"extension {name}", how, fix=fix), by_intention or not offered
