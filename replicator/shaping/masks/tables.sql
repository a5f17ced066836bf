-- All tables, and the tables that each inherits from, or is a partition of.
SELECT c.oid::bigint AS oid
     , n.nspname::text AS schema
     , c.relname::text AS name
     , c.oid::regclass::text AS identity
     , c.relispartition AS partition
     , ARRAY(SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid) AS parents
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p')
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
