"""What `verify --data-only` compares: the tables, columns and sequences that both databases have."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from replicator.catalog.read import read_tables, read_targets
from replicator.events import listed
from replicator.model import Catalog, Table
from replicator.runs.rows_only.match import Matched, MatchedTable, match
from replicator.runs.rows_only.sequences import common_sequences
from replicator.sessions.postgres import Connection
from replicator.settings.definition import Definition
from replicator.shaping import columns
from replicator.shaping.renames import new_names

ROWS_ALONE = (
    "--data-only compares rows, large objects and the next values of sequences. It does not compare definitions,"
    " privileges, comments, materialized views and database settings."
)


class Counterparts(NamedTuple):
    """The parts to compare. `missing`: tables with rows that the destination lacks; `notes`: what is not compared."""

    source: Catalog
    destination: Catalog
    missing: list[str]
    notes: list[str]


def counterparts(catalog: Catalog, source: Connection, destination: Connection, definition: Definition) -> Counterparts:
    """Match what --data-only would copy with its targets."""
    new = new_names(definition.rename)
    ours, theirs = read_targets(source, attributes=columns.of_source(source, definition)), read_targets(destination)
    matched = match(catalog.tables, ours, theirs, new)
    sequences, values_there = common_sequences(catalog, source, destination, Matched(matched.targets), new)
    of_source = replace(
        catalog,
        objects=(),
        tables=tuple(target.copied for target in matched.targets),
        sequences=sequences,
        populated=frozenset(),
        invalid=frozenset(),
    )
    of_destination = replace(
        of_source,
        version=destination.info.server_version,
        tables=tuple(as_destination_tables(matched.targets, read_tables(destination))),
        sequences=values_there,
    )
    copied = {target.table.identity for target in matched.targets}
    own = {row.identity for row in ours}
    missing = [table for table in catalog.tables if table.identity not in copied and table.identity in own]
    lost = sorted({s.identity for s in catalog.sequences} - {s.identity for s in sequences})
    not_compared = (
        ("tables of extensions", [t.identity for t in catalog.tables if t.identity not in own]),
        ("empty tables that the destination lacks", [t.identity for t in missing if t.empty]),
        ("tables that only the destination has", _extra_tables(theirs, matched)),
        ("sequences that the destination lacks", lost),
        *_columns(matched, theirs),
    )
    notes = [f"Not compared: {what}: {listed(names)}." for what, names in not_compared if names]
    return Counterparts(of_source, of_destination, [t.identity for t in missing if not t.empty], [ROWS_ALONE, *notes])


def _extra_tables(theirs: Sequence[Any], matched: Matched) -> list[str]:
    tops = {target.top for target in matched.targets}
    return [row.identity for row in theirs if not row.root and row.identity not in tops]


def _columns(matched: Matched, theirs: Sequence[Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the columns that only one side has, without generated ones."""
    destination = {row.identity: row for row in theirs}
    for target in matched.targets:
        common = {column.name.replace('"', "") for column in target.columns}
        row = destination[target.name]
        own = [name for name, generated in zip(row.names, row.generated, strict=True) if not generated]
        for side, names in (("source", [c.name for c in target.table.columns]), ("destination", own)):
            only = [name for name in names if name.replace('"', "") not in common]
            yield f"columns of {target.table.identity} that only the {side} has", only


def as_destination_tables(targets: Iterable[MatchedTable], tables: Iterable[Table]) -> Iterator[Table]:
    """Yield each target as a table of the destination, for comparing."""
    known = {table.identity: table for table in tables}
    for target in targets:
        destination = known.get(target.name)  # None for a partitioned table
        others = {c.name.replace('"', ""): c for c in destination.columns} if destination else {}
        columns = []
        for column in target.columns:
            other = others.get(column.name.replace('"', ""))
            alike = other and column.name in target.alike
            same = replace(other, name=column.name) if other and alike else replace(column, type="", send="")
            columns.append(replace(same, read_as=target.read_as.get(column.name, "")))
        table = replace(target.copied, columns=tuple(columns), address=target.address)
        yield (
            replace(table, blocks=destination.blocks, bytes=destination.bytes)
            if destination
            else replace(table, blocks=None)
        )
