"""Lets the source print the destination's names of roles and tablespaces, wherever it is asked for them.

A role is renamed where it is printed, not afterwards in a text: there it is known to be a role. The destination need
not have the old role at all, so its objects cannot be renamed later, as schemas and tables are.
"""

from collections.abc import Mapping
from dataclasses import replace

from psycopg import sql

from replicator.sessions.postgres import Connection
from replicator.settings.definition import Rename

NAME_OF = b"pg_get_userbyid("
OF_ROLES = """rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, rolpassword
            , rolvaliduntil, rolbypassrls"""
OF_TABLESPACES = "spcowner, spcacl, spcoptions"
DEFAULT_TABLESPACE = """
SELECT s.spcname::text FROM pg_database d JOIN pg_tablespace s ON s.oid = d.dattablespace
 WHERE d.datname = current_database()"""


def named(
    query: bytes,
    conn: Connection,
    roles: Mapping[str, str],
    tablespaces: Mapping[str, str] | None = None,
    *,
    parameters: bool = False,
) -> bytes:
    """Return a statement that reads the new names of roles and tablespaces.

    `parameters`: it has placeholders, so a percent sign of a name is doubled.
    """
    if roles:
        names = _Case(conn, roles, parameters=parameters)
        query = _calls(query, names)
        for catalog in (b"pg_roles", b"pg_authid"):
            new = names(b"rolname")
            query = _from(query, catalog, b"SELECT oid, " + new + b" AS rolname, " + OF_ROLES.encode())
    if tablespaces:
        new = _Case(conn, tablespaces, parameters=parameters)(b"spcname")
        columns = b"SELECT oid, tableoid, " + new + b" AS spcname, " + OF_TABLESPACES.encode()
        query = _from(query, b"pg_tablespace", columns, _default(conn, tablespaces, parameters=parameters))
    return query


def with_default(rename: Rename, destination: Connection) -> Rename:
    """Return the names in which the destination's default tablespace is no name: its tables do not name it."""
    if not rename.tablespaces:
        return rename
    ((default,),) = destination.execute(DEFAULT_TABLESPACE).fetchall()
    return replace(rename, tablespaces={old: "" if new == default else new for old, new in rename.tablespaces.items()})


class _Case:
    """An expression for the new name in place of an old one."""

    def __init__(self, conn: Connection, names: Mapping[str, str], *, parameters: bool) -> None:
        arms = b"".join(
            b" WHEN " + sql.Literal(old).as_bytes(conn) + b" THEN " + sql.Literal(new).as_bytes(conn)
            for old, new in names.items()
        )
        self._arms = arms.replace(b"%", b"%%") if parameters else arms

    def __call__(self, expression: bytes) -> bytes:
        return b"(CASE " + expression + b"::text" + self._arms + b" ELSE " + expression + b"::text END)"


def _calls(query: bytes, names: _Case) -> bytes:
    """Put each call of pg_get_userbyid into the expression."""
    parts, place = [], 0
    while (start := query.find(NAME_OF, place)) >= 0:
        end, depth = start + len(NAME_OF), 1
        while depth:
            depth += {b"(": 1, b")": -1}.get(query[end : end + 1], 0)
            end += 1
        parts += [query[place:start], names(query[start:end])]
        place = end
    return b"".join([*parts, query[place:]])


def _from(query: bytes, catalog: bytes, columns: bytes, where: bytes = b"") -> bytes:
    """Put a subquery in place of a catalog that a FROM or JOIN names."""
    for word in (b"FROM ", b"JOIN "):
        query = query.replace(word + catalog + b" ", word + b"(" + columns + b" FROM " + catalog + where + b") AS ")
    return query


def _default(conn: Connection, tablespaces: Mapping[str, str], *, parameters: bool) -> bytes:
    """Return the condition for tablespaces that have a name on the destination."""
    gone = sql.Literal([old for old, new in tablespaces.items() if not new]).as_bytes(conn)
    return b" WHERE spcname <> ALL (" + (gone.replace(b"%", b"%%") if parameters else gone) + b"::text[])"
