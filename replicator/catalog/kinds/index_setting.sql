-- SET STATISTICS for an index's expressions, including constraints' indexes (pg_dump omits those).
-- ALTER INDEX would also change the partitions' indexes and has no ONLY; ALTER TABLE does the same and has it.
-- Reference: pg_dump.c getIndexes, dumpIndex (18.6).
SELECT 'pg_class'::regclass AS classid
     , i.indexrelid AS objid
     , NULL::oid AS owner
     , array_agg(format('ALTER TABLE ONLY %s ALTER COLUMN %s SET STATISTICS %s'
                       , i.indexrelid::regclass, a.attnum, a.attstattarget) ORDER BY a.attnum) AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_attribute a ON a.attrelid = i.indexrelid
 WHERE a.attstattarget >= 0
   AND i.indexrelid >= 16384
   AND i.indislive
   AND (i.indisvalid OR t.relkind = 'p' OR x.relname !~ '_cc(new|old)[0-9]*$')
 GROUP BY i.indexrelid
