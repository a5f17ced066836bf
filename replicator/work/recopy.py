"""Copies rows into a table that already has its triggers and foreign keys: an unlogged one that a crash emptied."""

from dataclasses import replace

from replicator.model import CopyTable, Work
from replicator.sessions.postgres import Connection, become_replica

TRIGGERS = """
SELECT format('ALTER TABLE ONLY %%s DISABLE TRIGGER %%I', t.tgrelid::regclass, t.tgname)
     , format('ALTER TABLE ONLY %%s ENABLE %%s TRIGGER %%I', t.tgrelid::regclass
            , CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' END, t.tgname)
  FROM pg_trigger t
 WHERE NOT t.tgisinternal
   AND t.tgenabled <> 'D'
   AND t.tgrelid IN (SELECT %s::regclass UNION SELECT relid FROM pg_partition_tree(%s::regclass))
"""


def late(conn: Connection, work: Work) -> Work:
    """Return the work to copy a table that has its triggers and foreign keys already: they do not fire.

    The table is not truncated, which foreign keys would forbid, and which would reset its statistics. If the role may
    not set session_replication_role, foreign keys check each row: if a referenced table is not filled again yet, the
    step fails.
    """
    if not isinstance(work, CopyTable) or not work.fresh:  # --data-only has handled triggers already
        return work
    become_replica(conn)
    table = work.target.relation
    triggers = conn.execute(TRIGGERS.encode(), [table, table]).fetchall()
    before, after = ([str(row[n]) for row in triggers] for n in (0, 1))
    return replace(work, fresh=False, before=(*work.before, *before), after=(*work.after, *after))
