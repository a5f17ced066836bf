"""What a subset should be, computed in plain Python from all rows of the source: without the product's code."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.fix_servers import Database

Row = tuple[str, str]
"""A table's name and a ctid."""
TABLES = """
SELECT c.oid::regclass::text, array_agg(quote_ident(a.attname) ORDER BY a.attnum)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind = 'r' AND c.oid >= 16384 AND n.nspname <> 'replicator'
 GROUP BY c.oid
"""
KEYS = """
SELECT c.conname::text, c.conrelid::regclass::text, c.confrelid::regclass::text
     , ARRAY(SELECT quote_ident(attname) FROM unnest(conkey) WITH ORDINALITY k (n, o)
               JOIN pg_attribute ON attrelid = conrelid AND attnum = n ORDER BY o)
     , ARRAY(SELECT quote_ident(attname) FROM unnest(confkey) WITH ORDINALITY k (n, o)
               JOIN pg_attribute ON attrelid = confrelid AND attnum = n ORDER BY o)
     , ARRAY(SELECT relid::text FROM pg_partition_tree(conrelid) WHERE isleaf UNION SELECT conrelid::regclass::text)
     , ARRAY(SELECT relid::text FROM pg_partition_tree(confrelid) WHERE isleaf UNION SELECT confrelid::regclass::text)
  FROM pg_constraint c
 WHERE contype = 'f' AND conparentid = 0
"""


@dataclass(eq=False)
class Key:
    """Which rows refer to which."""

    name: str
    child: str
    columns: list[str]
    referenced: list[str]
    children: list[str]
    parents: list[str]
    only: Collection[Row] | None = None
    """The referencing rows that take part; None: all."""
    down: dict[Row, set[Row]] = field(default_factory=dict)
    up: dict[Row, set[Row]] = field(default_factory=dict)

    def link(self, rows: dict[Row, dict[str, Any]]) -> None:
        """Find all pairs."""
        by_value: dict[tuple[Any, ...], set[Row]] = {}
        for row, values in rows.items():
            if row[0] in self.parents:
                by_value.setdefault(tuple(values[c] for c in self.referenced), set()).add(row)
        for row, values in rows.items():
            value = tuple(values.get(c) for c in self.columns)
            if row[0] in self.children and None not in value and (self.only is None or row in self.only):
                self.up[row] = by_value.get(value, set())
                for parent in self.up[row]:
                    self.down.setdefault(parent, set()).add(row)


class Reference:
    """All rows of a database, and how they refer to one another."""

    def __init__(self, database: Database, virtual: Iterable[Key] = ()) -> None:
        with psycopg.connect(database.dsn) as conn:
            conn.execute("SET search_path = ''")
            self.columns = dict(conn.execute(TABLES).fetchall())
            self.rows: dict[Row, dict[str, Any]] = {
                (table, ctid): dict(zip(columns, values, strict=True))
                for table, columns in self.columns.items()
                for ctid, *values in conn.execute(f"SELECT ctid::text, {', '.join(columns)} FROM ONLY {table}")
            }
            self.keys = [
                Key(name, child, columns, referenced, children, parents)
                for name, child, _, columns, referenced, children, parents in conn.execute(KEYS)
            ] + list(virtual)
        for key in self.keys:
            key.link(self.rows)

    def where(self, database: Database, table: str, condition: str, order: str = "") -> set[Row]:
        """Return the rows of a table and all that is below it."""
        with psycopg.connect(database.dsn) as conn:
            conn.execute("SET search_path = ''")
            found = conn.execute(f"SELECT tableoid::regclass::text, ctid::text FROM {table} WHERE {condition} {order}")
            return set(found.fetchall())

    def subset(
        self,
        roots: Collection[Row],
        *,
        follow: Collection[str] | None = None,
        depth: int | None = None,
        allowed: Collection[Row] | None = None,
    ) -> set[Row]:
        """Return the roots with what refers to them, and all that these refer to; no row that is not allowed."""
        may = self.rows.keys() if allowed is None else allowed
        followed = {row for row in roots if row in may}
        last, level = set(followed), 0
        while last and (depth is None or level < depth):
            keys = [key for key in self.keys if follow is None or key.child in follow]
            last = {c for row in last for key in keys for c in key.down.get(row, ()) if c in may} - followed
            followed |= last
            level += 1
        selected, queue = set(followed), list(followed)
        while queue:
            row = queue.pop()
            for key in self.keys:
                for parent in key.up.get(row, ()):
                    if parent in may and parent not in selected:
                        selected.add(parent)
                        queue.append(parent)
        return selected

    def leaves(self, database: Database, table: str) -> list[str]:
        """Return the tables that have a table's rows."""
        found = (
            f"SELECT relid::text FROM pg_partition_tree('{table}') WHERE isleaf UNION SELECT '{table}'::regclass::text"
        )
        with psycopg.connect(database.dsn) as conn:
            conn.execute("SET search_path = ''")
            return [name for (name,) in conn.execute(found).fetchall() if name in self.columns]

    def aside(self, roots: Collection[str], families: Iterable[Collection[str]] = ()) -> set[str]:
        """Return the tables that no chain of keys connects with these. The partitions of a family belong together."""
        groups = [{*key.children, *key.parents} for key in self.keys] + [set(family) for family in families]
        found, more = set(roots), set(roots)
        while more:
            more = {table for group in groups if group & found for table in group} - found
            found |= more
        return self.columns.keys() - found

    def contents(self, rows: Iterable[Row], nulls: dict[Row, set[str]] | None = None) -> dict[str, list[str]]:
        """Return the values of rows by table, in an order of their own."""
        found: dict[str, list[str]] = {table: [] for table in self.columns}
        for row in rows:
            gone = (nulls or {}).get(row, ())
            found[row[0]].append(repr([None if c in gone else v for c, v in self.rows[row].items()]))
        return {table: sorted(values) for table, values in found.items()}


def contents(database: Database) -> dict[str, list[str]]:
    """Return all rows of a copy, as `Reference.contents` does."""
    copy = Reference(database)
    return copy.contents(copy.rows)
