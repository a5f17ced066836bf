-- The sizes in pg_class of tables and their indexes, tables first. The rows are this server's planner estimate: the last
-- count, scaled by the growth of the file since. An index follows its table.
-- Before 14, 0 rows also meant unknown.
-- Reference: pg_dump.c dumpRelationStats_dumper (18.6); plancat.c, estimate_rel_size.
SELECT n.nspname::text AS schema
     , c.relname::text AS name
     , wanted.tableid::regclass::text AS "table"
     , c.relpages AS pages
     , CASE
           WHEN c.relkind IN ('r', 'm', 'i') AND c.relpages > 0 AND c.reltuples > 0
           THEN c.reltuples::float8 * (pg_relation_size(c.oid) / current_setting('block_size')::int) / c.relpages
--<14            WHEN c.reltuples = 0 THEN -1
           ELSE c.reltuples
       END::float8 AS rows
     , CASE WHEN c.relpages > 0 THEN c.relallvisible::float8 / c.relpages ELSE 0 END AS visible
     , CASE WHEN c.relpages > 0 THEN c.relallfrozen::float8 / c.relpages ELSE 0 END AS frozen                     --18+
--<18      , NULL::float8 AS frozen
  FROM (SELECT oid, oid FROM unnest(%s::oid[]) AS given (oid)
         UNION ALL
        SELECT indexrelid, indrelid FROM pg_index WHERE indrelid = ANY (%s::oid[])) AS wanted (relid, tableid)
  JOIN pg_class c ON c.oid = wanted.relid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY wanted.relid <> wanted.tableid
