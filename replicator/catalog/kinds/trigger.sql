-- CREATE TRIGGER and its enabled state; for a partition's clone only the state, if it differs from the parent's.
-- Reference: pg_dump.c getTriggers, dumpTrigger, append_depends_on_extension (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , NULL::oid AS owner
     , ARRAY[CASE WHEN parent.oid IS NULL THEN pg_get_triggerdef(t.oid) END
           , CASE WHEN t.tgenabled <> coalesce(parent.tgenabled, 'O')
                  THEN format('ALTER TABLE %s %s TRIGGER %I'
                             , t.tgrelid::regclass
                             , CASE t.tgenabled
                                   WHEN 'O' THEN 'ENABLE'
                                   WHEN 'D' THEN 'DISABLE'
                                   WHEN 'R' THEN 'ENABLE REPLICA'
                                   WHEN 'A' THEN 'ENABLE ALWAYS'
                               END
                             , t.tgname)
              END]
       || ARRAY(SELECT format('ALTER TRIGGER %I ON %s DEPENDS ON EXTENSION %I'
                             , t.tgname, t.tgrelid::regclass, e.extname)
                  FROM pg_depend d
                  JOIN pg_extension e ON e.oid = d.refobjid
                 WHERE d.classid = t.tableoid
                   AND d.objid = t.oid
                   AND d.refclassid = e.tableoid
                   AND d.deptype = 'x'
                   AND parent.oid IS NULL
                 ORDER BY e.extname) AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY(SELECT unnest(ARRAY['pg_inherits'::regclass, a.relid]::oid[])
               FROM pg_partition_ancestors(t.tgrelid) AS a (relid)
              WHERE parent.oid IS NOT NULL) AS needs
  FROM pg_trigger t
  LEFT JOIN pg_trigger parent ON parent.oid = t.tgparentid --13+
--<13   LEFT JOIN pg_depend d ON d.classid = t.tableoid AND d.objid = t.oid AND d.refclassid = t.tableoid
--<13   LEFT JOIN pg_trigger parent ON parent.oid = d.refobjid
 WHERE CASE WHEN parent.oid IS NULL THEN NOT t.tgisinternal ELSE t.tgenabled <> parent.tgenabled END
   AND NOT t.tgisinternal --15+
