"""What no definition says: in which version an extension is installed, whether a foreign key acts."""

from collections.abc import Iterator

from replicator import events
from replicator.comparing.sides import Mismatch, Pair, same_names
from replicator.events import Emit, listed
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
# A foreign key acts, and a deferrable unique constraint is checked, by triggers of their own.
IDLE = """
SELECT format('%s %I on %s'
             , CASE c.contype WHEN 'f' THEN 'foreign_key' ELSE 'constraint' END, c.conname, c.conrelid::regclass)
  FROM pg_constraint c
 WHERE c.contype <> 't'
   AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = c.oid AND t.tgisinternal AND t.tgenabled IN ('D', 'R'))
 ORDER BY 1
"""


def compare_states(sides: Pair, emit: Emit, *, cloned: bool) -> Iterator[Mismatch]:
    """Yield what differs. What a clone cannot, or does not, bring along is only said, where `cloned` or for good."""
    source, destination = sides.source, sides.destination
    if not source.catalog.objects:  # rows alone are compared
        return
    with source.reading() as here, destination.reading() as there:
        extensions = list(_extensions(here, there, by_intention=cloned or source.major != destination.major))
        ours, theirs = ([name for (name,) in conn.execute(IDLE).fetchall()] for conn in (here, there))
        if here.execute(PLPGSQL).fetchall() and not there.execute(PLPGSQL).fetchall():
            yield Mismatch("extension plpgsql", "missing on the destination", kind="missing")
    yield from (mismatch for mismatch, agreed in extensions if not agreed)
    if by_intention := [str(mismatch) for mismatch, agreed in extensions if agreed]:
        emit(events.Note(f"Not the source's version: {listed(by_intention)}."))
    common = same_names(ours, theirs)
    if left := [name for name in ours if name not in common]:
        emit(events.Note(f"Disabled on the source alone, which a copy does not take over: {listed(left)}."))
    for name in theirs:
        if name not in common.values():
            table = name.rpartition(" on ")[2]
            mend = (f"ALTER TABLE {table} ENABLE TRIGGER ALL",)
            how = f"disabled on the destination: {mend[0]}; lets it act again"
            yield Mismatch(name, how, kind="disabled", mend=mend)


def _extensions(here: Connection, there: Connection, *, by_intention: bool) -> Iterator[tuple[Mismatch, bool]]:
    """Yield the extensions that both have, in another version, and whether that is as a clone leaves it."""
    for name, version in here.execute(VERSIONS).fetchall():
        for other, offered in there.execute(OTHER_VERSION, [version, name, version]).fetchall():
            how = f"version {version} on the source, {other} on the destination"
            mend = (f"ALTER EXTENSION {quoted(name)} UPDATE TO '{version}'",)
            yield Mismatch(f"extension {name}", how, mend=mend), by_intention or not offered
