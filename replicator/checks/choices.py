"""Does the destination support what the user chose, and what the source has?"""

import re
from collections.abc import Iterable, Sequence
from operator import attrgetter

from replicator.checks.extensions import creation
from replicator.events import listed
from replicator.model import (
    NOTHING_DEFERRED,
    Catalog,
    Deferral,
    Finding,
    Loss,
    Object,
    Statistics,
    Table,
    counted_kind,
    shown,
)
from replicator.sessions.postgres import Connection, quoted, unquoted

STATISTICS_SINCE = 180000
SET_ON_PARAMETER_SINCE = 150000
MEMORY = "SELECT min_val::bigint, max_val::bigint FROM pg_settings WHERE name = 'maintenance_work_mem'"
NAME = r'(?:"(?:[^"]|"")*"|[^\s;"]+)'
# From 15 on, only the database's owner may create objects there: any other owner of an object needs CREATE.
LACKING_PUBLIC = """
SELECT r.rolname::text
  FROM pg_roles r
  JOIN pg_namespace n ON n.nspname = 'public' AND pg_get_userbyid(n.nspowner) = 'pg_database_owner'
 WHERE r.rolname = ANY (%s)
   AND NOT has_schema_privilege(r.oid, n.oid, 'CREATE')
"""
OTHER_WAY = "(as a superuser) or clone with --skip-unprivileged."
MANY_ALIKE = 4
"""From so many on, objects of a kind that fail for the same reason are listed in one finding."""


CORRUPTING = range(140000, 140004)
"""Indexes that these build CONCURRENTLY may miss rows that are updated meanwhile. Reference: release notes of 14.4."""


def check_choices(
    destination: Connection,
    statistics: Statistics | None,
    toast_compression: str | None,
    memory: int | None = None,
    defer: Deferral = NOTHING_DEFERRED,
) -> list[Finding]:
    """Return the options that the destination does not support. `memory`: bytes to build an index in."""
    version = str(destination.info.parameter_status("server_version"))
    findings = []
    if defer.indexes and destination.info.server_version in CORRUPTING:
        findings.append(
            Finding(
                f"The destination runs PostgreSQL {version}, where CREATE INDEX CONCURRENTLY can miss rows (fixed in"
                " 14.4).",
                "Update it, or clone without --defer-indexes.",
            )
        )
    if statistics is Statistics.TRANSFER and destination.info.server_version < STATISTICS_SINCE:
        findings.append(
            Finding(
                f"--statistics transfer requires PostgreSQL 18 or newer on the destination, which runs {version}.",
                "Use --statistics analyze.",
            )
        )
    if toast_compression:
        known = destination.execute(
            "SELECT %s = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'", [toast_compression]
        ).fetchall()
        if known != [(True,)]:
            why = "was built without it" if known else "cannot choose: that requires 14 or newer"
            findings.append(
                Finding(
                    f"The destination does not support --toast-compression {toast_compression}: PostgreSQL {version}"
                    f" {why}.",
                    "Clone without --toast-compression.",
                )
            )
    if memory:
        ((least, most),) = destination.execute(MEMORY).fetchall()
        if not least <= memory // 1024 <= most:
            findings.append(
                Finding(
                    f"The destination (PostgreSQL {version}) does not accept --maintenance-work-mem"
                    f" {memory // 1024}KiB.",
                    f"Choose --maintenance-work-mem from {least}KiB to {most}KiB.",
                )
            )
    return findings


def check_rows(source: Connection, catalog: Catalog) -> Iterable[Finding]:
    """Yield a finding if an entirely empty source would replace something. Reads in the source's snapshot."""
    if catalog.large_objects or any(_has_rows(source, t) for t in sorted(catalog.tables, key=attrgetter("bytes"))):
        return
    holds = "no tables" if not catalog.tables else "no rows in any table"
    yield Finding(
        f'The source database "{source.info.dbname}" has {holds}, but would replace the data on the destination.',
        "Check that it is the right database; if it is, add --allow-empty.",
    )


def _has_rows(source: Connection, table: Table) -> bool:
    query = f"SELECT EXISTS (SELECT FROM {table.reading.item} {table.reading.condition})"
    return not table.empty and source.execute(query).fetchall() == [(True,)]


def check_losses(
    losses: Sequence[Loss], destination: Connection, source_version: int, *, agreed: bool
) -> list[Finding]:
    """Return what the destination does not support: warnings if that was `agreed` to, otherwise what blocks the clone.

    A statement about a built-in object that the destination lacks never blocks. `source_version`: the major one.
    """
    version = destination.info.server_version // 10000
    fatal = [loss for loss in losses if loss.fatal]
    if agreed or not fatal:
        return [
            Finding(f"{'Left out' if loss.whole else 'Changed'} for PostgreSQL {version}: {loss}", "", fatal=False)
            for loss in losses
        ]
    newer = f", or into PostgreSQL {source_version}" if source_version > version else ""
    return [
        Finding(
            f"The destination (PostgreSQL {version}) does not support {words}",
            f"{_way_out(some[0])} --downgrade, which leaves {'it' if len(some) == 1 else 'them'} out{newer}.",
            object=", ".join(shown(loss.what) for loss in some),
        )
        for words, some in _together(fatal)
    ]


def _together(losses: Sequence[Loss]) -> Iterable[tuple[str, Sequence[Loss]]]:
    """Yield the losses one by one with their words; many of a kind for the same reason together."""
    groups: dict[tuple[str, str], list[Loss]] = {}
    for loss in losses:
        groups.setdefault((loss.what.partition(" ")[0] if loss.rows is None else loss.what, loss.reason), []).append(
            loss
        )
    for (kind, why), some in groups.items():
        if len(some) < MANY_ALIKE:
            yield from ((str(loss), [loss]) for loss in some)
        else:
            names = listed([shown(loss.what) for loss in some])
            yield f"{counted_kind(len(some), kind)} for the same reason, {why.rstrip('.')}: {names}", some


WAYS_OUT = (
    (
        r"function \w+\(.*\bany(?:array|element)\b.*\) does not exist",
        "Since PostgreSQL 14 array functions take anycompatiblearray and anycompatible. On a source of version 13,"
        " recreate it with these types; on an older one, drop it and create it on the destination after the clone.",
    ),
    (
        r"could not access file|could not find function .* in file|could not load library",
        "Install the package with that library on the destination server.",
    ),
    (
        r"cannot drop inherited constraint",
        "Since PostgreSQL 18 child tables inherit NOT NULL. On the source, run ALTER TABLE … ALTER COLUMN … SET NOT"
        " NULL"
        " for that child, or DROP NOT NULL for its parent.",
    ),
    (
        r'constraint ".*_not_null" for relation ".*" already exists',
        "Since PostgreSQL 18 NOT NULL constraints have such names. On the source, run ALTER TABLE … RENAME CONSTRAINT …"
        " TO another name.",
    ),
)
"""What to do on the source or the destination, by the server's error message."""


def _way_out(loss: Loss) -> str:
    known = next((way for words, way in WAYS_OUT if re.search(words, loss.why)), "")
    return f"{known} Or clone with" if known else "Clone with"


def check_forbidden(
    forbidden: Iterable[Loss], catalog: Catalog, destination: Connection, *, agreed: bool
) -> list[Finding]:
    """Return the objects that this role may not create on the destination. `agreed`: they are left out."""
    objects = {o.name: o for o in catalog.objects}
    user = quoted(destination.info.user)
    forbidden = list(forbidden)
    given_away = {loss.what: str(o.owner) for loss in forbidden if _is_not_given(o := objects[loss.what], loss)}
    lacking = destination.execute(LACKING_PUBLIC, [sorted(set(given_away.values()))]).fetchall() if given_away else []
    findings = []
    for loss in forbidden:
        if loss.what in given_away and lacking == [(given_away[loss.what],)]:
            run, hint = f"ALTER DATABASE {quoted(destination.info.dbname)} OWNER TO {quoted(lacking[0][0])};", OTHER_WAY
        else:
            run, hint = _remedy(objects[loss.what], user, destination)
        findings.append(
            Finding(
                f"{'Left out: on' if agreed else 'On'} the destination, role {user} may not "
                + (f"create {loss}" if loss.whole else f"complete {shown(loss.what)}: {loss.why}"),
                "" if agreed else hint,
                fatal=not agreed,
                object=loss.what,
                run="" if agreed else run,
            )
        )
    return findings


def _is_not_given(o: Object, loss: Loss) -> bool:
    """Return whether an object in schema public was created, but may not be given to its owner."""
    return o.schema == "public" and o.alter_owner is not None and loss.why.startswith(o.alter_owner)


def _remedy(o: Object, user: str, destination: Connection) -> tuple[str, str]:
    """Return the statements that allow this role to create an object, and the alternative."""
    statements = "; ".join(o.create)
    if o.kind == "extension" and (found := re.search(rf" ({NAME}) WITH SCHEMA ({NAME})$", statements)):
        name, schema = map(unquoted, found.groups())
        return creation(destination, name, schema), OTHER_WAY
    if o.kind == "default_acl" and (found := re.search(rf" FOR ROLE ({NAME})", statements)):
        return f"GRANT {found[1]} TO {user};", OTHER_WAY
    if o.kind == "foreign_server" and (found := re.search(rf" FOREIGN DATA WRAPPER ({NAME})", statements)):
        return f"GRANT USAGE ON FOREIGN DATA WRAPPER {found[1]} TO {user};", OTHER_WAY
    if o.kind == "function" and destination.info.server_version >= SET_ON_PARAMETER_SINCE:
        head = statements.partition("\nAS ")[0]
        parameters = re.findall(r"^ SET (\S+) TO ", head, re.MULTILINE)
        if parameters and not re.search(r"\bLEAKPROOF\b|^ LANGUAGE (c|internal)\b", head, re.MULTILINE):
            return f"GRANT SET ON PARAMETER {', '.join(parameters)} TO {user};", OTHER_WAY
    return f"ALTER ROLE {user} SUPERUSER;", OTHER_WAY
