"""The steps of --data-only: how foreign keys and triggers are kept from acting, and in which order rows are copied."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from replicator.model import (
    Address,
    Catalog,
    CopyLargeObjects,
    CopyTable,
    Execute,
    Format,
    Lock,
    Phase,
    Plan,
    SetSequences,
    Statistics,
    Step,
)
from replicator.planning.data import LARGE_OBJECT_BYTES, form
from replicator.runs.rows_only.foreign_keys import DroppedKey
from replicator.runs.rows_only.match import MatchedTable
from replicator.runs.rows_only.order import rows_about
from replicator.runs.rows_only.refresh import refresh_steps
from replicator.runs.rows_only.upsert import Key, Keys, merging
from replicator.sessions import postgres
from replicator.sessions.postgres import REPLICA
from replicator.settings import Settings
from replicator.work.copying.triggers import none_fires

DROP_KEYS, TRUNCATE = "drop foreign keys", "empty tables"
CHECK = "check {}"
SET, SET_FORWARD = "sequence values", "sequence values, only forward"


@dataclass(frozen=True, slots=True)
class AffectedKey:
    """A foreign key of a table that gets rows, and a query that finds violations."""

    definition: DroppedKey
    check: str | None = None
    owned: bool = True

    @property
    def name(self) -> str:
        """Its name in the plan."""
        return self.definition.name


def without_children(name: str, *, partitioned: bool) -> str:
    """Return a table as a statement names it: without inheriting tables, whose rows are separate, or with partitions.

    >>> without_children("public.t", partitioned=False)
    'ONLY public.t'
    """
    return name if partitioned else f"ONLY {name}"


def make_plan(
    catalog: Catalog,
    targets: Sequence[MatchedTable],
    keys: Sequence[AffectedKey],
    firing: Sequence[Any],
    views: Sequence[str],
    settings: Settings,
    *,
    replica: bool,
    ordered: Callable[[Sequence[Step], frozenset[str]], list[Step]],
    merged_by: Keys | None = None,
) -> Plan:
    """Return all steps that copy these tables' rows into their targets. `ordered` sorts the steps that copy rows.

    `merged_by`: the keys by which rows are merged with those that are there.
    """
    first: list[Step] = []
    if keys and not replica:
        first.append(
            Step(
                DROP_KEYS,
                Phase.SCHEMA,
                Execute(tuple(text for key in keys for text in (key.definition.journal_insert, key.definition.drop))),
            )
        )
    if settings.truncate and targets:
        first.append(Step(TRUNCATE, Phase.SCHEMA, Execute(tuple(_truncation(targets, firing, keys, replica=replica)))))
    first = [*first[:1], *(replace(b, needs=frozenset({a.name})) for a, b in pairwise(first))]
    first = [replace(step, indispensable=True) for step in first]
    begun = frozenset(step.name for step in first[-1:])
    data = [
        _data_step(t, firing, begun, settings.format, replica=replica, key=(merged_by or {}).get(t.name))
        for t in targets
        if not t.table.empty
    ]
    data = ordered(data, begun)
    for r in catalog.large_objects:
        cost = r.count * LARGE_OBJECT_BYTES
        data.append(Step(f"large objects {r.first}-{r.last}", Phase.LARGE_OBJECTS, CopyLargeObjects(r), begun, cost))
    if catalog.sequences:
        forward = settings.append or settings.upsert
        name = SET_FORWARD if forward else SET
        data.append(Step(name, Phase.SEQUENCES, SetSequences(catalog.sequences, forward=forward), begun))
    copied = begun | {step.name for step in data}
    if replica:
        key_checks = ((key.name, Execute((postgres.NO_VIEWS, key.check))) for key in keys if key.check)
        last = [Step(CHECK.format(name), Phase.BUILD, check, copied) for name, check in key_checks]
    else:
        last = [
            Step(k.name, Phase.BUILD, Execute((*k.definition.create, k.definition.journal_delete)), copied)
            for k in keys
        ]
    rows = rows_about((key.definition for key in keys), targets)
    last = [replace(step, builds_on=rows[step.name.removeprefix(CHECK.format(""))]) for step in last]
    if not replica:
        # One at a time: each locks the referencing table, then the referenced one, so that two keys in opposite
        # directions would deadlock. The executor does not know: the steps' `locks` name neither table.
        last = [*last[:1], *(replace(b, needs=copied | {a.name}) for a, b in pairwise(last))]
    finished = copied | {step.name for step in last}
    refreshed = refresh_steps(views, finished, optional=settings.skip_failed_refresh)
    return Plan((*first, *data, *_analyze_steps(targets, copied, settings), *last, *refreshed))


def _data_step(
    target: MatchedTable,
    firing: Iterable[Any],
    begun: frozenset[str],
    format: Format,
    *,
    replica: bool,
    key: Key | None,
) -> Step:
    table = target.copied
    binary, reason = form(table, format)
    about = [t for t in firing if not t.on_truncate and (t.relation if target.direct else t.root) == target.name]
    name = without_children(target.name, partitioned=target.partitioned and not target.direct)
    guards = none_fires({name: target.address.objid}, on_truncate=False) if replica else ()
    before = (*([REPLICA] if replica else []), *(t.disable for t in about), *guards)
    after = tuple(t.enable for t in about)
    work = CopyTable(table, table.reading, table.target, binary, fresh=False, before=before, after=after)
    return Step(
        f"data {table.identity}",
        Phase.DATA,
        merging(work, key) if key else work,
        begun,
        table.bytes,
        {target.address: Lock.EXCLUSIVE if about else Lock.SHARED},
        reason=reason,
    )


def _truncation(
    targets: Iterable[MatchedTable], firing: Iterable[Any], keys: Iterable[AffectedKey], *, replica: bool
) -> Iterator[str]:
    """Yield the statements that truncate all tables at once, which foreign keys among them do not block.

    NOT ENFORCED ones do: the server ignores that their tables are in the list (18.6), so they are recreated.
    Inheritance children are truncated only if they are in the list.
    """
    tops = {target.top: target.partitioned for target in targets}
    about = [t for t in firing if t.on_truncate and t.root in tops]
    in_the_way = [key.definition for key in keys if replica and not key.definition.enforced]
    yield from [REPLICA] if replica else []
    yield from (t.disable for t in about)
    yield from (key.drop for key in in_the_way)
    names = [without_children(top, partitioned=tops[top]) for top in sorted(tops)]
    yield from none_fires(dict.fromkeys(names), on_truncate=True) if replica else ()
    yield f"TRUNCATE {', '.join(names)}"
    yield from (text for key in in_the_way for text in key.create)
    yield from (t.enable for t in about)


def _analyze_steps(targets: Iterable[MatchedTable], copied: frozenset[str], settings: Settings) -> Iterator[Step]:
    if settings.statistics is Statistics.NONE:
        return
    addresses: Mapping[str, Address] = {target.top: target.address for target in targets if not target.table.empty}
    for top, address in addresses.items():
        locks = {address: Lock.EXCLUSIVE}
        yield Step(f"analyze {top}", Phase.STATISTICS, Execute((f"ANALYZE {top}",)), copied, locks=locks, optional=True)
