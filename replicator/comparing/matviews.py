"""The rows of materialized views: users read them, and nobody copies them. Each server fills them when it is told to.

So a difference need not be a fault: the source's may have been filled before its tables changed, and a query that asks
for the time gives other rows each time.
"""

from collections.abc import Sequence
from dataclasses import replace

from replicator.comparing.sides import Mismatch, Pair, Side, same_names
from replicator.events import listed

# By the query as it is stored: what it calls of the server's own is in no pg_depend.
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
    """Let both sides read the materialized views that both have filled. Returns those that cannot be compared."""
    here, there = _filled(sides.source), _filled(sides.destination)
    common = same_names(here, there)
    if common:
        sides.source.read_matviews(common.keys())
        sides.destination.read_matviews(common.values())
    ours, theirs = ({t.identity for t in side.tables if t.matview} for side in (sides.source, sides.destination))
    return [name for name in here if name not in ours or common.get(name) not in theirs]


def _filled(side: Side) -> list[str]:
    return [o.identity for o in side.catalog.objects if o.kind == "matview" and o.address in side.catalog.populated]


def filled_there_alone(sides: Pair) -> list[Mismatch]:
    """Return those that the destination has filled, and the source has not."""
    here = [o.identity for o in sides.source.catalog.objects if o.kind == "matview"]
    filled, there = set(_filled(sides.source)), same_names(here, _filled(sides.destination))
    return [
        Mismatch(f"matview {name}", "not populated on the source", kind="unpopulated") for name in there.keys() - filled
    ]


def judge(sides: Pair, mismatches: Sequence[Mismatch], *, cloned: bool) -> tuple[list[Mismatch], list[str]]:
    """Return the mismatches less those that a refresh explains, and notes about these.

    `cloned`: the destination's were filled just now, from rows that are compared themselves.
    """
    differing = {m.what: m for m in mismatches if m.about == "rows" and m.what.startswith("matview ")}
    if not differing:
        return [*mismatches], []
    with sides.source.reading() as conn:
        unsettled = {f"matview {name}" for (name,) in conn.execute(UNSETTLED).fetchall()}
    explained = {what for what in differing if cloned or what in unsettled}
    notes = []
    if names := sorted(explained & unsettled):
        notes.append(
            f"Not as on the source: the rows of {listed(names)}. The query may give other rows each time: it reads"
            " foreign tables, or calls what is not IMMUTABLE, as what asks for the time."
        )
    if names := sorted(explained - unsettled):
        notes.append(
            f"Not as on the source: the rows of {listed(names)}. The destination's were filled just now, the source's"
            " before its tables changed. `verify` will name them until the source refreshes them."
        )
    left = [_with_remedy(m) if m.what in differing else m for m in mismatches if m.what not in explained]
    return left, notes


def _with_remedy(mismatch: Mismatch) -> Mismatch:
    """Say what helps: the rows of a materialized view are not repaired one by one."""
    return replace(mismatch, how=f"{mismatch.how}; refresh it on the server that filled it earlier")
