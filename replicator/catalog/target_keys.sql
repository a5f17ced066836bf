-- The keys by which rows can be merged into each relation, the best first: unique, without NULLs, not deferrable. One
-- row without a key if there is none. `always` are identity columns that no UPDATE may set; `ruled`: rules would act.
SELECT c.oid::regclass::text AS identity
     , key.columns
     , ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity = 'a') AS always
     , EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type IN ('2', '3')) AS ruled
     , has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'SELECT') AS updatable
     , has_database_privilege(current_database(), 'TEMPORARY') AS may_stage
  FROM pg_class c
  LEFT JOIN LATERAL (
       SELECT i.indisprimary
            , array_agg(quote_ident(a.attname) ORDER BY k.place) AS columns
         FROM pg_index i
        CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
        WHERE i.indrelid = c.oid
          AND i.indisunique
          AND i.indimmediate
          AND i.indisvalid
          AND NOT i.indisexclusion -- WITHOUT OVERLAPS
          AND i.indpred IS NULL
          AND i.indexprs IS NULL
          AND k.place <= i.indnkeyatts
        GROUP BY i.indexrelid, i.indisprimary
       HAVING bool_and(a.attnotnull)) AS key ON true
 WHERE c.relkind IN ('r', 'p')
   AND c.oid >= 16384
 ORDER BY c.oid, key.indisprimary DESC NULLS LAST, cardinality(key.columns), key.columns::text COLLATE "C"
