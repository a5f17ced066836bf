-- The foreign keys of a database that rows are copied into: their definition, and the query that checks one as a whole.
-- For partitioned tables only the topmost. `violating` finds the rows of `fk` without a referenced row, `"values"` is what
-- such a row refers to; `check` is empty for keys that are NOT ENFORCED or NOT VALID.
-- Reference: ri_triggers.c RI_Initial_Check, RI_FKey_check (the form for PERIOD, 18.6).
SELECT fk.name AS identity
     , fk.root AS referencing
     , pk.root AS referenced
     , quote_ident(c.conname) AS name
     , pg_has_role(t.relowner, 'USAGE') AS owned
     , c.conenforced AS enforced                                                                            --18+
--<18     , true AS enforced
     , tn.nspname::text AS schema_name
     , t.relname::text AS table_name
     , t.relkind = 'p' AS partitioned
     , c.conname::text AS constraint_name
     , pair.column_names
     , rn.nspname::text AS referenced_schema
     , r.relname::text AS referenced_table
     , pair.referenced_columns
     , c.conperiod AS period                                                                                --18+
--<18     , false AS period
     , c.confmatchtype::text AS match_type
     , c.confupdtype::text AS on_update
     , c.confdeltype::text AS on_delete
     , ARRAY(SELECT a.attname::text                                                                         --15+
               FROM unnest(c.confdelsetcols) WITH ORDINALITY AS s (number, place)                           --15+
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = s.number                       --15+
              ORDER BY s.place) AS set_column_names                                                         --15+
--<15     , '{}'::text[] AS set_column_names
     , c.condeferrable AS may_be_deferred
     , c.condeferred AS begins_deferred
     , c.convalidated AS validated
     , obj_description(c.oid, 'pg_constraint') AS comment_text
     , CASE WHEN c.convalidated
            THEN format('DO %L'
                 , format('DECLARE bad bigint; BEGIN SELECT count(*) INTO bad FROM %s;'
                          ' IF bad > 0 THEN RAISE foreign_key_violation USING MESSAGE = format(%L, bad); END IF; END'
                         , violating.it
                         , format('%%s rows of %s refer to none in %s', replace(fk.name, '%', '%%')
                                 , replace(pk.name, '%', '%%'))))
       END AS check
     , CASE WHEN c.convalidated THEN violating.it END AS violating
     , pair."values"
  FROM pg_constraint c
  JOIN pg_class t ON t.oid = c.conrelid
  JOIN pg_namespace tn ON tn.oid = t.relnamespace
  JOIN pg_class r ON r.oid = c.confrelid
  JOIN pg_namespace rn ON rn.oid = r.relnamespace
 CROSS JOIN LATERAL (SELECT t.oid::regclass::text AS name
                          , coalesce(pg_partition_root(t.oid)::text, t.oid::regclass::text) AS root) AS fk
 CROSS JOIN LATERAL (SELECT r.oid::regclass::text AS name
                          , coalesce(pg_partition_root(r.oid)::text, r.oid::regclass::text) AS root) AS pk
 CROSS JOIN LATERAL (
       SELECT array_agg(f.attname::text ORDER BY k.position) AS column_names
            , array_agg(p.attname::text ORDER BY k.position) AS referenced_columns
            , string_agg(format('fk.%I IS NOT NULL', f.attname), ' AND ') AS all_there
            , string_agg(format('fk.%I IS NOT NULL', f.attname), ' OR ') AS any_there
            , format('ROW(%s)::text', string_agg(format('fk.%I', f.attname), ', ')) AS "values"
            , string_agg(equal.it, ' AND ') AS equal
            , string_agg(equal.it, ' AND ') FILTER (WHERE k.position < cardinality(c.conkey)) AS equal_but_last
            , max(format('pk.%I OPERATOR(pg_catalog.&&) fk.%I', p.attname, f.attname))
              FILTER (WHERE k.position = cardinality(c.conkey)) AS overlap
            , max(format('fk.%I OPERATOR(pg_catalog.<@) pg_catalog.range_agg(pk.%I)', f.attname, p.attname))
              FILTER (WHERE k.position = cardinality(c.conkey)) AS covered
         FROM unnest(c.conkey, c.confkey, c.conpfeqop) WITH ORDINALITY AS k (here, there, operator, position)
         JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = k.here
         JOIN pg_attribute p ON p.attrelid = c.confrelid AND p.attnum = k.there
         JOIN pg_operator o ON o.oid = k.operator
         JOIN pg_namespace n ON n.oid = o.oprnamespace
         LEFT JOIN pg_collation l ON l.oid = p.attcollation AND p.attcollation <> f.attcollation
         LEFT JOIN pg_namespace m ON m.oid = l.collnamespace
        CROSS JOIN LATERAL (
              SELECT format('pk.%I OPERATOR(%I.%s) fk.%I', p.attname, n.nspname, o.oprname, f.attname)
                     || CASE WHEN l.oid IS NULL THEN '' ELSE format(' COLLATE %I.%I', m.nspname, l.collname) END AS it
              ) AS equal) AS pair
 CROSS JOIN LATERAL (
       SELECT format('%s%s AS fk WHERE %s AND %s'
                    , CASE WHEN t.relkind <> 'p' THEN 'ONLY ' END
                    , fk.name
                    , CASE c.confmatchtype WHEN 'f' THEN format('(%s)', pair.any_there) ELSE pair.all_there END
--<18               , format('NOT EXISTS (SELECT FROM %s%s AS pk WHERE %s)'
--<18                       , CASE WHEN r.relkind <> 'p' THEN 'ONLY ' END, pk.name, pair.equal)
                    , CASE WHEN c.conperiod                                                                 --18+
                           THEN format('NOT EXISTS (SELECT FROM %s%s AS pk WHERE %s HAVING %s)'             --18+
                                      , CASE WHEN r.relkind <> 'p' THEN 'ONLY ' END, pk.name                --18+
                                      , concat_ws(' AND ', pair.equal_but_last, pair.overlap)               --18+
                                      , pair.covered)                                                       --18+
                           ELSE format('NOT EXISTS (SELECT FROM %s%s AS pk WHERE %s)'                       --18+
                                      , CASE WHEN r.relkind <> 'p' THEN 'ONLY ' END, pk.name                --18+
                                      , pair.equal)                                                         --18+
                      END                                                                                   --18+
                    ) AS it) AS violating
 WHERE c.contype = 'f'
   AND c.conparentid = 0
 ORDER BY fk.name, c.conname
