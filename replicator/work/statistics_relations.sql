-- The sizes in pg_class of tables and their indexes, tables first, and their names on the destination.
-- The rows are this server's planner estimate: the last count, scaled by the growth of the file since.
-- An index follows its table.
-- Before 14, 0 rows also meant unknown.
-- Reference: pg_dump.c dumpRelationStats_dumper (18.6); plancat.c, estimate_rel_size.
SELECT n.nspname::text AS schema
     , c.relname::text AS name
     , given.target
     , (parse_ident(given.target))[1] AS target_schema
     , CASE WHEN wanted.relid = wanted.tableid THEN (parse_ident(given.target))[2] ELSE c.relname::text END AS target_name
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
  FROM unnest(%s::oid[], %s::text[]) AS given (oid, target)
 CROSS JOIN LATERAL (SELECT given.oid, given.oid
                      UNION ALL
                     SELECT indexrelid, indrelid FROM pg_index WHERE indrelid = given.oid) AS wanted (relid, tableid)
  JOIN pg_class c ON c.oid = wanted.relid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY wanted.relid <> wanted.tableid
