-- ALTER TABLE ATTACH PARTITION. It takes over the edge from the partition, created on its own, to its parent.
-- Reference: pg_dump.c getTables, dumpTableAttach (18.6).
SELECT 'pg_inherits'::regclass AS classid
     , i.inhrelid AS objid
     , NULL::oid AS owner
     , ARRAY[format('ALTER TABLE ONLY %s ATTACH PARTITION %s %s'
            , i.inhparent::regclass, i.inhrelid::regclass, pg_get_expr(c.relpartbound, c.oid))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY['pg_class'::regclass, i.inhrelid, 'pg_class'::regclass, i.inhparent]::oid[] AS needs
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition AND c.relkind IN ('r', 'p', 'f')
