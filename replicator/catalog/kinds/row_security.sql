-- ALTER TABLE ... ENABLE and FORCE ROW LEVEL SECURITY.
-- Reference: pg_dump.c getPolicies, dumpPolicy, dumpTableSchema (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , NULL::oid AS owner
     , ARRAY[CASE WHEN c.relrowsecurity THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', c.oid::regclass) END
           , CASE WHEN c.relforcerowsecurity THEN format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', c.oid::regclass) END
            ] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_class c
 WHERE c.oid >= 16384
   AND (c.relrowsecurity OR c.relforcerowsecurity)
