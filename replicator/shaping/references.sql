-- The foreign keys of the source, without those that partitions have from their partitioned table. `match` compares a
-- referencing row c with a referenced row p as the server does. A temporal key refers to all rows that overlap, since
-- none of these overlap one another.
-- Reference: ri_triggers.c RI_FKey_check, ri_GenerateQual.
SELECT key.oid::bigint
     , format('foreign key %I on %s', key.conname, key.conrelid::regclass) AS name
     , key.conrelid::bigint AS child
     , key.confrelid::bigint AS parent
     , pair.columns
     , pair.referenced
     , pair.match
     , key.convalidated AS valid
     --<18 , true AS single
     , NOT key.conperiod AS single                                                                             --18+
  FROM pg_constraint key
 CROSS JOIN LATERAL (
       SELECT array_agg(quote_ident(ca.attname) ORDER BY k.number) AS columns
            , array_agg(quote_ident(pa.attname) ORDER BY k.number) AS referenced
            , string_agg(format('p.%I OPERATOR(%I.%s) c.%I%s'
                               , pa.attname
                               , n.nspname
                               , CASE WHEN key.conperiod AND k.number = cardinality(key.conkey) THEN '&&' ELSE o.oprname END --18+
                               --<18 , o.oprname
                               , ca.attname
                               , CASE WHEN l.oid <> ca.attcollation
                                      THEN format(' COLLATE %I.%I', ln.nspname, l.collname)
                                  END)
                        , ' AND ' ORDER BY k.number) AS match
         FROM unnest(key.confkey, key.conkey, key.conpfeqop) WITH ORDINALITY AS k (parent, child, operator, number)
         JOIN pg_attribute pa ON pa.attrelid = key.confrelid AND pa.attnum = k.parent
         JOIN pg_attribute ca ON ca.attrelid = key.conrelid AND ca.attnum = k.child
         JOIN pg_operator o ON o.oid = k.operator
         JOIN pg_namespace n ON n.oid = o.oprnamespace
         LEFT JOIN pg_collation l ON l.oid = pa.attcollation
         LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace) AS pair
 WHERE key.contype = 'f'
   AND key.oid >= 16384
   AND key.conparentid = 0
 ORDER BY key.conrelid::regclass::text COLLATE "C", key.conname COLLATE "C"
