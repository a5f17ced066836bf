-- ALTER TABLE ... ADD FOREIGN KEY. For partitioned tables only the topmost: the server creates those of the partitions.
-- In two steps, so that large tables are not locked during the check, except with partitioned tables: a referencing one
-- cannot have a NOT VALID key before 18, and for a referenced one VALIDATE would leave the partitions' part NOT VALID.
-- Reference: pg_dump.c getConstraints, addConstrChildIdxDeps, dumpConstraint (18.6).
-- A partition's own foreign key comes before its parent's of the same name, which gets another name in the partition,
-- but after an equal one of its parent, which would otherwise adopt it.
  WITH own AS (
       SELECT c.oid, c.conname, a.relid::oid AS root, pg_get_constraintdef(c.oid) AS definition
         FROM pg_constraint c
         JOIN pg_class t ON t.oid = c.conrelid AND t.relispartition
        CROSS JOIN LATERAL pg_partition_ancestors(c.conrelid) AS a (relid)
        WHERE c.contype = 'f'
          AND c.conparentid = 0
          AND a.relid <> c.conrelid
     )
SELECT c.tableoid AS classid
     , c.oid AS objid
     , NULL::oid AS owner
     , ARRAY[whole.statement] AS create
     , CASE WHEN plain.it THEN ARRAY[whole.statement || ' NOT VALID'] ELSE '{}' END AS stub
     , CASE WHEN plain.it
            THEN ARRAY[format('ALTER TABLE ONLY %s VALIDATE CONSTRAINT %I', c.conrelid::regclass, c.conname)]
            ELSE '{}'
        END AS finish
     -- A partitioned unique index is valid, and can be referenced, after those of all partitions are attached.
     , ARRAY(SELECT unnest(ARRAY['pg_inherits'::regclass, p.relid]::oid[])
               FROM pg_partition_tree(CASE x.relkind WHEN 'I' THEN c.conindid END) p
              WHERE p.level > 0)
       || ARRAY(SELECT unnest(ARRAY[c.tableoid, o.oid]) FROM own o WHERE o.root = c.conrelid AND o.conname = c.conname)
       || ARRAY(SELECT unnest(ARRAY[p.tableoid, p.oid])
                  FROM own o
                  JOIN pg_constraint p ON p.conrelid = o.root AND p.contype = 'f' AND p.conparentid = 0
                 WHERE o.oid = c.oid
                   AND o.conname <> p.conname
                   AND o.definition = pg_get_constraintdef(p.oid)) AS needs
     , c.conrelid::bigint AS relation
     , c.conkey AS numbers
     , ARRAY(SELECT quote_ident(a.attname)
               FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
              ORDER BY k.place) AS columns
     , c.confrelid::bigint AS referenced
     , ARRAY(SELECT quote_ident(a.attname)
               FROM unnest(c.confkey) WITH ORDINALITY AS k (attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum
              ORDER BY k.place) AS referenced_columns
     , c.convalidated AS valid
  FROM pg_constraint c
  JOIN pg_class t ON t.oid = c.conrelid
  JOIN pg_class x ON x.oid = c.conindid
 CROSS JOIN LATERAL (SELECT c.convalidated AND t.relkind = 'r' AND x.relkind = 'i') AS plain (it)
 CROSS JOIN LATERAL (SELECT format('ALTER TABLE %s%s ADD CONSTRAINT %I %s'
                                  , CASE WHEN t.relkind <> 'p' THEN 'ONLY ' END
                                  , c.conrelid::regclass
                                  , c.conname
                                  , pg_get_constraintdef(c.oid))) AS whole (statement)
 WHERE c.oid >= 16384
   AND c.contype = 'f'
   AND c.conparentid = 0
