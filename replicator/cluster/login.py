"""Checks that new sessions can connect to the copy with its settings: a missing preload library refuses everybody.

ALTER DATABASE accepts any library name, and existing sessions are not affected. So a new session is opened with the
same settings as connection parameters, before anything is written and once more before the copy is finished.
Reference: miscinit.c process_session_preload_libraries, load_libraries.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

import psycopg

from replicator.model import Execute, Finding, Step
from replicator.sessions import failures, postgres
from replicator.sessions.postgres import Connection
from replicator.sessions.setup import Safe, as_options
from replicator.sessions.watchdog import same_server
from replicator.settings.definition import NO_NAMES, Rename

LIBRARIES = ("session_preload_libraries", "local_preload_libraries")
BECOMES = re.compile(r" SET role TO '((?:[^']|'')+)'$")
WHERE = "dynamic_library_path"
# Each with the name of the step that sets it; a role's settings first, since they override the database's.
SET = """
SELECT s.setrole::bigint
     , setting.name
     , setting.value
     , CASE
           WHEN s.setrole = 0 THEN format('database setting %%s', setting.name)
           WHEN s.setdatabase <> 0 THEN format('database setting %%s of %%I', setting.name, r.rolname)
           ELSE format('role %%I', r.rolname)
       END
  FROM pg_db_role_setting s
  LEFT JOIN pg_roles r ON r.oid = s.setrole
 CROSS JOIN unnest(s.setconfig) AS item (text)
 CROSS JOIN LATERAL (SELECT split_part(item.text, '=', 1), substr(item.text, strpos(item.text, '=') + 1))
            AS setting (name, value)
 WHERE setting.name = ANY (%s)
   AND (s.setdatabase = 0 AND s.setrole <> 0
        OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
 ORDER BY s.setrole, s.setdatabase
"""


def shut_out(conn: Connection, steps: Iterable[Step]) -> Iterator[tuple[Step, str, str]]:
    """Yield the steps whose settings would refuse every session, with the parameter and the server's error.

    Their statements were executed in the connection's transaction. Yields nothing if a session cannot be given such
    parameters: because of a pooler, or a missing privilege that the step needs as well.
    """
    made = {s.name: s for s in steps if isinstance(s.work, Execute) and any(map(_preloads, s.work.statements))}
    if not made:
        return
    of_role: dict[int, dict[str, tuple[str, str]]] = {}
    for role, name, value, step in conn.execute(SET, [[*LIBRARIES, WHERE]]).fetchall():
        of_role.setdefault(role, {})[name] = value, step
    everybody = of_role.get(0, {})
    reported = set()
    for given in ({**everybody, **own} for own in of_role.values()):
        path = {WHERE: given[WHERE][0]} if WHERE in given else {}
        for name in LIBRARIES:
            value, step = given.get(name, ("", ""))
            if step in made and step not in reported and (reason := _refused(conn, {**path, name: value})):
                reported.add(step)
                yield made[step], name, reason


def unknown_role(
    name: str, statements: Iterable[str], of_source: Collection[str], roles: Collection[str]
) -> Iterator[Finding]:
    """Yield a note if a setting makes sessions switch to a role that does not exist: they keep their own then."""
    for statement in statements:
        named = BECOMES.search(statement)
        role = named[1].replace("''", "'") if named else "none"
        if role not in (*roles, "none") and role in of_source:
            yield Finding(
                f'Role "{role}" does not exist on the destination, but the source\'s {name} makes sessions use it.',
                "or clone with --roles.",
                object=f"role {postgres.quoted(role)}",
                run=f"CREATE ROLE {postgres.quoted(role)};",
            )


def roles_of(conn: Connection, rename: Rename = NO_NAMES) -> set[str]:
    """Return the names of a server's roles, as they are renamed."""
    names = (row[0] for row in conn.execute("SELECT rolname::text FROM pg_roles").fetchall())
    return {rename.roles.get(name, name) for name in names}


def _preloads(statement: str) -> bool:
    return any(name in statement for name in LIBRARIES)


def _refused(conn: Connection, settings: Mapping[str, str]) -> str:
    """Return the error of a new session with these settings, unless it also occurs with empty ones."""
    try:
        _enter(conn, settings)
    except psycopg.OperationalError as error:
        try:
            _enter(conn, dict.fromkeys(settings, ""))
        except psycopg.OperationalError:
            return ""
        return re.sub(r"^.*?\bfailed: ", "", failures.one_line(error))
    return ""


def _enter(conn: Connection, settings: Mapping[str, str]) -> None:
    more = {"options": as_options(settings), "application_name": "replicator probe"}
    Safe.connect(same_server(conn, more)).close()
