"""Can this role read the whole source, and what of it is not copied?"""

from collections.abc import Callable, Iterable

from psycopg import sql

from replicator.events import counted, listed
from replicator.model import Finding
from replicator.sessions.postgres import Connection, quoted
from replicator.sessions.statements import statement

Wanted = Callable[[list[str]], list[str]]
"""Returns those of these tables and sequences that matter."""
COLLATION_VERSION_SINCE = 150000
LOGINS_SINCE = 170000
LOGINS = "SELECT quote_ident(evtname) FROM pg_event_trigger WHERE evtevent = 'login' AND evtenabled IN ('O', 'A')"
READ_ALL_LARGE_OBJECTS_SINCE = 190000
GRANT_ALL = (
    "DO $$ DECLARE o oid; BEGIN FOR o IN SELECT oid FROM pg_largeobject_metadata LOOP"
    " EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO %I', o, {}); END LOOP; END $$;"
)
GRANTED = 100
"""At most so many large objects are listed in one GRANT."""


def check_source(source: Connection, wanted: Wanted | None = None, *, large_objects: bool = True) -> list[Finding]:
    """Return what this role cannot read of what is `wanted`, what is not copied, and what may interfere."""
    return [
        *check_readable("source", source, wanted, large_objects=large_objects),
        *_named_as_the_journal(source),
        *_left_out(source),
        *check_logins("source", source),
        *_collation_versions(source),
        *_standby(source),
    ]


def check_readable(
    server: str, conn: Connection, wanted: Wanted | None = None, *, large_objects: bool = True
) -> list[Finding]:
    """Return what this role cannot read, or not completely. `wanted` selects the tables and sequences that matter."""
    return [
        *_unreadable(server, conn, wanted or list),
        *(_unreadable_large_objects(server, conn) if large_objects else ()),
    ]


def check_logins(server: str, conn: Connection) -> Iterable[Finding]:
    """Yield the login event triggers that fire for replicator's sessions: what they write is no part of the copy."""
    if not getattr(conn, "fires", False) or conn.info.server_version < LOGINS_SINCE:
        return
    if names := [row[0] for row in conn.execute(LOGINS).fetchall()]:
        yield Finding(
            f"Login event triggers on the {server} fire for replicator's sessions, too: {listed(names)}. What they"
            " write"
            " may show as a difference.",
            fatal=False,
            object="event triggers on logins",
            run=f"GRANT SET ON PARAMETER event_triggers TO {quoted(conn.info.user)};",
            server=server,
        )


def check_unlogged(source: Connection, *, wanted: bool, copied: Wanted | None = None) -> Iterable[Finding]:
    """Yield the unlogged tables and sequences if their contents cannot be read, or are not `wanted`."""
    names = [row[0] for row in source.execute(statement(__package__, "unlogged"), [wanted]).fetchall()]
    names = (copied or list)(names)
    if names and wanted:
        yield Finding(
            f"The source is a standby, which lacks the contents of unlogged tables and sequences: {listed(names)}.",
            "Clone from the primary, or clone without these contents: --no-unlogged-table-data.",
            object=", ".join(names),
            server="source",
        )
    elif names:
        text = f"Not copied: the contents of unlogged tables and sequences: {', '.join(names)}."
        yield Finding(text, fatal=False, object=", ".join(names), server="source")


def waiting_locks(source: Connection, server: str = "source", *, who: str = "a clone") -> Iterable[Finding]:
    """Yield the prepared transactions: `who` reads a table that one has locked would wait for ever."""
    for gid, tables in source.execute(statement(__package__, "prepared")).fetchall():
        name = sql.Literal(gid).as_string(source)
        yield Finding(
            f"Prepared transaction {name} on the {server} "
            + (f"locks {listed(tables)}, so {who} would wait for it." if tables else "will not be in the copy."),
            f"or ROLLBACK PREPARED {name};",
            fatal=bool(tables),
            object=f"prepared transaction {name}",
            run=f"COMMIT PREPARED {name};",
            server=server,
        )


def _unreadable(server: str, conn: Connection, wanted: Wanted) -> Iterable[Finding]:
    return refused_by_table(server, conn, "unreadable", "read", wanted)


def refused_by_table(server: str, conn: Connection, script: str, verb: str, wanted: Wanted) -> Iterable[Finding]:
    """Yield, by remedy, the tables that a script returns with the statement that an administrator would run."""
    remedy_of: dict[str, str] = dict(conn.execute(statement(__package__, script)).fetchall())
    remedies: dict[str, list[str]] = {}
    for identity in wanted(list(remedy_of)):
        remedies.setdefault(remedy_of[identity], []).append(identity)
    for remedy, tables in remedies.items():
        yield Finding(
            f"On the {server}, role {quoted(conn.info.user)} may not {verb} {listed(tables)}"
            + (", where row security hides rows from it." if remedy.endswith(" BYPASSRLS;") else "."),
            object=", ".join(tables),
            run=remedy,
            server=server,
        )


def _named_as_the_journal(source: Connection) -> Iterable[Finding]:
    if source.execute("SELECT to_regnamespace('replicator') IS NOT NULL").fetchall()[0][0]:
        yield Finding(
            "The source has a schema named replicator, but a clone needs that name for its journal on the destination.",
            "or `clean` the source, if the schema is the journal of an earlier clone into it.",
            object="schema replicator",
            run="ALTER SCHEMA replicator RENAME TO replicator_of_the_source;",
            server="source",
        )


def _unreadable_large_objects(server: str, conn: Connection) -> Iterable[Finding]:
    oids = [str(row[0]) for row in conn.execute(statement(__package__, "unreadable_large_objects")).fetchall()]
    if oids:
        user = quoted(conn.info.user)
        grant = f"GRANT SELECT ON LARGE OBJECT {', '.join(oids)} TO {user};"
        if conn.info.server_version >= READ_ALL_LARGE_OBJECTS_SINCE:
            grant = f"GRANT pg_read_all_data TO {user};"
        elif len(oids) > GRANTED:
            # Not lo_compat_privileges = on: that would let every role read and write all of them.
            grant = sql.SQL(GRANT_ALL).format(sql.Literal(conn.info.user)).as_string(conn)
        yield Finding(
            f"On the {server}, role {user} may not read {counted(len(oids), 'large object')} ({listed(oids)}).",
            object="large objects",
            run=grant,
            server=server,
        )


def _left_out(source: Connection) -> Iterable[Finding]:
    for (text,) in source.execute(statement(__package__, "left_out")).fetchall():
        yield Finding(text, "", fatal=False, server="source")


def _collation_versions(source: Connection) -> Iterable[Finding]:
    if source.info.server_version < COLLATION_VERSION_SINCE:
        return
    for collation, indexes, run in source.execute(statement(__package__, "collation_versions")).fetchall():
        yield Finding(
            f"The sort order of collation {collation} has changed since the source built {counted(indexes, 'index')}"
            " with"
            " it: unique ones may contain duplicates, which the copy would reject.",
            fatal=False,
            object=f"collation {collation}",
            run=run,
            server="source",
        )


def _standby(source: Connection) -> Iterable[Finding]:
    ((standby, feedback, delay),) = source.execute(
        "SELECT pg_is_in_recovery(), current_setting('hot_standby_feedback'),"
        " current_setting('max_standby_streaming_delay')"
    ).fetchall()
    if standby and feedback == "off" and delay != "-1":
        yield Finding(
            f"The source is a standby that cancels queries which delay its recovery for more than {delay}.",
            fatal=False,
            object="hot_standby_feedback",
            run="ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf();",
            server="source",
        )
