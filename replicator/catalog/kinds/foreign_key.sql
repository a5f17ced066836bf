-- ALTER TABLE ... ADD FOREIGN KEY. Of partitioned tables' only the topmost: the server makes those of the partitions.
-- Reference: pg_dump.c getConstraints, addConstrChildIdxDeps, dumpConstraint (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format('ALTER TABLE %s%s ADD CONSTRAINT %I %s'
                   , CASE WHEN t.relkind <> 'p' THEN 'ONLY ' END
                   , c.conrelid::regclass
                   , c.conname
                   , pg_get_constraintdef(c.oid))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     -- A partitioned unique index is valid, and can be referenced, when those of all partitions are attached.
     , ARRAY(SELECT unnest(ARRAY['pg_inherits'::regclass, p.relid]::oid[])
               FROM pg_partition_tree(CASE x.relkind WHEN 'I' THEN c.conindid END) p
              WHERE p.level > 0) AS needs
  FROM pg_constraint c
  JOIN pg_class t ON t.oid = c.conrelid
  JOIN pg_class x ON x.oid = c.conindid
 WHERE c.oid >= 16384
   AND c.contype = 'f'
   AND c.conparentid = 0
