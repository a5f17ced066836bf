"""Reads a database's catalogs: the objects of each kind with one SELECT, their dependencies, the tables with rows.

The session's search_path must not contain a user's schema (postgres.connect ensures that), so that pg_get_*def and
format_type qualify names.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from collections.abc import Sequence as Several
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from operator import itemgetter
from threading import Lock
from typing import Any

from psycopg.errors import LockNotAvailable
from psycopg.rows import namedtuple_row

from replicator.catalog import CALLS_CODE, KINDS
from replicator.catalog.attributes import AS_THEY_ARE, Attributes
from replicator.catalog.depend import Edge, fold, view_reads
from replicator.model import Address, Catalog, Column, ForeignKey, Index, Kind, LargeObjects, Object, Sequence, Table
from replicator.sessions.naming import named
from replicator.sessions.postgres import Connection
from replicator.sessions.statements import statement
from replicator.settings.definition import NO_NAMES, Rename

PARTS = {
    b"<columns>": "columns",
    b"<body>": "table_body",
    b"<inet_ops>": "inet_ops",
    b"<index_keys>": "index_keys",
    b"<attributes>": "attributes",
    b"<extra>": "extra",
    b"<without>": "without",
}
"""Placeholders, for parts that several files share."""
OTHERS = ("depend", "tables", "sequences", "large_objects", "populated", "invalid", "carried", "member_owners")
LOCKING = ("view", "matview", "rule", "function")
"""Printing a query locks its tables until the transaction ends: only the connection that has the locks does that."""
NEVER_QUEUED = "SET LOCAL lock_timeout = '1s'"
"""For the second connection: a session that waits to change a table waits for the first one, and would block it."""
DETAILS: Mapping[str, type[Index | ForeignKey]] = {"index": Index, "constraint": Index, "foreign_key": ForeignKey}
"""The kinds whose files have more columns than others, named as the fields of these."""
TABLES, MATVIEWS = b"c.relkind = 'r'", b"c.relkind = 'm'"
BUILT = ("index", "constraint", "matview")
"""Kinds that call functions when they are created or filled."""
FUNCTIONS = 1255
"""The OID of pg_proc."""
RELATIONS = 1259
"""The OID of pg_class."""
COSTLY = (["index"], ["acl"], ["constraint"], ["foreign_key"], ["depend"], ["table", "tables", "carried"])
"""Each queried by itself: the first connection starts with the first, the second connection with the last.

Those grouped together open every table, which is five times as slow the first time in a session.
"""
AT_ONCE = 6
"""How many of the others share a message: of most kinds a database has no objects."""
# Parallel workers do not pay off for a single read on busy cores. The joins are written in a good order: searching a
# better one took a fifth of the time in a small database, and found none that was faster in a large one.
PLANNING = """
SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL work_mem = '64MB'; SET LOCAL join_collapse_limit = 1"""

ONLY = "SELECT set_config('replicator.only', %s, true)"

Row = tuple[Any, ...]
Making = Callable[[list[Row], Several[str]], list[Any]]
"""Converts rows, whose columns have these names, while the server runs the next query."""


def read_targets(conn: Connection, name: str = "targets", attributes: Attributes = AS_THEY_ARE) -> list[Any]:
    """Return the rows of `catalog/<name>.sql`: relations that rows can be copied into, and what fires there."""
    attributes.set(conn)
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(_query(name, conn.info.server_version // 10000)).fetchall()


ROLE = "SELECT current_user::text, reset_val FROM pg_settings WHERE name = 'search_path'"


def read_catalog(
    conn: Connection,
    beside: Connection | None = None,
    only: Collection[int] | None = None,
    attributes: Attributes = AS_THEY_ARE,
    rename: Rename = NO_NAMES,
) -> Catalog:
    """Read everything in a database that can be copied, in the connection's transaction.

    `beside` is a second connection in a transaction with the same snapshot, which shares the work. `only`: the OIDs of
    the tables that are copied; others are not opened, since somebody may have locked them. None: all. `attributes`: how
    their columns are read. `rename`: print these names of roles and tablespaces.
    """
    version = conn.info.server_version
    major = version // 10000
    kinds = readable_kinds(conn)
    queries = {name: _query(name, major) for name in OTHERS} | {k.name: _kind_query(k, major) for k in kinds}
    queries = {name: named(query, conn, rename.roles, rename.tablespaces) for name, query in queries.items()}
    made: dict[str, Making] = {kind.name: partial(_objects, kind) for kind in kinds}
    made |= {"tables": _tables, "sequences": _sequences}
    rows = _fetch(queries, conn, beside, made, only, attributes)
    ((role, path),) = conn.execute(ROLE).fetchall()
    edges: list[Edge] = rows.pop("depend")
    tables = tuple(rows["tables"])
    objects = tuple(fold([row for kind in kinds for row in rows.pop(kind.name)], edges))
    code = {o.address for o in objects if o.kind in CALLS_CODE}
    calling = any(t.calls for t in tables) or any(o.kind in BUILT and not code.isdisjoint(o.needs) for o in objects)
    bodies = conn.execute(statement(__package__, "bodies", major)).fetchall() if calling else []
    return Catalog(
        version=version,
        objects=objects,
        tables=tables,
        sequences=tuple(rows["sequences"]),
        large_objects=tuple(
            replace(LargeObjects(*row), roles=tuple(rename.roles.items())) for row in rows["large_objects"]
        ),
        populated=frozenset(Address(*row) for row in rows["populated"]),
        invalid=frozenset(Address(*row) for row in rows["invalid"]),
        carried=frozenset(Address(*row) for row in rows["carried"]),
        bodies={Address(classid, objid): body for classid, objid, body, _ in bodies},
        opaque=frozenset(Address(classid, objid) for classid, objid, _, opaque in bodies if opaque),
        reads=view_reads(edges) if rows["populated"] else None,  # needed only to refresh views
        member_owners={Address(classid, objid): owner for classid, objid, owner in rows["member_owners"]},
        role=role,
        path=path,
        roles=rename.roles,
    )


def read_tables(conn: Connection) -> list[Table]:
    """Read only the tables."""
    return _read_tables(conn, _query("tables", conn.info.server_version // 10000))


def read_objects(conn: Connection, kind: Kind) -> list[Object]:
    """Read only the objects of one kind, without their dependencies."""
    query = {kind.name: _kind_query(kind, conn.info.server_version // 10000)}
    return [o for o, _ in _read_at_once(conn, query, {kind.name: partial(_objects, kind)})[kind.name]]


def read_matviews(conn: Connection) -> list[Table]:
    """Read the materialized views as if they were tables."""
    query = _query("tables", conn.info.server_version // 10000)
    assert query.count(TABLES) == 3
    return [replace(table, matview=True) for table in _read_tables(conn, query.replace(TABLES, MATVIEWS))]


def _read_tables(conn: Connection, query: bytes) -> list[Table]:
    (tables,) = _read_at_once(conn, {"tables": query}, {"tables": _tables}).values()
    return tables


def readable_kinds(conn: Connection) -> list[Kind]:
    """Return the kinds whose catalogs this role may read."""
    superuser = conn.info.parameter_status("is_superuser") == "on"
    return [kind for kind in KINDS if superuser or not kind.superuser]


def kind_rows(kind: Kind, major: int) -> bytes:
    """Return a kind's own SELECT."""
    return _query(f"kinds/{kind.name}", major)


def _query(name: str, major: int) -> bytes:
    query = statement(__package__, name, major)
    for place, part in PARTS.items():
        query = query.replace(place, statement(__package__, part, major))
    return query


def _kind_query(kind: Kind, major: int) -> bytes:
    detail = DETAILS.get(kind.name)
    more = "".join(f"     , kind.{field.name}\n" for field in fields(detail)) if detail else ""
    query = statement(__package__, "object", major).replace(b"<detail>\n", more.encode())
    return query.replace(b"<kind>", kind_rows(kind, major))


def _fetch(
    queries: dict[str, bytes],
    conn: Connection,
    beside: Connection | None,
    made: Mapping[str, Making],
    only: Collection[int] | None,
    attributes: Attributes,
) -> dict[str, list[Any]]:
    """Return the rows of each query, converted by `made`. The connections take queries from both ends of a queue."""
    locking = [name for name in queries if name in LOCKING]
    others = [name for name in queries if name not in LOCKING and not any(name in names for names in COSTLY)]
    together = (others[i : i + AT_ONCE] for i in range(0, len(others), AT_ONCE))
    waiting = deque([locking, COSTLY[0], *together, *COSTLY[1:]])
    taking = Lock()
    rows: dict[str, list[Any]] = {}

    def fetch(conn: Connection, take: Callable[[], list[str]]) -> None:
        conn.execute(PLANNING)
        attributes.set(conn)
        if only is not None:
            conn.execute(ONLY, [f"{{{','.join(map(str, only or [0]))}}}"])
        while True:
            with taking:
                if not waiting or (conn is beside and waiting[-1] is locking):
                    return
                names = take()
            for some in ([name] for name in names) if names in COSTLY else (names,):
                rows.update(_read_at_once(conn, {name: queries[name] for name in some}, made))

    def fetch_beside(beside: Connection) -> None:
        beside.execute(NEVER_QUEUED)
        with suppress(LockNotAvailable):
            fetch(beside, waiting.pop)

    with ThreadPoolExecutor(1, thread_name_prefix="catalog") as thread:
        other = thread.submit(fetch_beside, beside) if beside else None
        try:
            fetch(conn, waiting.popleft)
        finally:
            waiting.clear()  # after a failure the other one stops
        if other:
            other.result()
    waiting.append([name for name in queries if name not in rows])  # those that a lock blocked on the second connection
    fetch(conn, waiting.popleft)
    return rows


def _read_at_once(conn: Connection, queries: dict[str, bytes], made: Mapping[str, Making]) -> dict[str, list[Any]]:
    """Send these queries in one message. A single one is answered in binary: arrays parse three times as fast."""
    if not queries:
        return {}
    cursor = conn.cursor(binary=len(queries) == 1).execute(b";\n".join(queries.values()))
    found: dict[str, list[Any]] = {}
    for name in queries:
        rows = cursor.fetchall()
        found[name] = made[name](rows, [c.name for c in cursor.description or ()]) if name in made else rows
        cursor.nextset()
    return found


def _objects(kind: Kind, rows: list[Row], _: Several[str]) -> list[tuple[Object, Several[Address]]]:
    """Return the objects in the order of their identities, each with the column `needs` of its kind's file."""
    rows.sort(key=itemgetter(2, 3))  # not on the server: collations differ between servers
    objects: list[tuple[Object, Several[Address]]] = []
    detail = DETAILS.get(kind.name)
    making = [FIELDS.get(field.name, _same) for field in fields(detail)] if detail else []
    for classid, objid, identity, type, schema, owner, create, alter_owner, stub, finish, needs, *more in rows:
        o = Object(
            kind.name,
            Address(classid, objid),
            # A table and its row type, a schema and its extension have the same name, but not the same comment.
            f"{identity} ({type})" if kind.facet else identity,
            schema,
            owner,
            tuple(create),
            alter_owner,
            tuple(stub) if stub else (),
            tuple(finish) if finish else (),
            detail=detail(*[make(value) for make, value in zip(making, more, strict=True)]) if detail else None,
        )
        objects.append((o, [Address(*pair) for pair in zip(needs[::2], needs[1::2], strict=True)] if needs else ()))
    return objects


def _tables(rows: list[Row], names: Several[str]) -> list[Table]:
    return [_table(dict(zip(names, row, strict=True))) for row in rows]


def _table(row: dict[str, Any]) -> Table:
    columns = tuple(map(Column, *(row.pop(f"column_{part}") for part in ("names", "types", "binaries", "sends"))))
    return Table(columns=columns, **_fields(row))


def _sequences(rows: list[Row], names: Several[str]) -> list[Sequence]:
    return [Sequence(**_fields(dict(zip(names, row, strict=True)))) for row in rows]


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: FIELDS.get(name, _same)(value) for name, value in row.items()}


def _same(value: Any) -> Any:
    return value


def _address(pair: list[int] | None) -> Address | None:
    return Address(*pair) if pair else None


def _relation(oid: int) -> Address:
    return Address(RELATIONS, oid)


def _stored(columns: list[list[str]]) -> tuple[Column, ...]:
    return tuple(Column(name, type, False, send) for name, type, send in columns)


def _functions(oids: list[int]) -> frozenset[Address]:
    return frozenset(Address(FUNCTIONS, oid) for oid in oids)


FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "address": _address,
    "relation": _relation,
    "referenced": _relation,
    "columns": tuple,
    "referenced_columns": tuple,
    "numbers": tuple,
    "extension": _address,
    "table": _address,
    "stored": _stored,
    "edges": tuple,
    "matters": frozenset,
    "refers": frozenset,
    "calls": _functions,
}
"""The fields of what is read that are more than a value of their row."""
