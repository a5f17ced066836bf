"""The rows of materialized views, which are not copied: each server fills its own by REFRESH.

So a difference need not be an error: the source's view may be older than its tables' last change, and a query that
uses the current time returns other rows each time.
"""

from collections.abc import Sequence
from dataclasses import replace

from replicator.comparing.sides import Mismatch, Pair, Side, same_names
from replicator.events import listed
from replicator.model import shown
from replicator.shaping.renames import with_names_of

# By the stored query: pg_depend does not record which built-in functions it calls.
UNSETTLED = r"""
  WITH RECURSIVE needed (matview, relation) AS (
       SELECT oid, oid
         FROM pg_class
        WHERE relkind = 'm'
        UNION
       SELECT n.matview, d.refobjid
         FROM needed n
         JOIN pg_rewrite r ON r.ev_class = n.relation
         JOIN pg_depend d ON d.classid = r.tableoid AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
         JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('v', 'f')
     )
SELECT DISTINCT matview::regclass::text
  FROM needed
  JOIN pg_class c ON c.oid = needed.relation
  LEFT JOIN pg_rewrite r ON r.ev_class = c.oid
 WHERE c.relkind = 'f'
    OR r.ev_action::text ~ '\{(SQLVALUEFUNCTION|TABLESAMPLECLAUSE|NEXTVALUEEXPR) '
    OR EXISTS (SELECT
                 FROM regexp_matches(r.ev_action::text, ' :(?:funcid|opfuncid) (\d+) ', 'g') AS called (oids)
                 JOIN pg_proc p ON p.oid = oids[1]::oid AND p.provolatile <> 'i')
"""


def read(sides: Pair) -> list[str]:
    """Let both sides read the materialized views that both have populated. Returns those that cannot be compared."""
    populated = _filled(sides.source)
    catalog = sides.source.catalog
    incomplete = {o.identity for o in catalog.objects if o.address in catalog.incomplete}
    common = same_names([name for name in populated if name not in incomplete], _filled(sides.destination))
    if common:
        sides.source.read_matviews(common.keys())
        sides.destination.read_matviews(common.values())
        sides.source.tables = with_names_of(sides.source.tables, sides.destination.tables)
    ours, theirs = ({t.identity for t in side.tables if t.matview} for side in (sides.source, sides.destination))
    return [name for name in populated if name not in ours or common.get(name) not in theirs]


def _filled(side: Side) -> list[str]:
    return [o.identity for o in side.catalog.objects if o.kind == "matview" and o.address in side.catalog.populated]


def populated_on_destination_only(sides: Pair) -> list[Mismatch]:
    """Return the materialized views that the destination has populated, but the source has not."""
    names = [o.identity for o in sides.source.catalog.objects if o.kind == "matview"]
    filled, common = set(_filled(sides.source)), same_names(names, _filled(sides.destination))
    return [
        Mismatch(f"matview {name}", "not populated on the source", kind="unpopulated")
        for name in common.keys() - filled
    ]


def judge(sides: Pair, mismatches: Sequence[Mismatch], *, cloned: bool) -> tuple[list[Mismatch], list[str]]:
    """Return the mismatches without those that a refresh explains, and notes about these.

    `cloned`: the destination's views were filled just now, from rows that are compared themselves.
    """
    differing = {m.what: m for m in mismatches if m.about == "rows" and m.what.startswith("matview ")}
    if not differing:
        return [*mismatches], []
    with sides.source.reading() as conn:
        known = {table.identity: table.name for table in sides.source.tables if table.matview}
        unsettled = {known.get(name, f"matview {name}") for (name,) in conn.execute(UNSETTLED).fetchall()}
    explained = {what for what in differing if cloned or what in unsettled}
    notes = []
    if names := sorted(explained & unsettled):
        notes.append(
            f"Rows differ, but may do so after each refresh: {listed(list(map(shown, names)))}. The query reads foreign"
            " tables or calls functions that are not IMMUTABLE, such as now()."
        )
    if names := sorted(explained - unsettled):
        notes.append(
            "Rows differ, since the source did not refresh these after their tables changed:"
            f" {listed(list(map(shown, names)))}. `verify` reports them until it does."
        )
    remaining = [_with_remedy(m) if m.what in differing else m for m in mismatches if m.what not in explained]
    return remaining, notes


def _with_remedy(mismatch: Mismatch) -> Mismatch:
    """Add the remedy: materialized views are refreshed, not repaired row by row."""
    return replace(mismatch, how=f"{mismatch.how}; refresh it on the server that refreshed it earlier")
