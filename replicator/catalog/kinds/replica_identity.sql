-- ALTER TABLE ... REPLICA IDENTITY, if it is not the default. Nothing if its index was dropped or is invalid.
-- Reference: pg_dump.c dumpTableSchema, dumpIndex, dumpConstraint (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format('ALTER TABLE ONLY %s REPLICA IDENTITY %s'
                   , t.oid::regclass
                   , CASE t.relreplident
                          WHEN 'f' THEN 'FULL'
                          WHEN 'n' THEN 'NOTHING'
                          ELSE format('USING INDEX %I', x.relname)
                      END)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , CASE WHEN x.oid IS NULL THEN '{}' ELSE ARRAY[x.tableoid, x.oid] END AS needs
  FROM pg_class t
  LEFT JOIN pg_index i ON i.indrelid = t.oid
                      AND i.indisreplident
                      AND (i.indisvalid OR t.relkind = 'p')
                      AND i.indisready
  LEFT JOIN pg_class x ON x.oid = i.indexrelid
 WHERE t.oid >= 16384
   AND t.relkind IN ('r', 'p', 'm')
   AND (t.relreplident IN ('f', 'n') OR x.oid IS NOT NULL)
