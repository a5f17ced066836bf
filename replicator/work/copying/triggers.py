"""Detects tables that were replaced, or got a trigger, before their copy: it would run as the copying role."""

from collections.abc import Iterable, Iterator, Mapping

from psycopg import sql

from replicator.errors import StepFailed
from replicator.sessions import failures
from replicator.sessions.postgres import Connection

# Before 15 a partition's copy of a trigger is internal, too. A view can have triggers that take rows. count(*), not
# EXISTS or joins: so the planner always uses indexes, however large the database is.
CHANGED = """
SELECT string_agg(DISTINCT name, ', ')
  FROM unnest({names}::text[], {oids}::oid[]) AS wanted (name, oid)
 CROSS JOIN CAST(to_regclass(name) AS oid) AS now
 CROSS JOIN LATERAL (SELECT now UNION SELECT relid FROM pg_partition_tree(now)) AS part (relid)
 WHERE now IS NULL
    OR now <> wanted.oid
    OR (SELECT relkind FROM pg_class WHERE oid = part.relid) NOT IN ('r', 'p', 'f')
    OR (SELECT count(*)
          FROM pg_trigger t
         WHERE t.tgrelid = part.relid
           AND t.tgenabled <> 'D'
           AND t.tgenabled <> CASE current_setting('session_replication_role') WHEN 'replica' THEN 'O' ELSE 'R' END
           AND ((t.tgtype & 32 <> 0) = {on_truncate} OR {on_truncate}::bool IS NULL)
           AND (NOT t.tgisinternal
                OR (SELECT count(*)
                      FROM pg_depend d
                     WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'P'
                       AND d.refclassid = 'pg_trigger'::regclass) > 0)) > 0"""
BLANK = """
SELECT name
  FROM unnest({}::text[]) AS name
 WHERE pg_relation_size(to_regclass(name)) = 0"""
CHECK = """
DECLARE
    changed text := ({changed});
BEGIN
    IF changed IS NOT NULL THEN
        RAISE object_not_in_prerequisite_state
              USING MESSAGE = format('replaced, or given a trigger, during the clone: %s', changed);
    END IF;
END"""


def none_fires(tables: Mapping[str, int | None], *, on_truncate: bool) -> Iterator[str]:
    """Yield the statements that lock tables against new triggers, and fail if one would fire or an OID is different.

    Names include ONLY if a table's children are not meant.
    """
    yield _lock(tables, exclusive=on_truncate)
    changed = sql.SQL(_changed(tables, on_truncate=on_truncate))
    yield sql.SQL("DO {}").format(sql.SQL(CHECK).format(changed=changed).as_string()).as_string()


def refuse(conn: Connection, tables: Mapping[str, bool]) -> set[str]:
    """Lock tables that this run has created, and check that none has got a trigger. Raises StepFailed.

    Their owners may have access before the rows are copied. Each comes with whether it is locked exclusively, so that
    nobody else can load rows into it. Returns those that never had a row.
    """
    names = list(tables)
    alike = [(exclusive, [n for n in names if tables[n] is exclusive]) for exclusive in (True, False)]
    locks = [_lock(some, exclusive=exclusive) for exclusive, some in alike if some]
    query = _changed(dict.fromkeys(names), on_truncate=None)
    blank = sql.SQL(BLANK).format(names).as_string()
    with failures.on("destination"):
        cursor = conn.execute(sql.SQL("; ".join([*locks, query, blank])))
        for _ in locks:
            cursor.nextset()
        ((changed,),) = cursor.fetchall()
        cursor.nextset()
        found = {name for (name,) in cursor.fetchall()}
    if changed:
        raise StepFailed(
            f"data {changed}",
            "somebody replaced this table or gave it a trigger, which would run with the rights of the copying role",
            hint="Drop the trigger, and keep others out of the destination until the clone is done.",
        )
    return found


def _lock(tables: Iterable[str], *, exclusive: bool) -> str:
    return f"LOCK TABLE {', '.join(tables)} IN {'ACCESS' if exclusive else 'ROW'} EXCLUSIVE MODE"


def _changed(tables: Mapping[str, int | None], *, on_truncate: bool | None) -> str:
    """Return the query for tables that were replaced or have a trigger that fires; None: on any event."""
    names = [name.removeprefix("ONLY ") for name in tables]
    query = sql.SQL(CHANGED).format(names=names, oids=list(tables.values()), on_truncate=sql.Literal(on_truncate))
    return query.as_string()
