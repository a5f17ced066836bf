"""Whether the destination can do what the user chose, and hold what the source has."""

import re
from collections.abc import Iterable, Sequence
from operator import attrgetter

from replicator.checks.extensions import creation
from replicator.model import NOTHING_DEFERRED, Catalog, Deferral, Finding, Loss, Object, Statistics, Table
from replicator.sessions.postgres import Connection, quoted, unquoted

STATISTICS_SINCE = 180000
SET_ON_PARAMETER_SINCE = 150000
MEMORY = "SELECT min_val::bigint, max_val::bigint FROM pg_settings WHERE name = 'maintenance_work_mem'"
NAME = r'(?:"(?:[^"]|"")*"|[^\s;"]+)'


CORRUPTING = range(140000, 140004)
"""What these build CONCURRENTLY may lack rows that are updated meanwhile. Reference: release notes of 14.4."""


def check_choices(
    destination: Connection,
    statistics: Statistics | None,
    toast_compression: str | None,
    memory: int | None = None,
    defer: Deferral = NOTHING_DEFERRED,
) -> list[Finding]:
    """Return what of the user's choices the destination cannot do. `memory`: bytes to build an index in."""
    version = str(destination.info.parameter_status("server_version"))
    findings = []
    if defer.indexes and destination.info.server_version in CORRUPTING:
        findings.append(
            Finding(
                f"The destination, PostgreSQL {version}, may build indexes CONCURRENTLY that lack rows: 14.4 does not.",
                "Update it, or leave --defer-indexes out.",
            )
        )
    if statistics is Statistics.TRANSFER and destination.info.server_version < STATISTICS_SINCE:
        findings.append(
            Finding(
                f"The destination, PostgreSQL {version}, cannot take statistics over: 18 and newer can.",
                "Use --statistics analyze.",
            )
        )
    if toast_compression:
        known = destination.execute(
            "SELECT %s = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'", [toast_compression]
        ).fetchall()
        if known != [(True,)]:
            why = "was built without it" if known else "has no such choice: 14 and newer have"
            findings.append(
                Finding(
                    f"The destination cannot compress with {toast_compression}: PostgreSQL {version} {why}.",
                    "Leave --toast-compression out.",
                )
            )
    if memory:
        ((least, most),) = destination.execute(MEMORY).fetchall()
        if not least <= memory // 1024 <= most:
            findings.append(
                Finding(
                    f"The destination, PostgreSQL {version}, builds no index in {memory // 1024} kB.",
                    f"Give --maintenance-work-mem from {least}KiB to {most}KiB.",
                )
            )
    return findings


def check_rows(source: Connection, catalog: Catalog) -> Iterable[Finding]:
    """Yield what is to be said where the source has no rows at all, and would replace something. In its snapshot."""
    if catalog.large_objects or any(_has_rows(source, t) for t in sorted(catalog.tables, key=attrgetter("bytes"))):
        return
    holds = "no tables" if not catalog.tables else "no rows in any table"
    yield Finding(
        f'The source database "{source.info.dbname}" has {holds}, and would replace what is on the destination.',
        "Is it the right database? If so, give --allow-empty.",
    )


def _has_rows(source: Connection, table: Table) -> bool:
    query = f"SELECT EXISTS (SELECT FROM ONLY {table.identity} {table.condition})"
    return not table.empty and source.execute(query).fetchall() == [(True,)]


def check_losses(
    losses: Sequence[Loss], destination: Connection, source_version: int, *, agreed: bool
) -> list[Finding]:
    """Return what the destination cannot hold: a note for each, and what stands in the way unless that was agreed to.

    What is said of a built-in object that the destination does not have stands in nobody's way.
    `source_version` is the major one.
    """
    version = destination.info.server_version // 10000
    findings = [Finding(f"PostgreSQL {version} has no place for it: {loss}", "", fatal=False) for loss in losses]
    fatal = [loss for loss in losses if loss.fatal]
    newer = f", or into PostgreSQL {source_version}" if source_version > version else ""
    if fatal and not agreed:
        return [
            Finding(
                f"The destination, PostgreSQL {version}, cannot hold it: {loss}",
                f"{_way_out(loss)} --downgrade, which leaves out what is listed{newer}.",
                object=loss.what,
            )
            for loss in fatal
        ]
    return findings


WAYS_OUT = (
    (
        r"function \w+\(.*\bany(?:array|element)\b.*\) does not exist",
        "Since PostgreSQL 14 functions of arrays take anycompatiblearray and anycompatible. Make it of these on a"
        " source of 13; from an older one drop it, and make it on the destination after the clone.",
    ),
    (
        r"could not access file|could not find function .* in file|could not load library",
        "Install what brings that library on the destination's server.",
    ),
    (
        r"cannot drop inherited constraint",
        "Since PostgreSQL 18 children inherit NOT NULL: on the source, ALTER TABLE … ALTER COLUMN … SET NOT NULL for"
        " that child, or DROP NOT NULL for its parent.",
    ),
    (
        r'constraint ".*_not_null" for relation ".*" already exists',
        "Since PostgreSQL 18 a NOT NULL has such a name: on the source, ALTER TABLE … RENAME CONSTRAINT … TO another.",
    ),
)
"""What can be done about a refusal on the source or the destination, by its words."""


def _way_out(loss: Loss) -> str:
    known = next((way for words, way in WAYS_OUT if re.search(words, loss.why)), "")
    return f"{known} Or clone with" if known else "Clone with"


def check_forbidden(
    forbidden: Iterable[Loss], catalog: Catalog, destination: Connection, *, agreed: bool
) -> list[Finding]:
    """Return what this role may not make on the destination. `agreed`: it is left out."""
    objects = {o.name: o for o in catalog.objects}
    user = quoted(destination.info.user)
    findings = []
    for loss in forbidden:
        run, hint = _remedy(objects[loss.what], user, destination)
        findings.append(
            Finding(
                f"The role {user} may not make this on the destination: {loss}",
                "" if agreed else hint,
                fatal=not agreed,
                object=loss.what,
                run="" if agreed else run,
            )
        )
    return findings


def _remedy(o: Object, user: str, destination: Connection) -> tuple[str, str]:
    """Return what allows this role to make an object, and the other way out."""
    other = "(as a superuser) or clone with --skip-unprivileged."
    made = "; ".join(o.create)
    if o.kind == "extension" and (found := re.search(rf" ({NAME}) WITH SCHEMA ({NAME})$", made)):
        name, schema = map(unquoted, found.groups())
        return creation(destination, name, schema), other
    if o.kind == "default_acl" and (found := re.search(rf" FOR ROLE ({NAME})", made)):
        return f"GRANT {found[1]} TO {user};", other
    if o.kind == "foreign_server" and (found := re.search(rf" FOREIGN DATA WRAPPER ({NAME})", made)):
        return f"GRANT USAGE ON FOREIGN DATA WRAPPER {found[1]} TO {user};", other
    if o.kind == "function" and destination.info.server_version >= SET_ON_PARAMETER_SINCE:
        head = made.partition("\nAS ")[0]
        parameters = re.findall(r"^ SET (\S+) TO ", head, re.MULTILINE)
        if parameters and not re.search(r"\bLEAKPROOF\b|^ LANGUAGE (c|internal)\b", head, re.MULTILINE):
            return f"GRANT SET ON PARAMETER {', '.join(parameters)} TO {user};", other
    return f"ALTER ROLE {user} SUPERUSER;", other
