-- The relations with these schemas and names: kind, columns, and the tables that inherit from them, partitions included.
  WITH RECURSIVE named AS (
       SELECT c.oid, n.nspname, c.relname, c.relkind
         FROM unnest(%s::text[], %s::text[]) AS wanted (schema, name)
         JOIN pg_namespace n ON n.nspname = wanted.schema
         JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
        WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
     )
     , heirs (root, oid) AS (
       SELECT oid, oid FROM named
        UNION
       SELECT h.root, i.inhrelid FROM heirs h JOIN pg_inherits i ON i.inhparent = h.oid
     )
SELECT n.nspname
     , n.relname
     , n.oid::bigint
     , n.relkind::text
     , ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = n.oid AND a.attnum > 0 AND NOT a.attisdropped
              ORDER BY a.attnum)
     , ARRAY(SELECT h.oid::bigint FROM heirs h WHERE h.root = n.oid)
  FROM named n
