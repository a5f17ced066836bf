-- Column properties set by ALTER COLUMN that nothing depends on: statistics target, storage, compression, attribute and
-- FDW options. A child inherits storage and compression from its parents at creation, so its own are always set.
-- Options that begin with pg_ are the server's own: since November 2026 it stores pg_attver for every column. FDW options
-- are the user's, whatever their names.
-- Reference: pg_dump.c getTableAttrs, dumpTableSchema, "additional per-column properties" (15.20, 18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , NULL::oid AS owner
     , array_agg(format('ALTER TABLE ONLY %s ALTER COLUMN %I %s', c.oid::regclass, a.attname, setting.clause)
                 ORDER BY a.attname, setting.rank) AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
 CROSS JOIN LATERAL (
       SELECT bool_or(p.attstorage <> a.attstorage) AS other_storage
            , bool_or(p.attcompression <> a.attcompression) AS other_compression                         --14+
         FROM pg_inherits i
         JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
        WHERE i.inhrelid = c.oid AND NOT c.relispartition) AS parent
 CROSS JOIN LATERAL (
       VALUES (1, CASE WHEN a.attstattarget >= 0 THEN format('SET STATISTICS %s', a.attstattarget) END)
            , (2, CASE WHEN a.attstorage <> t.typstorage OR parent.other_storage
                       THEN format('SET STORAGE %s', CASE a.attstorage
                                                         WHEN 'p' THEN 'PLAIN'
                                                         WHEN 'e' THEN 'EXTERNAL'
                                                         WHEN 'm' THEN 'MAIN'
                                                         ELSE 'EXTENDED'
                                                     END)
                   END)
            , (3, CASE WHEN a.attcompression <> '' OR parent.other_compression                           --14+
                       THEN format('SET COMPRESSION %s', CASE a.attcompression                           --14+
                                                             WHEN 'p' THEN 'pglz'                        --14+
                                                             WHEN 'l' THEN 'lz4'                         --14+
                                                             ELSE 'DEFAULT'                              --14+
                                                         END)                                            --14+
                   END)                                                                                  --14+
            , (4, (SELECT format('SET (%s)', string_agg(format('%I=%L', option_name, option_value), ', '))
                     FROM pg_options_to_table(a.attoptions)
                    WHERE option_name !~ '^pg_'
                   HAVING count(*) > 0))
            , (5, (SELECT format('OPTIONS (%s)', string_agg(format('%I %L', option_name, option_value), ', '))
                     FROM pg_options_to_table(a.attfdwoptions)
                   HAVING count(*) > 0))
       ) AS setting (rank, clause)
 WHERE c.relkind IN ('r', 'p', 'm', 'f')
   AND c.oid >= 16384
   -- Few columns have any of these: skip the others early.
   AND (a.attstattarget >= 0
        OR a.attstorage <> t.typstorage
        OR a.attcompression <> ''                                                                        --14+
        OR a.attoptions[1] !~ '^pg_'
        OR cardinality(a.attoptions) > 1
        OR a.attfdwoptions IS NOT NULL
        OR c.oid IN (SELECT inhrelid FROM pg_inherits))
   AND setting.clause IS NOT NULL
   AND (c.oid::bigint << 16) + a.attnum <> ALL (<without>)
 GROUP BY c.tableoid, c.oid
