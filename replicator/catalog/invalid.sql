-- Indexes that a failed CREATE INDEX CONCURRENTLY left behind: the copy has them valid, or lacks them where its rows
-- forbid them. A partitioned index is invalid while a partition lacks its own.
SELECT x.tableoid::bigint AS classid
     , x.oid::bigint AS objid
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid AND x.relkind = 'i'
 WHERE x.oid >= 16384
   AND NOT (i.indisvalid AND i.indisready)
