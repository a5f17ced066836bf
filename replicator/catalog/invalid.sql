-- Indexes left invalid by a failed CREATE INDEX CONCURRENTLY: in the copy they are valid, or missing if the rows do not
-- allow them. A partitioned index is invalid until every partition has its own.
SELECT x.tableoid::bigint AS classid
     , x.oid::bigint AS objid
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid AND x.relkind = 'i'
 WHERE x.oid >= 16384
   AND NOT (i.indisvalid AND i.indisready)
