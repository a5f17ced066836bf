-- Unlogged tables with rows of their own and unlogged sequences (from 15 on) that a clone copies: a standby cannot read
-- them. The parameter: return them only on a standby. Reference: catalog/tables.sql, catalog/sequences.sql.
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
