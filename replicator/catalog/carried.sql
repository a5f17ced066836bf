-- Relations whose planner statistics can be transferred in full. ANALYZE is needed for statistics of ranges before 17
-- (pg_stats does not show them), of tables with rows that were never analyzed, and of statistics objects of other
-- owners; before 19 of any statistics objects (planning/statistics.py).
-- Reference: pg_dump.c getRelationStatistics (18.6).
SELECT c.tableoid::bigint AS classid
     , c.oid::bigint AS objid
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'f')
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
   AND CASE
           WHEN EXISTS (SELECT FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname)
           THEN (pg_has_role(c.relowner, 'USAGE')
                 OR NOT EXISTS (SELECT FROM pg_statistic_ext x WHERE x.stxrelid = c.oid))
--<17            AND NOT EXISTS (SELECT
--<17                              FROM pg_attribute a
--<17                              JOIN pg_type t ON t.oid = a.atttypid
--<17                              LEFT JOIN pg_type b ON b.oid = t.typbasetype
--<17                             WHERE a.attrelid = c.oid
--<17                               AND a.attnum > 0
--<17                               AND (t.typtype IN ('r', 'm') OR b.typtype IN ('r', 'm')))
           ELSE c.relkind = 'r'
                AND (coalesce(current_setting('replicator.only', true), '') = ''
                     OR c.oid = ANY ((SELECT current_setting('replicator.only')::oid[])::oid[]))
                AND pg_relation_size(c.oid) = 0
       END
