"""Planner statistics of tables, indexes and columns, transferred from the source to the destination.

Reference: PostgreSQL docs 9.28.9, "Database Object Statistics Manipulation Functions" (18, 19).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from replicator.catalog.read import NEVER_QUEUED
from replicator.model import Address
from replicator.planning.statistics import EXTENDED_SINCE
from replicator.sessions import failures, postgres
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement

FLUSH_CHARACTERS = 1024 * 1024
SIZE = b"(pg_relation_size(c.oid) / current_setting('block_size')::int)"
"""The size of each relation's file, in blocks."""


def carry(source: Connection, destination: Connection, tables: Mapping[Address, str]) -> dict[str, str]:
    """Transfer the statistics of tables, their indexes and their statistics objects to the tables of these names.

    Returns, by that name, why a table's statistics were not accepted, in whole or in part.
    """
    major = source.info.server_version // 10000
    oids, targets = [table.objid for table in tables], list(tables.values())
    relations = _relations(source, oids, targets)
    if not relations:
        return {}
    target_of = {(r.target_schema, r.target_name): r.target for r in relations}
    named = {(r.schema, r.name): (r.target_schema, r.target_name) for r in relations}
    schemas, names = [r.schema for r in relations], [r.name for r in relations]
    try:
        with failures.on("destination"), destination.transaction():
            sizes = [(r.target_schema, r.target_name, r.pages, r.rows, r.visible, r.frozen) for r in relations]
            destination.execute(statement(__package__, "restore_relations"), _columns(sizes))
            known = statement(__package__, "statistics_columns", major)
            refused = _carry(source, known, [schemas, names, names], named, destination, "restore_columns")
            if destination.info.server_version >= EXTENDED_SINCE:
                known = statement(__package__, "statistics_extended", major)
                refused += _carry(source, known, [oids], named, destination, "restore_extended")
    except psycopg.OperationalError:  # lost or cancelled: not about statistics
        raise
    except psycopg.Error as error:
        return dict.fromkeys(targets, failures.one_line(error))
    return {target_of[relation]: "the destination did not accept some values" for relation in refused}


Relation = tuple[str, str]
"""The bare names of a schema and of a relation in it."""


def _relations(source: Connection, oids: list[int], targets: list[str]) -> list[Any]:
    """Return the statistics in pg_class of tables and their indexes.

    Asking for a file's size takes a lock, which a session that waits for our snapshot may block: then take the counts
    of the last ANALYZE.
    """
    query = statement(__package__, "statistics_relations", source)
    with source.cursor(row_factory=namedtuple_row) as cursor:
        try:
            with source.transaction():
                cursor.execute(NEVER_QUEUED)
                return cursor.execute(query, [oids, targets]).fetchall()
        except psycopg.errors.LockNotAvailable:
            return cursor.execute(query.replace(SIZE, b"c.relpages"), [oids, targets]).fetchall()


def _carry(
    source: Connection,
    known: bytes,
    values: Sequence[Any],
    named: Mapping[Relation, Relation],
    destination: Connection,
    restore: str,
) -> list[Relation]:
    """Pass the rows of a query to a statement on the destination, by the names there, which are `named`.

    Returns the destination's relations that were not accepted.
    """
    refused: list[Relation] = []
    rows: list[tuple[str | None, ...]] = []
    size = 0
    with postgres.stream(source, known, values) as found:
        for row in found:
            rows.append((*named[row[:2]], *row[2:]))
            size += sum(map(len, filter(None, row)))
            if size >= FLUSH_CHARACTERS:
                refused += _restore(destination, restore, rows)
                size = 0
    return refused + _restore(destination, restore, rows)


def _restore(destination: Connection, restore: str, rows: list[tuple[str | None, ...]]) -> list[Relation]:
    """Restore the collected rows and empty the list. Returns the relations with something that was not accepted."""
    if not rows:
        return []
    refused = destination.execute(statement(__package__, restore), _columns(rows)).fetchall()
    rows.clear()
    return [(schema, name) for schema, name in refused]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Return rows as columns, for unnest."""
    return [list(column) for column in zip(*rows, strict=True)]
