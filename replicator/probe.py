"""Are the servers there, and may a clone begin? Readiness by trying to connect, then findings; a fatal one stops."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from replicator import events, journal, postgres
from replicator.errors import ConnectionFailed, NotReady, PreflightFailed
from replicator.events import Emit, size_text
from replicator.model import Catalog, Loss, Statistics
from replicator.postgres import Connection

STATISTICS_SINCE = 180000
GB = 1024**3
LARGE = 4 * GB
"""Below this, no setting is worth a word."""
MANY_CHECKPOINTS = 10
SMALL_BUFFERS = GB // 8


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to know of a database before it is copied. `size` is in bytes."""

    system: str
    database: str
    version: str
    encoding: str
    collation: str
    size: int
    standby: bool
    read_only: bool
    user: str
    can_create: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the way of a clone, or worth knowing. `hint` says what to do."""

    text: str
    hint: str
    fatal: bool = True


def wait(server: str, dsn: str, *, attempts: int, delay: float, emit: Emit) -> Facts:
    """Try to connect until the server answers. Raises NotReady when it never does, ConnectionFailed when it never will.

    `server` is the word for it, source or destination; `delay` is in seconds.
    """
    where = postgres.describe(dsn)
    for attempt in range(1, attempts + 1):
        try:
            with postgres.connect(dsn, application="probe") as conn:
                facts = read_facts(conn)
            emit(events.Ready(server, where, facts.version))
            return facts
        except (psycopg.OperationalError, psycopg.ProgrammingError, UnicodeError) as error:
            reason = postgres.one_line(error).split(" Is the server running", 1)[0]  # libpq asks; we are about to
            if not postgres.may_pass(error):
                raise ConnectionFailed(f"The {server} {where} refuses the connection: {reason}") from error
            if attempt == attempts:
                raise NotReady(
                    f"The {server} {where} was not ready after {attempts} attempts: {reason}",
                    hint="Check host and port; --wait-attempts and --wait-delay allow it more time.",
                ) from error
            emit(events.Waiting(server, where, attempt, attempts, delay, reason))
            time.sleep(delay)
    raise NotReady(f"The {server} {where} was not tried: --wait-attempts is less than 1.")


def read_facts(conn: Connection) -> Facts:
    """Return the facts of the connection's database."""
    with conn.cursor(row_factory=class_row(Facts)) as cursor:
        facts = cursor.execute(postgres.script("facts")).fetchone()
    assert facts is not None
    return facts


def check(source: Connection, destination: Connection, *, resuming: bool = False) -> list[Finding]:
    """Return all that stands in the way of copying `source` into `destination`, and what is worth knowing.

    `resuming`: what an earlier run left is wanted.
    """
    here, there = read_facts(source), read_facts(destination)
    findings = [*_same(here, there), *_state(there), *_encodings(here, there)]
    findings += [*_unreadable(source), *_left_out(source)]
    if not resuming:
        findings += _leftovers(destination)
    if not resuming and not any(f.fatal for f in findings):
        findings += _occupied(destination)
    return findings


def check_catalog(source: Connection, destination: Connection, catalog: Catalog, *, roles: bool) -> list[Finding]:
    """Return what these objects need and the destination lacks: extensions, and the roles that they name.

    `roles`: those that are missing will be made.
    """
    findings = [*_extensions(destination, catalog), *([] if roles else _roles(source, destination, catalog))]
    return [*findings, *_slow(destination, sum(table.bytes for table in catalog.tables))]


def check_choices(
    destination: Connection, statistics: Statistics | None, toast_compression: str | None
) -> list[Finding]:
    """Return what of the user's choices the destination cannot do."""
    version = str(destination.info.parameter_status("server_version"))
    findings = []
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
    return findings


def check_losses(losses: Iterable[Loss], destination: Connection, *, agreed: bool) -> list[Finding]:
    """Return what the destination cannot hold: a note for each, and what stands in the way unless that was agreed to.

    What is said of a built-in object that the destination does not have stands in nobody's way.
    """
    losses = sorted(losses, key=lambda loss: (loss.rows is None, not loss.whole))
    version = destination.info.server_version // 10000
    findings = [Finding(f"PostgreSQL {version} has no place for it: {loss}", "", fatal=False) for loss in losses]
    fatal = [str(loss) for loss in losses if loss.fatal]
    if fatal and not agreed:
        return [
            Finding(
                f"The destination, PostgreSQL {version}, cannot hold these things of the source: " + "; ".join(fatal),
                "Clone with --downgrade, which leaves out what is listed, or into a newer server.",
            )
        ]
    return findings


def refuse(findings: Iterable[Finding]) -> None:
    """Raise PreflightFailed if one of the findings is fatal."""
    fatal = [finding for finding in findings if finding.fatal]
    if fatal:
        raise PreflightFailed(" ".join(f.text for f in fatal), hint=" ".join(f.hint for f in fatal if f.hint))


def _same(source: Facts, destination: Facts) -> Iterable[Finding]:
    if (source.system, source.database) == (destination.system, destination.database):
        yield Finding(
            f'Source and destination are the same database, "{source.database}" of the same server.',
            "Name another database as the destination.",
        )


def _leftovers(destination: Connection) -> Iterable[Finding]:
    if status := journal.read_status(destination):
        yield Finding(
            f"An earlier clone into the destination did not finish: {status.done} of {status.steps} steps are done.",
            "`clone --resume` finishes it; `status` tells more; `clean` removes what it left.",
        )


def _state(destination: Facts) -> Iterable[Finding]:
    if destination.standby:
        yield Finding("The destination is a standby: nothing can be written to it.", "Connect to the primary.")
    elif destination.read_only:
        yield Finding(
            "The destination is read-only (default_transaction_read_only is on).",
            "Turn it off for this role or database: ALTER DATABASE … SET default_transaction_read_only = off.",
        )
    elif not destination.can_create:
        yield Finding(
            f'The role "{destination.user}" may not create schemas in the destination database.',
            f'Run there: GRANT CREATE ON DATABASE "{destination.database}" TO "{destination.user}";',
        )


def _encodings(source: Facts, destination: Facts) -> Iterable[Finding]:
    if destination.encoding not in (source.encoding, "UTF8", "SQL_ASCII"):
        yield Finding(
            f"The destination's encoding {destination.encoding} cannot hold all that the source's"
            f" {source.encoding} can.",
            f"Create the destination with CREATE DATABASE … ENCODING '{source.encoding}' TEMPLATE template0.",
        )
    if source.collation != destination.collation:
        yield Finding(
            f"Text is sorted by {source.collation} on the source and by {destination.collation} on the destination.",
            "Queries may order rows differently.",
            fatal=False,
        )


def _unreadable(source: Connection) -> Iterable[Finding]:
    rows = source.execute(postgres.script("unreadable")).fetchall()
    if rows:
        names = ", ".join(row[0] for row in rows[:10]) + (f" and {len(rows) - 10} more" if len(rows) > 10 else "")
        yield Finding(
            f"The source role may not read all rows of: {names}.",
            "Run on the source: " + " ".join(dict.fromkeys(row[1] for row in rows)),
        )
    if source.execute("SELECT to_regnamespace('replicator') IS NOT NULL").fetchall()[0][0]:
        yield Finding(
            "The source has a schema named replicator, the name that the journal has on the destination.",
            "Rename it, or `clean` the source if it is the journal of an earlier clone into it.",
        )


def _left_out(source: Connection) -> Iterable[Finding]:
    for (text,) in source.execute(postgres.script("left_out")).fetchall():
        yield Finding(text, "", fatal=False)


def _occupied(destination: Connection) -> Iterable[Finding]:
    rows = [row[0] for row in destination.execute(postgres.script("occupied")).fetchall()]
    if rows:
        more = " and more" if len(rows) > 5 else ""
        yield Finding(
            f"The destination is not empty: it has {', '.join(rows[:5])}{more}.",
            "Clone into a new database: CREATE DATABASE … TEMPLATE template0.",
        )


def _extensions(destination: Connection, catalog: Catalog) -> Iterable[Finding]:
    wanted = [o.identity for o in catalog.objects if o.kind == "extension"]
    rows = destination.execute(
        "SELECT w.name FROM unnest(%s::text[]) AS w (name)"
        " WHERE NOT EXISTS (SELECT FROM pg_available_extensions a WHERE quote_ident(a.name) = w.name)",
        [wanted],
    ).fetchall()
    if rows:
        yield Finding(
            f"The destination server lacks extensions that the source uses: {', '.join(row[0] for row in rows)}.",
            "Install their packages on the destination server.",
        )


def _slow(destination: Connection, bytes: int) -> Iterable[Finding]:
    """Yield the settings that hold a large load back; synchronous_commit is off in the sessions of a clone anyway."""
    if bytes < LARGE:
        return
    sizes = {
        name: int(size)
        for name, size in destination.execute(
            "SELECT name, pg_size_bytes(current_setting(name)) FROM unnest(%s::text[]) AS name",
            [["max_wal_size", "shared_buffers"]],
        )
    }
    wal_level, archive_mode, spread = destination.execute(
        "SELECT current_setting('wal_level'), current_setting('archive_mode'),"
        " current_setting('checkpoint_completion_target')::float8"
    ).fetchall()[0]
    load = size_text(bytes)
    if wal_level != "minimal":
        checkpoints = round(bytes * (1 + spread) / sizes["max_wal_size"])
        if checkpoints > MANY_CHECKPOINTS:
            wanted = min(64, 2 ** (bytes // 4 // GB).bit_length())
            yield Finding(
                f"max_wal_size is {size_text(sizes['max_wal_size'])} on the destination and {load} will be loaded:"
                f" about {checkpoints} checkpoints.",
                f"Fewer with: ALTER SYSTEM SET max_wal_size = '{wanted}GB'; SELECT pg_reload_conf();",
                fatal=False,
            )
        archived = f", and archived, since archive_mode is {archive_mode}" if archive_mode != "off" else ""
        yield Finding(
            f"wal_level is {wal_level} on the destination: {load} will be written to WAL as well{archived}.",
            "Without standbys and archive: ALTER SYSTEM SET wal_level = 'minimal';"
            " ALTER SYSTEM SET max_wal_senders = 0; ALTER SYSTEM SET archive_mode = 'off';"
            " then restart, and set them back afterwards.",
            fatal=False,
        )
    if sizes["shared_buffers"] < SMALL_BUFFERS:
        yield Finding(
            f"shared_buffers is {size_text(sizes['shared_buffers'])} on the destination and {load} will be loaded.",
            "A quarter of its memory is usual: ALTER SYSTEM SET shared_buffers = …; then restart.",
            fatal=False,
        )


def _roles(source: Connection, destination: Connection, catalog: Catalog) -> Iterable[Finding]:
    owned = Counter(o.owner for o in catalog.objects if o.owner)
    privileges = any(o.kind == "acl" for o in catalog.objects)
    named = {row[0] for row in source.execute(postgres.script("named_roles"), [privileges]).fetchall()}
    missing = destination.execute(
        "SELECT w.name FROM unnest(%s::text[]) AS w (name)"
        " WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.name) ORDER BY w.name",
        [sorted(named | owned.keys())],
    ).fetchall()
    for (role,) in missing:
        if role.startswith("pg_"):
            continue  # one of a newer server's own: the rehearsal tells what cannot be said of it
        part = f"owns {owned[role]} objects" if owned[role] else "has privileges or is named by policies"
        yield Finding(
            f'The destination has no role "{role}", who {part} on the source.',
            f'Run there: CREATE ROLE "{role}"; or clone with --roles, or with --no-owner and --no-acl.',
        )
