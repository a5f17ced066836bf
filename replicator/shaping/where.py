"""Row filters: `where` of a table, which its partitions and the tables that inherit from it have, too."""

from dataclasses import replace
from datetime import datetime

from replicator.model import Catalog, Table
from replicator.sessions.postgres import Connection
from replicator.settings.definition import Definition, DefinitionError
from replicator.shaping import expressions, relations


def apply(conn: Connection, catalog: Catalog, definition: Definition, moment: datetime) -> Catalog:
    """Give the tables their conditions. Raises DefinitionError."""
    filtered = {name: rule for name, rule in definition.tables.items() if rule.where}
    found = relations.find(conn, [(name, ("tables", str(name))) for name in definition.tables])
    conditions: dict[int, list[str]] = {}
    tables = {table.address.objid: table for table in catalog.tables}
    for name, rule in filtered.items():
        path = ("tables", str(name), "where")
        condition = expressions.condition(conn, path, rule.where, moment, name)
        for oid in sorted(found[name].family & tables.keys()):
            if tables[oid].extension:
                raise DefinitionError(path, f"{tables[oid].identity} belongs to an extension, which says which rows.")
            conditions.setdefault(oid, []).append(condition)
    return replace(
        catalog,
        tables=tuple(
            _filtered(conn, table, expressions.both(conditions[table.address.objid]))
            if table.address.objid in conditions
            else table
            for table in catalog.tables
        ),
    )


def _filtered(conn: Connection, table: Table, condition: str) -> Table:
    """Return a table with a condition, and as many rows as the planner expects."""
    shaped = replace(table, where=condition)
    plan = conn.execute(
        f"EXPLAIN (FORMAT JSON) SELECT FROM {shaped.reading.item} {shaped.reading.condition}", prepare=True
    )
    ((answer,),) = plan.fetchall()
    return replace(shaped, rows=min(table.rows, int(answer[0]["Plan"]["Plan Rows"])))
