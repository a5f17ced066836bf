-- Tables and sequences with their names, to choose by: `part_of` is the partitioned table of a partition, or the table
-- that owns a sequence.
SELECT c.oid::bigint AS oid
     , c.oid::regclass::text AS identity
     , quote_ident(n.nspname) AS schema
     , quote_ident(c.relname) AS name
     , CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind
     , coalesce((SELECT i.inhparent FROM pg_inherits i WHERE c.relispartition AND i.inhrelid = c.oid)
              , (SELECT d.refobjid
                   FROM pg_depend d
                  WHERE c.relkind = 'S'
                    AND d.classid = 'pg_class'::regclass
                    AND d.objid = c.oid
                    AND d.refclassid = 'pg_class'::regclass
                    AND d.deptype IN ('a', 'i')
                  LIMIT 1))::bigint AS part_of
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'S')
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
