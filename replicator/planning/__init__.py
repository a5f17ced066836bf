"""The plan: all that has to be done, in steps, and what each must wait for.

    schema ─► data ─► indexes, constraints, statistics ─► triggers, policies, comments, ACLs ─► refresh ─► the rest

Schema steps form a chain, as do the finishing ones: they take milliseconds and would only wait for one another's
locks. Between the chains there is no barrier: a table's indexes begin when its rows are there. Materialized views are
filled after the ACLs are set, since a refresh runs as the view's owner; what is built upon them comes after that,
but for unique indexes.
"""

from dataclasses import replace

from replicator.catalog import select
from replicator.model import NOTHING_DEFERRED, Catalog, Deferral, Format, Phase, Plan, Statistics
from replicator.planning.build import build_costs, build_steps
from replicator.planning.data import data_steps
from replicator.planning.deferred import put_off
from replicator.planning.lookups import Hints, creation_order
from replicator.planning.parts import Parts, may_split, parts_of
from replicator.planning.pieces import chain, downstream, is_unique, with_phases
from replicator.planning.refresh import matview_reads, refresh_steps
from replicator.planning.relations import Relations
from replicator.planning.statistics import analyzed_views, carry_steps, statistics_steps


def make_plan(
    catalog: Catalog,
    statistics: Statistics = Statistics.ANALYZE,
    *,
    format: Format = Format.AUTO,
    jobs: int = 1,
    split_larger_than: int | None = None,
    parts: Parts | None = None,
    skip_failed_refresh: bool = False,
    keys_not_valid: bool = False,
    defer: Deferral = NOTHING_DEFERRED,
    collates: bool = False,
) -> Plan:
    """Return every step of a copy of this catalog into an empty database. Raises DependencyCycle.

    `parts` are those of an earlier run that is gone on with; else it is decided here which tables to split. `collates`:
    the database orders texts otherwise than by their bytes.
    """
    hints = Hints(catalog)
    pieces, phases = with_phases(creation_order(catalog, hints))
    if parts is None and may_split(jobs, split_larger_than):
        parts = parts_of(catalog, build_costs(pieces, phases, Relations(catalog, {})), jobs, split_larger_than)
    parts = parts or {}
    relations = Relations(catalog, parts)
    reads = matview_reads(catalog)
    refresh = {address: f"refresh {relations.identities[address]}" for address in reads}
    late = downstream(pieces, phases, refresh)

    schema = chain((p for p in pieces if phases[p.name] is Phase.SCHEMA), Phase.SCHEMA, frozenset(), relations)
    created = frozenset({schema[-1].name}) if schema else frozenset()
    data = data_steps(catalog, hints, relations, created, format, parts)
    build = build_steps(
        pieces, phases, relations, refresh, created, hints, keys_not_valid=keys_not_valid, collates=collates
    )
    build, gone, deferred = put_off(build, pieces, catalog, defer)
    late |= {step.name for step in build if not late.isdisjoint(step.needs)}  # validations
    early = [step for step in build if step.name not in late]
    known = statistics_steps(catalog, relations, early, statistics)
    needed_first = created | {step.name for step in (*data, *early, *known)}

    finish = [p for p in pieces if phases[p.name] is Phase.FINISH and p.name not in gone]
    finishing = chain((p for p in finish if p.name not in late), Phase.FINISH, needed_first, relations)
    finished = frozenset({finishing[-1].name}) if finishing else needed_first
    analyzed = analyzed_views(catalog, reads, statistics)
    built_late = [step for step in build if step.name in late]
    unique = {piece.name for piece in pieces if piece.name in late and is_unique(piece)}
    guards = [step for step in built_late if step.name in unique and late.isdisjoint(step.needs)]
    finished |= {step.name for step in guards}
    before = {step.name for step in (*schema, *data, *finishing)}
    refreshing = refresh_steps(
        catalog, relations, reads, refresh, finished, analyzed, before, optional=skip_failed_refresh
    )
    last_needs = finished | {step.name for step in (*refreshing, *built_late)}
    last = chain((p for p in finish if p.name in late), Phase.FINISH, last_needs, relations)
    needed = frozenset(step.name for step in (*refreshing, *built_late))
    views = {m: needed for m in reads if m in catalog.populated and m not in analyzed}
    known_late = carry_steps(relations, views) if statistics is Statistics.TRANSFER else []
    built_last = [step for step in built_late if step not in guards]
    steps = (*schema, *data, *early, *known, *finishing, *guards, *refreshing, *built_last, *known_late, *last)
    optional = select.optional(catalog)
    return Plan(tuple(replace(s, optional=True) if s.name in optional else s for s in steps), deferred=deferred)
