-- These relations and their parents, with their columns.
  WITH attribute AS NOT MATERIALIZED (
       SELECT * FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
     )
SELECT c.oid::bigint AS oid
     , c.oid::regclass::text AS identity
     , c.relkind::text AS kind
     , c.relispartition AS partition
     , c.reloftype <> 0 AS typed
     , ARRAY(SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid) AS parents
     , ARRAY(SELECT a.attname::text FROM attribute a WHERE a.attrelid = c.oid ORDER BY a.attnum) AS names
     , ARRAY(SELECT a.attnum::int FROM attribute a WHERE a.attrelid = c.oid ORDER BY a.attnum) AS numbers
     , ARRAY(SELECT a.atttypid::bigint FROM attribute a WHERE a.attrelid = c.oid ORDER BY a.attnum) AS types
     , ARRAY(SELECT a.atttypmod FROM attribute a WHERE a.attrelid = c.oid ORDER BY a.attnum) AS modifiers
  FROM pg_class c
 CROSS JOIN (SELECT %s::bigint[]) AS given (oids)
 WHERE c.oid = ANY (given.oids::oid[])
    OR c.oid IN (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = ANY (given.oids::oid[]))
