-- The unlogged tables with rows of their own, and the unlogged sequences (15 and newer), that are copied: what a standby
-- cannot read. The parameter: of a standby only. Reference: catalog/tables.sql, catalog/sequences.sql.
SELECT c.oid::regclass::text
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'S')
   AND c.relpersistence = 'u'
   AND c.oid >= 16384
   AND (pg_is_in_recovery() OR NOT %s)
   AND (EXISTS (SELECT FROM pg_extension e WHERE c.oid = ANY (e.extconfig))
        OR n.nspname NOT IN ('pg_catalog', 'information_schema')
           AND NOT EXISTS (SELECT FROM pg_depend d
                            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
 ORDER BY c.oid::regclass::text
