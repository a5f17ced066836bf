"""`--data-only`: copy rows and sequence values into an existing schema.

    match tables and columns by name ─► drop foreign keys, truncate ─► rows ─► recreate or check foreign keys

If the role may set session_replication_role, foreign keys and ordinary triggers do not act, and each foreign key is
checked afterwards. Otherwise it must own the tables: foreign keys are dropped in the transaction that records them in
the journal, and recreated in the one that deletes that record. Triggers that would fire are disabled and enabled again
in the transaction that copies the rows, so a crash leaves none disabled.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

import psycopg

from replicator import checks, journal
from replicator.catalog.read import read_tables, read_targets
from replicator.catalog.relations import relations
from replicator.events import Emit, listed, saying
from replicator.journal.ownership import proven
from replicator.journal.run import Recorded
from replicator.model import Catalog, Finding, shown
from replicator.runs import resume
from replicator.runs.connect import refuse_or_note
from replicator.runs.endpoints import Endpoints
from replicator.runs.prepare import Prepared
from replicator.runs.reading import READING, content, in_one_encoding, read_stable
from replicator.runs.rows_only.counterparts import as_destination_tables
from replicator.runs.rows_only.foreign_keys import DroppedKey, read_dropped_keys
from replicator.runs.rows_only.match import Matched, check_types, match
from replicator.runs.rows_only.order import in_order
from replicator.runs.rows_only.plan_rows import CHECK, AffectedKey, make_plan, without_children
from replicator.runs.rows_only.refresh import changed, to_refresh
from replicator.runs.rows_only.sequences import common_sequences
from replicator.runs.rows_only.upsert import keys_for
from replicator.sessions import failures, locks, postgres
from replicator.sessions.postgres import REPLICA, Connection
from replicator.settings import Settings
from replicator.shaping.columns import of_source
from replicator.shaping.renames import new_names
from replicator.work.copying import encoding

LARGE_OBJECTS = "SELECT EXISTS (SELECT FROM pg_largeobject_metadata)"


@in_one_encoding
def _findings(ends: Endpoints, settings: Settings) -> list[Finding]:
    """Return the findings before tables are locked. Raises PreflightFailed if both databases are the same."""
    source, destination, previous = ends.snapshot.holder, ends.control.conn, ends.previous
    facts = checks.read_facts(source, settings.source_encoding), checks.read_facts(destination)
    checks.refuse(checks.same_database(*facts))
    copied = relations(source, settings)
    wanted = copied and copied.read
    findings = [
        *checks.check_destination(*facts, destination, resuming=True),
        *checks.check_source(source, wanted, large_objects=settings.reads_large_objects),
    ]
    findings += checks.check_choices(
        destination, settings.statistics, settings.toast_compression, settings.maintenance_work_mem
    )
    findings += checks.check_unlogged(source, wanted=settings.unlogged_rows, copied=wanted)
    if previous is None and settings.append and settings.resume != "no":
        nothing = "There is no unfinished run to resume, and --append would copy all rows, perhaps a second time."
        findings.append(Finding(nothing, "To append them once more, leave out --resume."))
    if previous is None and (status := journal.read_status(destination)):
        text = status.said if status.open else "The destination holds an unfinished run."
        findings.append(Finding(text, status.way_on))
    return findings


def prepare(ends: Endpoints, settings: Settings, emit: Emit) -> Prepared:
    """Match the two schemas and plan. Nothing is written. Raises PreflightFailed, SourceChanged."""
    source, destination, previous = ends.snapshot.holder, ends.control.conn, ends.previous
    refuse_or_note(_findings(ends, settings), emit)
    with saying(emit, READING):
        read = read_stable(ends, settings)
        source = ends.snapshot.holder  # a new session, if the catalogs were read again
        catalog, _, found = content(source, read, settings)
    refuse_or_note(found, emit)
    refuse_or_note(list(encoding.sample(ends.snapshot, catalog)), emit)
    if settings.truncate and not settings.allow_empty:
        refuse_or_note(list(checks.check_rows(source, catalog)), emit)
    if previous:
        catalog = resume.with_earlier_sizes(previous, catalog)
    existing = read_targets(destination, "targets")
    new = new_names(settings.definition.rename)
    attributes = of_source(source, settings.definition)
    matched = match(catalog.tables, read_targets(source, "targets", attributes), existing, new)
    types = read_targets(source, "target_types", attributes), read_targets(destination, "target_types")
    shorter = check_types(matched, *types, agreed=settings.allow_narrower_types)
    _check_lengths(source, matched, shorter, blanks=settings.allow_narrower_types)
    replica = _is_permitted(destination, REPLICA)
    keys = _foreign_keys(destination, matched, settings, replica=replica)
    triggers = read_targets(destination, "target_triggers")
    firing = [t for t in triggers if t.enabled in ("AR" if replica else "AO")]
    _check(destination, matched, existing, firing, settings, resuming=previous is not None)
    sequences, destination_values = common_sequences(catalog, source, destination, matched, new)
    if catalog.large_objects:
        created_by_us = previous is not None and any(step.name.startswith("large objects ") for step in previous.steps)
        _check_large_objects(source, destination, catalog, matched, created_by_us=created_by_us)
    changes = changed(matched.targets, emptied=settings.truncate)
    filled = read_targets(destination, "target_matviews")
    views = to_refresh(filled, changes, catalog, matched, user=destination.info.user)
    merged_by = keys_for(destination, matched) if settings.upsert else None
    refuse_or_note(matched.findings, emit)
    dropped_before = read_dropped_keys(destination) if previous else []
    keys = sorted([*map(AffectedKey, dropped_before), *keys], key=lambda key: key.name)
    source_catalog = catalog
    catalog = replace(catalog, objects=(), sequences=sequences, populated=frozenset(), invalid=frozenset())
    destination_tables = read_tables(destination)
    calling = {table.address for table in destination_tables if table.calls}
    indexes = {r.identity: r.functions for r in read_targets(destination, "target_indexes")}
    copying = [target for target in matched.targets if not target.table.empty]
    ordered = partial(in_order, source_catalog, copying, calling=calling, indexes=indexes)
    plan = make_plan(
        catalog, matched.targets, keys, firing, views, settings, replica=replica, ordered=ordered, merged_by=merged_by
    )
    compared = tuple(target.copied for target in matched.targets)
    return Prepared(
        replace(catalog, tables=compared),
        plan,
        compare_with=replace(
            catalog,
            version=destination.info.server_version,
            tables=tuple(as_destination_tables(matched.targets, destination_tables)),
            sequences=destination_values,
        ),
    )


def _check_large_objects(
    source: Connection, destination: Connection, catalog: Catalog, matched: Matched, *, created_by_us: bool
) -> None:
    """Refuse missing owners and grantees, and existing large objects unless an earlier run created them."""
    alone = replace(catalog, objects=())
    matched.findings += checks.check_roles(source, destination, alone)
    matched.findings += checks.check_memberships(source, destination, alone, agreed=False)
    if not created_by_us and destination.execute(LARGE_OBJECTS).fetchall() == [(True,)]:
        # Whose they are is not known: an earlier run's journal is gone, and other tables may refer to these OIDs.
        matched.refuse(
            "Source and destination both have large objects, whose OIDs may collide. --truncate does not delete them.",
            "Leave them out with --no-large-objects, or delete the destination's:"
            " SELECT lo_unlink(oid) FROM pg_largeobject_metadata;",
        )


def _is_permitted(conn: Connection, *statements: str) -> bool:
    """Tell whether the role may run these statements: run them, and roll back."""
    try:
        with conn.transaction(force_rollback=True):
            for each in statements:
                conn.execute(each)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _foreign_keys(destination: Connection, matched: Matched, settings: Settings, *, replica: bool) -> list[AffectedKey]:
    """Return the foreign keys of the tables that get rows; refuse those that block the run."""
    tops = {target.top for target in matched.targets}
    filled = {target.top for target in matched.targets if not target.table.empty}
    rows = read_targets(destination, "target_foreign_keys")
    outside = sorted(
        {f"{r.referencing} ({r.name})" for r in rows if r.referenced in tops and r.referencing not in tops}
    )
    if settings.truncate and outside:
        matched.refuse(
            f"Tables that are not copied have foreign keys to tables that --truncate would empty: {listed(outside)}.",
            "Drop these foreign keys for the run, or use --append.",
        )
    keys = [
        AffectedKey(_as_dropped_key(r), r.check, r.owned)
        for r in rows
        if r.referencing in (filled if r.enforced or not settings.truncate else tops)
        or (settings.upsert and replica and r.referenced in filled)  # what it refers to may change
    ]
    if not replica and (others := [key.name for key in keys if not key.owned]):
        matched.refuse(
            f'"{destination.info.user}" does not own all tables whose foreign keys must be disabled: {listed(others)}.',
            f"Connect as their owner, or from PostgreSQL 15 on: GRANT SET ON PARAMETER session_replication_role TO"
            f" {postgres.quoted(destination.info.user)};",
        )
    return keys


def _as_dropped_key(row: Any) -> DroppedKey:
    facts = {field.name: getattr(row, field.name) for field in fields(DroppedKey)}
    return DroppedKey(**{**facts, "name": f"foreign_key {row.name} on {row.identity}"})


def _check(
    destination: Connection,
    matched: Matched,
    existing: Iterable[Any],
    firing: Iterable[Any],
    settings: Settings,
    *,
    resuming: bool,
) -> None:
    """Refuse missing privileges on the tables, and existing rows."""
    user = destination.info.user
    by_name = {r.identity: r for r in existing}
    tops = sorted({target.top for target in matched.targets})
    into = [by_name[name] for name in sorted({target.name for target in matched.targets})]
    privilege = {"INSERT": [r.identity for r in into if not r.insertable]}
    if settings.truncate:
        privilege["TRUNCATE"] = [top for top in tops if not by_name[top].truncatable]
    for word, names in privilege.items():
        if names:
            matched.refuse(
                f'On the destination, role "{user}" has no {word} privilege on {listed(names)}.',
                " ".join(f"GRANT {word} ON {name} TO {postgres.quoted(user)};" for name in names),
            )
    if secured := [r.identity for r in into if r.secured]:
        run = f"ALTER ROLE {postgres.quoted(user)} BYPASSRLS;"
        matched.refuse(f"COPY is blocked by row security on the destination: {listed(secured)}.", run)
    about = [t for t in firing if t.root in set(tops)]
    if about and not _is_permitted(destination, *(t.disable for t in about)):
        matched.refuse(
            f'On the destination, role "{user}" may not disable triggers that would fire on'
            f" {listed(sorted({t.relation for t in about}))}.",
            "Connect as the owner of these tables, or as a superuser.",
        )
    if not (settings.truncate or settings.append or settings.upsert or resuming):
        words = (without_children(top, partitioned=by_name[top].partitioned) for top in tops)
        full = [top for top, definition in zip(tops, words, strict=True) if _has_rows(destination, definition)]
        if full:
            matched.refuse(
                f"The destination's tables already have rows: {listed(full)}.",
                "Use --truncate or --append, or merge rows by their keys with --upsert.",
            )


def _check_lengths(
    source: Connection, matched: Matched, most: Mapping[str, Mapping[str, int]], *, blanks: bool
) -> None:
    """Refuse values that are too long for the destination, which would fail late, or lose trailing blanks silently.

    `blanks`: trailing blanks may be cut off.
    """
    long = []
    copied = {target.table.identity: target.copied for target in matched.targets}
    rows = {name: table.reading.rows(table.target.columns) for name, table in copied.items()}
    for table, columns in most.items():
        length = "char_length(rtrim({0}, ' '))" if blanks else "char_length({0})"
        tests = ", ".join(f"bool_or(octet_length({c}) > {n} AND {length.format(c)} > {n})" for c, n in columns.items())
        (found,) = source.execute(f"SELECT {tests} FROM {rows[table]}", prepare=True).fetchall()
        long += [f"{table}.{c} ({n})" for (c, n), is_longer in zip(columns.items(), found, strict=True) if is_longer]
    if long:
        hint = "Widen them there." + ("" if blanks else " --allow-narrower-types cuts trailing blanks off.")
        matched.refuse(f"Values are longer than the destination's columns: {listed(long)}.", hint)


def _has_rows(conn: Connection, table: str) -> bool:
    with locks.reading(conn, [table.removeprefix("ONLY ")]):
        return bool(conn.execute(f"SELECT FROM {table} LIMIT 1").fetchall())


def restore_foreign_keys(conn: Connection, steps: Iterable[Recorded]) -> list[str]:
    """Recreate the foreign keys that an unfinished run dropped, and check those that it did not; drop its journal.

    Returns notes about those that the rows violate, which become NOT VALID. Raises psycopg.Error if one cannot be
    recreated; the journal keeps it.
    """
    unchecked = {step.name for step in steps if not step.done}
    not_validated: list[str] = []
    for row in read_targets(conn, "target_foreign_keys"):
        key = _as_dropped_key(row)
        if row.check and CHECK.format(key.name) in unchecked:
            not_validated += _judge(conn, key, row.check)
    for key in read_dropped_keys(conn):
        with proven(conn):
            try:
                with conn.transaction():
                    _execute(conn, key.create)
            except psycopg.errors.ForeignKeyViolation as error:
                _execute(conn, key.not_valid.create)
                why = failures.violation(error)
                not_validated.append(f"{shown(key.name)} was recreated as NOT VALID, since rows violate it: {why}")
            conn.execute(key.journal_delete)
    journal.drop(conn)
    return not_validated


def _judge(conn: Connection, key: DroppedKey, check: str) -> Iterator[str]:
    """Make a foreign key NOT VALID if rows that were loaded while it did not act violate it."""
    try:
        with conn.transaction():
            _execute(conn, (postgres.NO_VIEWS, check))
    except psycopg.errors.ForeignKeyViolation as error:
        why = failures.violation(error)
        try:
            with conn.transaction():
                _execute(conn, (key.drop, *key.not_valid.create))
            yield f"{shown(key.name)} is NOT VALID now, since rows violate it: {why}"
        except psycopg.Error as refused:  # another owner, or a partitioned table before 18
            yield (
                f"Rows violate {shown(key.name)}, which counts as valid: {why} It could not become NOT VALID:"
                f" {failures.one_line(refused)}"
            )


def _execute(conn: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        conn.execute(statement)
