-- The types of values in columns, including those inside domains, arrays, ranges and composite types.
-- `path` is the place: column, column.field, column[]. The modifier of an array or a domain applies to its elements.
  WITH RECURSIVE value AS (
       SELECT c.oid AS relation
            , quote_ident(a.attname) AS name
            , quote_ident(a.attname) AS path
            , a.attnum::text AS place
            , a.atttypid AS type
            , a.atttypmod AS modifier
         FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN (
<attributes>
              ) AS a ON a.attrelid = c.oid
        WHERE c.relkind IN ('r', 'p')
          AND c.relpersistence <> 't'
          AND c.oid >= 16384
          AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'replicator')
        UNION ALL
       SELECT v.relation
            , v.name
            , v.path || inner_value.suffix
            , concat(v.place, '.', inner_value.place)
            , inner_value.type
            , inner_value.modifier
         FROM value v
         JOIN pg_type t ON t.oid = v.type
        CROSS JOIN LATERAL (
              SELECT '' AS suffix, '' AS place, t.typbasetype AS type
                   , CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE v.modifier END AS modifier
               WHERE t.typtype = 'd'
               UNION ALL
              SELECT '[]', 'e', t.typelem, v.modifier
               WHERE t.typlen = -1
                 AND t.typelem <> 0
               UNION ALL
              SELECT '', 'r', r.rngsubtype, -1
                FROM pg_range r
               WHERE r.rngtypid = t.oid
                  OR r.rngmultitypid = t.oid                                                                  --14+
               UNION ALL
              SELECT '.' || quote_ident(a.attname), a.attnum::text, a.atttypid, a.atttypmod
                FROM pg_attribute a
               WHERE a.attrelid = t.typrelid
                 AND t.typtype = 'c'
                 AND a.attnum > 0
                 AND NOT a.attisdropped) AS inner_value
     )
SELECT relation::regclass::text AS identity
     , name
     , path
     , format_type(type, modifier) AS type
  FROM value v
 WHERE NOT EXISTS (SELECT
                     FROM pg_type t
                    WHERE t.oid = v.type
                      AND (t.typtype IN ('d', 'c', 'r', 'm') OR t.typlen = -1 AND t.typelem <> 0))
 ORDER BY relation, place
