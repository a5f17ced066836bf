-- Why a column of a reference cannot become NULL: what the table, its partitions or its partitioned tables say of it.
-- Parameters: the table, the names of the columns, and the OID of the foreign key, or 0.
  WITH family (relid) AS (
       SELECT relid::oid FROM pg_partition_tree(%(table)s::oid::regclass)
        UNION
       SELECT relid::oid FROM pg_partition_ancestors(%(table)s::oid::regclass)
        UNION
       SELECT %(table)s::oid
     )
SELECT format('column %%I %%s', a.attname, why.reason)
  FROM family
  JOIN pg_attribute a ON a.attrelid = family.relid AND quote_ident(a.attname) = ANY (%(columns)s::text[])
  JOIN pg_type t ON t.oid = a.atttypid
 CROSS JOIN LATERAL (
       SELECT 'is NOT NULL' WHERE a.attnotnull OR t.typnotnull
        UNION ALL
       SELECT 'is generated' WHERE a.attgenerated <> ''
        UNION ALL
       SELECT 'belongs to the partition key'
        WHERE EXISTS (SELECT FROM pg_partitioned_table p
                       WHERE p.partrelid = a.attrelid
                         AND (a.attnum = ANY (p.partattrs::int2[]) OR 0 = ANY (p.partattrs::int2[])))
        UNION ALL
       SELECT format('is never NULL by the check %%I', k.conname)
         FROM pg_constraint k
        WHERE k.contype = 'c'
          AND k.conrelid = a.attrelid
          AND k.conkey = ARRAY[a.attnum]
          AND pg_get_constraintdef(k.oid) LIKE 'CHECK ((%% IS NOT NULL))%%'
        UNION ALL
       SELECT format('may be NULL in one row only, by the unique index %%s', i.indexrelid::regclass)           --15+
         FROM pg_index i                                                                                       --15+
        WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indnullsnotdistinct                              --15+
          AND a.attnum = ANY (i.indkey::int2[])                                                                --15+
        UNION ALL                                                                                              --15+
       SELECT format('is referred to by %%s', f.conrelid::regclass)
         FROM pg_constraint f
        WHERE f.contype = 'f'
          AND f.confrelid = a.attrelid
          AND a.attnum = ANY (f.confkey)
        UNION ALL
       SELECT format('belongs to foreign key %%I with MATCH FULL, too', f.conname)
         FROM pg_constraint f
        WHERE f.contype = 'f'
          AND f.confmatchtype = 'f'
          AND f.conrelid = a.attrelid
          AND f.oid <> %(key)s::oid
          AND a.attnum = ANY (f.conkey)
          AND EXISTS (SELECT FROM unnest(f.conkey) AS n (attnum)
                        JOIN pg_attribute other ON other.attrelid = f.conrelid AND other.attnum = n.attnum
                       WHERE quote_ident(other.attname) <> ALL (%(columns)s::text[]))) AS why (reason)
 ORDER BY a.attname, why.reason
 LIMIT 1
