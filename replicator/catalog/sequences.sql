-- Sequences whose values are copied: all, including those of identity columns and serials; of extensions' sequences only
-- those for configuration.
-- User objects in system schemas are skipped, as in pg_dump.
-- Reference: pg_dump.c dumpSequenceData.
SELECT ARRAY[c.tableoid::bigint, c.oid::bigint] AS address
     , c.oid::regclass::text AS identity
     , n.nspname::text AS schema
     , c.relpersistence = 'u' AS unlogged
     , config.extension
     , (SELECT ARRAY[d.refclassid::bigint, d.refobjid::bigint]
          FROM pg_depend d
         WHERE d.classid = c.tableoid AND d.objid = c.oid AND d.refclassid = c.tableoid AND d.deptype = 'i') AS "table"
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN (SELECT unnest(extconfig) AS relid, ARRAY[tableoid::bigint, oid::bigint] AS extension
               FROM pg_extension) AS config ON config.relid = c.oid
 WHERE c.relkind = 'S'
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
   AND (config.extension IS NOT NULL
        OR n.nspname NOT IN ('pg_catalog', 'information_schema')
           AND NOT EXISTS (SELECT FROM pg_depend d
                            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
 ORDER BY n.nspname, c.relname
