-- Statements that lock every table, or those whose OIDs are the parameters, against DDL, a hundred names at a time,
-- with the OIDs of these tables: partitions last. Of extensions' tables only those for configuration, whose rows are
-- read.
-- pg_get_*def and format_type read the current catalogs, not the snapshot: nothing may change from here on.
-- Reference: pg_dump.c getTables.
SELECT format('LOCK TABLE ONLY %%s IN ACCESS SHARE MODE', string_agg(identity, ', ONLY ')) AS statement
     , array_agg(oid) AS oids
  FROM (SELECT c.oid::regclass::text AS identity
             , c.oid::bigint AS oid
             , (row_number() OVER (ORDER BY c.relispartition, c.oid) - 1) / 100 AS part
          FROM pg_class c
         WHERE c.relkind IN ('r', 'p')
           AND c.relpersistence <> 't'
           AND c.oid >= 16384
           AND (%s::bigint[] IS NULL OR c.oid = ANY (%s::oid[]))
           -- Skip unreadable tables here: they block the clone, and are reported with all other findings.
           AND has_schema_privilege(c.relnamespace, 'USAGE')
           AND has_table_privilege(c.oid, 'SELECT')
           AND (EXISTS (SELECT FROM pg_extension e WHERE c.oid = ANY (e.extconfig))
                OR NOT EXISTS (SELECT FROM pg_depend d
                                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
       ) numbered
 GROUP BY part
 ORDER BY part
