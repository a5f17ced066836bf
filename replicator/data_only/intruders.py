"""What somebody does to a table between the look at it and its copy: its triggers would run as the role that copies."""

from collections.abc import Iterator, Mapping

from psycopg import sql

FIRING = "AR"
"""The states of triggers that fire even as `replica`."""

# Before 15 a partition's own copy of a trigger is called internal, too.
CHECK = """
DECLARE
    changed text;
BEGIN
    SELECT string_agg(DISTINCT name, ', ') INTO changed
      FROM unnest({names}::text[], {oids}::oid[]) AS wanted (name, oid)
     CROSS JOIN CAST(to_regclass(name) AS oid) AS now
      LEFT JOIN LATERAL (SELECT now UNION SELECT relid FROM pg_partition_tree(now)) AS part (relid) ON true
      LEFT JOIN pg_trigger t
        ON t.tgrelid = part.relid
       AND strpos({firing}, t.tgenabled::text) > 0
       AND (t.tgtype & 32 <> 0) = {on_truncate}
       AND (NOT t.tgisinternal
            OR EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'P'
                          AND d.refclassid = 'pg_trigger'::regclass))
     WHERE t.oid IS NOT NULL OR now IS NULL OR now <> wanted.oid;
    IF changed IS NOT NULL THEN
        RAISE object_not_in_prerequisite_state
              USING MESSAGE = format('replaced, or given a trigger, meanwhile: %s', changed);
    END IF;
END"""


def none_fires(tables: Mapping[str, int | None], *, on_truncate: bool) -> Iterator[str]:
    """Yield what locks tables against new triggers, and fails if one fires, or a table has not the OID that is given.

    The names say ONLY where a table's children are not meant.
    """
    mode = "ACCESS EXCLUSIVE" if on_truncate else "ROW EXCLUSIVE"
    yield f"LOCK TABLE {', '.join(tables)} IN {mode} MODE"
    check = sql.SQL(CHECK).format(
        names=[name.removeprefix("ONLY ") for name in tables],
        oids=list(tables.values()),
        firing=FIRING,
        on_truncate=on_truncate,
    )
    yield sql.SQL("DO {}").format(check.as_string()).as_string()
