-- Populated materialized views: they are refreshed on the destination.
SELECT tableoid::bigint AS classid
     , oid::bigint AS objid
  FROM pg_class
 WHERE relkind = 'm'
   AND relispopulated
   AND oid >= 16384
