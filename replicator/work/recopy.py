"""Rows that come when all else is there: a crash emptied an unlogged table whose triggers and foreign keys are made."""

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
    """Return a copy of a table as it is done when the table's triggers and foreign keys are there: they do not act.

    It does not empty the table either, which foreign keys would forbid, and which would forget its statistics.
    Who may not set session_replication_role has foreign keys look at each row: where a table refers to one that is not
    filled again yet, the step fails.
    """
    if not isinstance(work, CopyTable) or not work.fresh:  # with --data-only triggers are thought of already
        return work
    become_replica(conn)
    table = work.target.relation
    triggers = conn.execute(TRIGGERS.encode(), [table, table]).fetchall()
    before, after = ([str(row[n]) for row in triggers] for n in (0, 1))
    return replace(work, fresh=False, before=(*work.before, *before), after=(*work.after, *after))
