"""The plan: every step of a copy, and which steps each one waits for.

A step waits for every step of the stages named beside its own, in a chain also for the step before it, and otherwise
only for the steps it needs: an index for the rows of its table, statistics for the rows and the indexes.

    schema                   - (a chain)
    rows                     schema
    build                    schema
    statistics               -
    finish                   schema, rows, build, statistics (a chain)
    unique indexes on views  schema
    refresh                  finish, unique indexes on views
    build on views           schema
    statistics of views      unique indexes on views, refresh, build on views
    finish on views          finish, unique indexes on views, refresh, build on views (a chain)

Materialized views are refreshed after the privileges are set, since a refresh runs as the view's owner. What is built
on them comes after the refresh, except unique indexes: if the rows are no longer unique, the refresh fails as a whole.
"""

from collections.abc import Iterable
from dataclasses import replace

from replicator.catalog import select
from replicator.model import NOTHING_DEFERRED, Catalog, Deferral, Format, Phase, Plan, Statistics, Step
from replicator.planning.build import build_costs, build_steps
from replicator.planning.data import data_steps
from replicator.planning.deferred import defer_steps
from replicator.planning.graph import Piece
from replicator.planning.lookups import Hints, creation_order
from replicator.planning.parts import Parts, may_split, parts_of
from replicator.planning.pieces import Phases, chain, downstream, is_unique, with_phases
from replicator.planning.refresh import matview_reads, refresh_steps
from replicator.planning.relations import Relations
from replicator.planning.stages import Stage, Staged
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

    `parts` are those of an earlier run that is resumed; else they are chosen here. `collates`: the database's default
    collation does not order texts by their bytes.
    """
    hints = Hints(catalog)
    pieces, phases = with_phases(creation_order(catalog, hints))
    parts = _chosen_parts(catalog, pieces, phases, jobs, split_larger_than) if parts is None else parts
    relations = Relations(catalog, parts)
    reads = matview_reads(catalog)
    refresh = {address: f"refresh {relations.identities[address]}" for address in reads}
    late = downstream(pieces, phases, refresh)

    plan = Staged()
    plan[Stage.SCHEMA] = chain(
        (p for p in pieces if phases[p.name] is Phase.SCHEMA), Phase.SCHEMA, plan.before(Stage.SCHEMA), relations
    )
    created = plan.before(Stage.ROWS)
    plan[Stage.ROWS] = data_steps(catalog, hints, relations, created, format, parts)
    build = build_steps(
        pieces, phases, relations, refresh, created, hints, keys_not_valid=keys_not_valid, collates=collates
    )
    build, postponed, deferred = defer_steps(build, pieces, catalog, defer)
    late |= {step.name for step in build if not late.isdisjoint(step.needs)}  # validations
    plan[Stage.BUILD] = [step for step in build if step.name not in late]
    plan[Stage.STATISTICS] = statistics_steps(catalog, relations, created, plan[Stage.BUILD], statistics)
    finish = [p for p in pieces if phases[p.name] is Phase.FINISH and p.name not in postponed]
    plan[Stage.FINISH] = chain(
        (p for p in finish if p.name not in late), Phase.FINISH, plan.before(Stage.FINISH), relations
    )

    analyzed = analyzed_views(catalog, reads, statistics)
    unique = {piece.name for piece in pieces if piece.name in late and is_unique(piece)}
    for step in (step for step in build if step.name in late):
        is_key = step.name in unique and late.isdisjoint(step.needs)
        plan[Stage.VIEW_KEYS if is_key else Stage.VIEW_BUILD].append(step)
    before, made = plan.before(Stage.REFRESH), plan.names(Stage.SCHEMA, Stage.ROWS, Stage.FINISH)
    plan[Stage.REFRESH] = refresh_steps(
        catalog, relations, reads, refresh, before, analyzed, made, optional=skip_failed_refresh
    )
    if statistics is Statistics.TRANSFER:
        views = [view for view in reads if view in catalog.populated and view not in analyzed]
        plan[Stage.VIEW_STATISTICS] = carry_steps(relations, dict.fromkeys(views, plan.before(Stage.VIEW_STATISTICS)))
    plan[Stage.VIEW_FINISH] = chain(
        (p for p in finish if p.name in late), Phase.FINISH, plan.before(Stage.VIEW_FINISH), relations
    )
    return Plan(_with_optional(plan.steps, catalog), deferred=deferred)


def _chosen_parts(
    catalog: Catalog, pieces: Iterable[Piece], phases: Phases, jobs: int, larger_than: int | None
) -> Parts:
    if not may_split(jobs, larger_than):
        return {}
    return parts_of(catalog, build_costs(pieces, phases, Relations(catalog, {})), jobs, larger_than)


def _with_optional(steps: Iterable[Step], catalog: Catalog) -> tuple[Step, ...]:
    """Return the steps, those marked that create objects without which a copy is complete."""
    optional = select.optional(catalog)
    return tuple(replace(step, optional=True) if step.name in optional else step for step in steps)
