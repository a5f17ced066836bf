"""Whether all of the source can be read, and what of it is left out."""

from collections.abc import Callable, Iterable

from psycopg import sql

from replicator.events import listed
from replicator.model import Finding
from replicator.sessions.postgres import Connection, quoted
from replicator.sessions.statements import statement

Wanted = Callable[[list[str]], list[str]]
"""Returns those names of tables and sequences that matter."""
COLLATION_VERSION_SINCE = 150000
LOGINS_SINCE = 170000
LOGINS = "SELECT quote_ident(evtname) FROM pg_event_trigger WHERE evtevent = 'login' AND evtenabled IN ('O', 'A')"
GRANTED = 100
"""So many large objects are named in a GRANT."""


def check_source(source: Connection) -> list[Finding]:
    """Return what cannot be read, what is not copied, and what may disturb."""
    return [
        *check_readable("source", source),
        *_named_as_the_journal(source),
        *_left_out(source),
        *check_logins("source", source),
        *_collation_versions(source),
        *_standby(source),
    ]


def check_readable(server: str, conn: Connection, wanted: Wanted | None = None) -> list[Finding]:
    """Return what this role may not read, all or in part. `wanted` tells which tables and sequences matter."""
    return [*_unreadable(server, conn, wanted or list), *_unreadable_large_objects(server, conn)]


def check_logins(server: str, conn: Connection) -> Iterable[Finding]:
    """Yield the event triggers on logins that fire for this program's sessions: what they write is no copy."""
    if not getattr(conn, "fires", False) or conn.info.server_version < LOGINS_SINCE:
        return
    if names := [row[0] for row in conn.execute(LOGINS).fetchall()]:
        yield Finding(
            f"Event triggers on logins fire on the {server} for this program's sessions, too: {listed(names)}. What"
            " they write there may be a difference.",
            fatal=False,
            object="event triggers on logins",
            run=f"GRANT SET ON PARAMETER event_triggers TO {quoted(conn.info.user)};",
            server=server,
        )


def check_unlogged(source: Connection, *, wanted: bool) -> Iterable[Finding]:
    """Yield the unlogged tables and sequences, where their rows and values cannot be read or are not `wanted`."""
    names = [row[0] for row in source.execute(statement(__package__, "unlogged"), [wanted]).fetchall()]
    if names and wanted:
        yield Finding(
            "The source is a standby, which has no rows of unlogged tables and no values of unlogged sequences:"
            f" {listed(names)}.",
            "Clone from the primary, or leave them out with --no-unlogged-table-data.",
            object=", ".join(names),
            server="source",
        )
    elif names:
        text = f"Not copied: the rows of unlogged tables and the values of unlogged sequences: {', '.join(names)}."
        yield Finding(text, fatal=False, object=", ".join(names), server="source")


def waiting_locks(source: Connection, server: str = "source", *, who: str = "a clone") -> Iterable[Finding]:
    """Yield the prepared transactions: what they locked, `who` reads it would wait for, for ever."""
    for gid, tables in source.execute(statement(__package__, "prepared")).fetchall():
        name = sql.Literal(gid).as_string(source)
        yield Finding(
            f"The prepared transaction {name} on the {server} "
            + (f"has locked {listed(tables)}, and {who} would wait for it." if tables else "is not in the copy."),
            f"or ROLLBACK PREPARED {name};",
            fatal=bool(tables),
            object=f"prepared transaction {name}",
            run=f"COMMIT PREPARED {name};",
            server=server,
        )


def _unreadable(server: str, conn: Connection, wanted: Wanted) -> Iterable[Finding]:
    return refused_by_table(server, conn, "unreadable", "read all rows of", wanted)


def refused_by_table(server: str, conn: Connection, script: str, may_not: str, wanted: Wanted) -> Iterable[Finding]:
    """Yield, by remedy, the tables that a script returns, each with what an administrator would run."""
    remedy_of: dict[str, str] = dict(conn.execute(statement(__package__, script)).fetchall())
    remedies: dict[str, list[str]] = {}
    for identity in wanted(list(remedy_of)):
        remedies.setdefault(remedy_of[identity], []).append(identity)
    for remedy, tables in remedies.items():
        yield Finding(
            f"The {server} role may not {may_not}: {listed(tables)}.",
            object=", ".join(tables),
            run=remedy,
            server=server,
        )


def _named_as_the_journal(source: Connection) -> Iterable[Finding]:
    if source.execute("SELECT to_regnamespace('replicator') IS NOT NULL").fetchall()[0][0]:
        yield Finding(
            "The source has a schema named replicator, the name that the journal has on the destination.",
            "(or `clean` the source, if it is the journal of an earlier clone into it)",
            object="schema replicator",
            run="ALTER SCHEMA replicator RENAME TO replicator_of_the_source;",
            server="source",
        )


def _unreadable_large_objects(server: str, conn: Connection) -> Iterable[Finding]:
    oids = [str(row[0]) for row in conn.execute(statement(__package__, "unreadable_large_objects")).fetchall()]
    if oids:
        user, database = quoted(conn.info.user), quoted(conn.info.dbname)
        few = len(oids) <= GRANTED
        yield Finding(
            f"The {server} role may not read {len(oids)} large objects: {listed(oids)}.",
            object="large objects",
            run=f"GRANT SELECT ON LARGE OBJECT {', '.join(oids)} TO {user};"
            if few
            else f"ALTER DATABASE {database} SET lo_compat_privileges = on;",
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
            f"The order of the collation {collation} has changed since the source built {indexes} indexes in it: a"
            " unique one may have let duplicates in, which the copy would refuse.",
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
            f"The source is a standby that cancels what reads for longer than {delay} while its primary cleans up.",
            fatal=False,
            object="hot_standby_feedback",
            run="ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf();",
            server="source",
        )
