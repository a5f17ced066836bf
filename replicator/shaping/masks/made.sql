-- What of these columns is in the schema: checks that masked values must satisfy, and definitions that may have values.
SELECT k.conrelid::bigint AS relation
     , k.conname::text AS name
     , pg_get_expr(k.conbin, k.conrelid) AS text
     , 'check' AS kind
     , (SELECT array_agg(a.attname::text) FROM pg_attribute a
         WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS columns
     , NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = k.tableoid
                      AND d.objid = k.oid
                      AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
                      AND d.refobjid >= 16384) AS "own"
  FROM pg_constraint k
 WHERE k.contype = 'c'
   AND k.conrelid = ANY (%(relations)s)
 UNION ALL
SELECT d.adrelid, a.attname, pg_get_expr(d.adbin, d.adrelid), 'default', ARRAY[a.attname::text], true
  FROM pg_attrdef d
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated = ''
 WHERE d.adrelid = ANY (%(relations)s)
 UNION ALL
SELECT i.indrelid
     , i.indexrelid::regclass::text
     , pg_get_expr(i.indpred, i.indrelid)
     , 'condition of index'
     , (SELECT array_agg(a.attname::text) FROM pg_depend d
          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
           AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0)
     , true
  FROM pg_index i
 WHERE i.indpred IS NOT NULL
   AND i.indrelid = ANY (%(relations)s)
 UNION ALL
SELECT c.oid
     , c.oid::regclass::text
     , pg_get_expr(c.relpartbound, c.oid)
     , 'bounds of partition'
     , (SELECT array_agg(a.attname::text)
          FROM pg_inherits h
          JOIN pg_partitioned_table p ON p.partrelid = h.inhparent
          JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)
         WHERE h.inhrelid = c.oid)
     , true
  FROM pg_class c
 WHERE c.relispartition
   AND c.relpartbound IS NOT NULL
   AND c.oid = ANY (%(relations)s)
