-- ALTER TABLE ... CLUSTER ON.
-- Reference: pg_dump.c dumpIndex, dumpConstraint (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format('ALTER TABLE %s CLUSTER ON %I', t.oid::regclass, x.relname)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY[x.tableoid, x.oid] AS needs
  FROM pg_index i
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_class x ON x.oid = i.indexrelid
 WHERE i.indisclustered
   AND i.indisvalid
   AND i.indisready
   AND t.oid >= 16384
