"""Match sequences by the column that they fill, whatever their names.

A renamed table keeps the name of its sequence, while a migration that created it anew chose another one. Only a
sequence that fills no common column is matched by name.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from replicator.comparing.sides import same_names
from replicator.events import listed
from replicator.model import Address, Catalog
from replicator.model import Sequence as Values
from replicator.runs.rows_only.match import Matched
from replicator.sessions.postgres import Connection
from replicator.settings.definition import split

# Owned sequences (serial, identity) take precedence over those named by a default.
FILLING = """
SELECT DISTINCT ON (f.relid, f.number, c.oid)
       c.oid::regclass::text, format('%s.%I', f.relid::regclass, a.attname), f.rank
  FROM (SELECT objid AS seqid, refobjid AS relid, refobjsubid AS number, 1 AS rank
          FROM pg_depend
         WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
         UNION ALL
        SELECT d.refobjid, e.adrelid, e.adnum, 2
          FROM pg_attrdef e
          JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
         WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid = 0) AS f
  JOIN pg_class c ON c.oid = f.seqid AND c.relkind = 'S' AND c.relpersistence <> 't'
  JOIN pg_attribute a ON a.attrelid = f.relid AND a.attnum = f.number AND NOT a.attisdropped
 ORDER BY f.relid, f.number, c.oid, f.rank
"""


class Filling(NamedTuple):
    """A sequence that gives a column its values."""

    sequence: str
    column: str
    rank: int


def common_sequences(
    catalog: Catalog, source: Connection, destination: Connection, matched: Matched, new: Callable[[str], str]
) -> tuple[tuple[Values, ...], tuple[Values, ...]]:
    """Return the sequences that both databases have, by each one's names. Unmatched ones are noted.

    `new` gives the destination's name of a source's relation.
    """
    rows = destination.execute("SELECT oid::bigint, oid::regclass::text FROM pg_class WHERE relkind = 'S'").fetchall()
    oids = {name: oid for oid, name in rows}
    ours = {s.identity: s for s in catalog.sequences}
    filling = [
        each._replace(column=_of_relation(each.column, new)) for each in _filling(source) if each.sequence in ours
    ]
    filled = _filling(destination)
    pairs = _by_column(filling, filled)
    left = {new(name): name for name in ours.keys() - {name for name, _ in pairs}}
    by_name = same_names(left, oids.keys() - {other for _, other in pairs})
    pairs += sorted((left[name], other) for name, other in by_name.items())
    if missing := sorted(ours.keys() - {name for name, _ in pairs}):
        matched.note(f"Sequences are missing on the destination: {listed(missing)}.")
    copied = {target.name for target in matched.targets} | {target.top for target in matched.targets}
    set_now = {other for _, other in pairs}
    others = (each for each in filled if each.sequence not in set_now)
    if unset := {each.sequence: each.column for each in others if each.column.rpartition(".")[0] in copied}:
        words = listed([f"{name} (for {column})" for name, column in unset.items()])
        matched.note(f"Sequences that only the destination has are left unchanged: {words}.")
    here = tuple(replace(ours[name], alias="" if name == other else other) for name, other in pairs)
    return here, tuple(
        replace(ours[name], identity=other, address=Address(ours[name].address.classid, oids[other]))
        for other, name in {other: name for name, other in pairs}.items()
    )


def _of_relation(column: str, new: Callable[[str], str]) -> str:
    """Return a column with the new name of its table."""
    *table, name = split(column)
    return f"{new('.'.join(table))}.{name}"


def _filling(conn: Connection) -> list[Filling]:
    return sorted((Filling(*row) for row in conn.execute(FILLING).fetchall()), key=lambda each: each.rank)


def _by_column(ours: Sequence[Filling], theirs: Iterable[Filling]) -> list[tuple[str, str]]:
    """Return the pairs of sequences that fill the same column. A sequence may be in several pairs."""
    of_column: dict[str, str] = {}
    for each in ours:
        of_column.setdefault(each.column, each.sequence)
    columns = {other: name for name, other in same_names(of_column, [each.column for each in theirs]).items()}
    pairs = ((of_column[columns[each.column]], each.sequence) for each in theirs if each.column in columns)
    return sorted(dict.fromkeys(pairs))
