"""Read a database's catalogs: every kind's objects by its one SELECT, their dependencies, the tables with their rows.

The session's search_path must be empty (postgres.connect sees to it): pg_get_*def and format_type then qualify names.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Any

from psycopg.rows import namedtuple_row

from replicator.catalog import KINDS
from replicator.catalog.depend import Edge, fold
from replicator.model import Address, Catalog, Column, Kind, LargeObjects, Object, Sequence, Table
from replicator.postgres import Connection

FROM_VERSION = re.compile(r"--(\d+)\+\s*$")
BEFORE_VERSION = re.compile(r"^(\s*)--<(\d+) ")


def for_version(text: str, major: int) -> str:
    """Return a statement as a server of this version understands it.

    A line that ends in `--14+` is for 14 and newer; a line that begins with `--<14 ` lives before 14.

    >>> for_version("SELECT a --14+\\n--<14 SELECT b", 13)
    'SELECT b'
    """
    lines = []
    for line in text.splitlines():
        since = FROM_VERSION.search(line)
        before = BEFORE_VERSION.match(line)
        if (since is None or major >= int(since[1])) and (before is None or major < int(before[2])):
            lines.append(before[1] + line[before.end() :] if before else line)
    return "\n".join(lines)


@cache
def statement(name: str, major: int) -> bytes:
    """Return the file `catalog/<name>.sql` for a server of this major version."""
    return for_version(files("replicator.catalog").joinpath(f"{name}.sql").read_text("ascii"), major).encode()


def read_catalog(conn: Connection) -> Catalog:
    """Read all of a database that can be copied, inside the transaction that the connection is in."""
    version = conn.info.server_version
    major = version // 10000
    superuser = conn.info.parameter_status("is_superuser") == "on"
    rows = [row for kind in KINDS if superuser or not kind.superuser for row in _read_kind(conn, kind, major)]
    depend = conn.execute(statement("depend", major)).fetchall()
    edges = [Edge(Address(a, b), Address(c, d), deptype) for a, b, c, d, deptype in depend]
    return Catalog(
        version=version,
        objects=tuple(fold(rows, edges)),
        tables=tuple(map(_table, _records(conn, "tables", major))),
        sequences=tuple(
            Sequence(Address(r.classid, r.objid), r.identity, r.schema) for r in _records(conn, "sequences", major)
        ),
        large_objects=tuple(LargeObjects(*r) for r in _records(conn, "large_objects", major)),
        populated=frozenset(Address(r.classid, r.objid) for r in _records(conn, "populated", major)),
        invalid=frozenset(Address(r.classid, r.objid) for r in _records(conn, "invalid", major)),
        carried=frozenset(Address(r.classid, r.objid) for r in _records(conn, "carried", major)),
    )


def _records(conn: Connection, name: str, major: int) -> list[Any]:
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(statement(name, major)).fetchall()


def _read_kind(conn: Connection, kind: Kind, major: int) -> list[tuple[Object, list[Address]]]:
    query = statement("object", major).replace(b"<kind>", statement(f"kinds/{kind.name}", major))
    query = query.replace(b"<columns>", statement("columns", major))
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        rows: list[Any] = cursor.execute(query).fetchall()
    return [
        (
            Object(
                kind=kind.name,
                address=Address(row.classid, row.objid),
                # A table and its row type, a schema and its extension have the same name, but not the same comment.
                identity=f"{row.identity} ({row.type})" if kind.facet else row.identity,
                schema=row.schema,
                owner=row.owner,
                create=tuple(row.creation),
                alter_owner=row.alter_owner,
                stub=tuple(row.stub),
                finish=tuple(row.finish),
            ),
            [Address(*pair) for pair in zip(row.needs[::2], row.needs[1::2], strict=True)],
        )
        for row in rows
    ]


def _table(row: Any) -> Table:
    columns = zip(row.names, row.types, row.binaries, row.hashables, row.deterministics, strict=True)
    return Table(
        address=Address(row.classid, row.objid),
        identity=row.identity,
        schema=row.schema,
        columns=tuple(Column(*column) for column in columns),
        bytes=row.bytes,
        rows=row.rows,
        root=row.root,
        condition=row.condition,
        refers=frozenset(row.refers),
    )
