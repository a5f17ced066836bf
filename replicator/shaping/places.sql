-- All tables that may have rows: where they are, in leaves; how they are ordered; how many bits number a row in a block.
SELECT c.oid::bigint
     , c.oid::regclass::text AS identity
     , c.relkind = 'r' AS only
     , ARRAY(SELECT relid::oid::bigint FROM pg_partition_tree(c.oid) WHERE isleaf AND c.relkind = 'p'
              UNION ALL
             SELECT c.oid::bigint WHERE c.relkind = 'r') AS leaves
     , ARRAY(SELECT quote_ident(a.attname)
               FROM pg_index i
              CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, number)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
              WHERE i.indrelid = c.oid
                AND i.indisprimary
                AND k.number <= i.indnkeyatts
              ORDER BY k.number) AS key
     , CASE m.amname WHEN 'heap' THEN length(ltrim((current_setting('block_size')::int / 28)::bit(16)::text, '0'))
                     ELSE 16
        END AS bits
  FROM pg_class c
  LEFT JOIN pg_am m ON m.oid = c.relam
 WHERE c.relkind IN ('r', 'p')
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
