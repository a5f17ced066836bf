-- CREATE TABLE. A partition is made as a table with all its columns and checks; table_attach puts it under its parent.
-- Columns that a child only inherits are not listed: what they have of their own is set by ALTER TABLE.
-- The stub lacks defaults and checks, which may call functions that take the table's row type.
-- Reference: pg_dump.c getTableAttrs, determineNotNullFlags, dumpTableSchema; common.c flagInhAttrs (18.6).
  WITH column_part AS (
       SELECT a.attrelid
            , a.attnum
            , format('ALTER TABLE ONLY %s ALTER COLUMN %I', c.oid::regclass, a.attname) AS alter_column
            , own.listed AND c.reloftype = 0 OR null_constraint.clause IS NOT NULL AS always
            , CASE WHEN own.listed
                   THEN concat_ws(' '
                       , quote_ident(a.attname)
                       , CASE WHEN c.reloftype = 0 THEN format_type(a.atttypid, a.atttypmod) END
                       , (SELECT format('COLLATE %I.%I', n.nspname, l.collname)
                            FROM pg_collation l
                            JOIN pg_namespace n ON n.oid = l.collnamespace
                           WHERE l.oid = a.attcollation AND l.oid <> t.typcollation AND c.reloftype = 0)
                       , CASE WHEN a.attgenerated <> '' AND parent.same_expression IS NOT TRUE
                              THEN format('GENERATED ALWAYS AS (%s) %s', own.expression
                                         , CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
                          END)
               END AS head
            , CASE WHEN own.listed THEN 'DEFAULT ' || own.value END AS inline_default
            , 'SET DEFAULT ' || own.value AS set_default
            , null_constraint.clause AS not_null
--<18       , CASE WHEN a.attnotnull AND NOT own.listed AND parent.not_null IS NOT TRUE THEN 'SET NOT NULL' END
            , NULL                                                                                       --18+
              AS set_not_null
            , CASE WHEN own.plain THEN identity.clause END AS inline_identity
            , CASE WHEN NOT own.plain THEN 'ADD ' || identity.clause END AS add_identity
            , identity.set_persistence
         FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         JOIN pg_type t ON t.oid = a.atttypid
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        CROSS JOIN LATERAL (
              SELECT bool_or(p.attgenerated = '' AND e.expression <> 'NULL') AS has_default
                   , bool_and(e.expression IS NOT DISTINCT FROM pg_get_expr(d.adbin, d.adrelid))
                     FILTER (WHERE p.attgenerated <> '') AS same_expression
                   , bool_or(p.attnotnull                                                                
                             AND EXISTS (SELECT                                                          --18+
                                           FROM pg_constraint n                                          --18+
                                          WHERE n.conrelid = p.attrelid AND n.contype = 'n'              --18+
                                            AND n.conkey = ARRAY[p.attnum] AND n.convalidated)           --18+
                            ) AS not_null
                FROM pg_inherits i
                JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
                LEFT JOIN pg_attrdef q ON q.adrelid = p.attrelid AND q.adnum = p.attnum
               CROSS JOIN LATERAL (SELECT pg_get_expr(q.adbin, q.adrelid) AS expression) AS e
               WHERE i.inhrelid = c.oid AND NOT c.relispartition) AS parent
        CROSS JOIN LATERAL (
              SELECT a.attislocal OR c.relispartition AS listed
                   , (a.attislocal OR c.relispartition) AND c.reloftype = 0 AND parent.has_default IS NOT TRUE AS plain
                   , pg_get_expr(d.adbin, d.adrelid) AS expression
                   , CASE WHEN a.attgenerated <> '' THEN NULL
                          WHEN d.oid IS NULL AND parent.has_default THEN 'NULL'
                          ELSE pg_get_expr(d.adbin, d.adrelid)
                      END AS value) AS own
         LEFT JOIN LATERAL (
--<18         SELECT 'NOT NULL' AS clause WHERE a.attnotnull AND own.listed AND parent.not_null IS NOT TRUE
              SELECT concat_ws(' '                                                                       --18+
                    , format('CONSTRAINT %I NOT NULL', n.conname)                                        --18+
                    , CASE WHEN NOT own.listed THEN quote_ident(a.attname) END                           --18+
                    , CASE WHEN n.connoinherit THEN 'NO INHERIT' END) AS clause                          --18+
                FROM pg_constraint n                                                                     --18+
               WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum]          --18+
                 AND n.convalidated                                                                      --18+
                 AND (n.conislocal OR c.relispartition OR parent.not_null IS NOT TRUE)                   --18+
              ) AS null_constraint ON true
         LEFT JOIN LATERAL (
              SELECT concat_ws(' '
                    , format('GENERATED %s AS IDENTITY (SEQUENCE NAME %s'
                            , CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, s.seqrelid::regclass)
                    , format('START WITH %s INCREMENT BY %s', s.seqstart, s.seqincrement)
                    , format('MINVALUE %s MAXVALUE %s CACHE %s', s.seqmin, s.seqmax, s.seqcache)
                    , CASE WHEN s.seqcycle THEN 'CYCLE' END) || ')' AS clause
                   , CASE WHEN q.relpersistence <> c.relpersistence AND c.relkind = 'r'                  --15+
                          THEN format('ALTER SEQUENCE %s SET %s', s.seqrelid::regclass                   --15+
                                     , CASE q.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END) --15+
                      END                                                                                --15+
--<15              , NULL
                     AS set_persistence
                FROM pg_depend i
                JOIN pg_sequence s ON s.seqrelid = i.objid
                JOIN pg_class q ON q.oid = i.objid
               WHERE i.classid = 'pg_class'::regclass AND i.refclassid = 'pg_class'::regclass
                 AND i.refobjid = a.attrelid AND i.refobjsubid = a.attnum AND i.deptype = 'i'
              ) AS identity ON true
        WHERE c.relkind IN ('r', 'p')
          AND c.oid >= 16384
     )
     , columns AS (
       SELECT attrelid
            , array_agg(concat_ws(' ', head, inline_default, not_null, inline_identity) ORDER BY attnum)
              FILTER (WHERE always OR inline_default IS NOT NULL) AS whole
            , array_agg(concat_ws(' ', head, not_null, inline_identity) ORDER BY attnum) FILTER (WHERE always) AS stub
            , array_agg(concat_ws(' ', alter_column, set_not_null) ORDER BY attnum)
              FILTER (WHERE set_not_null IS NOT NULL) AS not_nulls
            , array_agg(concat_ws(' ', alter_column, add_identity) ORDER BY attnum)
              FILTER (WHERE add_identity IS NOT NULL)
              || array_agg(set_persistence) FILTER (WHERE set_persistence IS NOT NULL) AS identities
            , array_agg(concat_ws(' ', alter_column, set_default) ORDER BY attnum)
              FILTER (WHERE set_default IS NOT NULL) AS defaults
            , array_agg(concat_ws(' ', alter_column, set_default) ORDER BY attnum)
              FILTER (WHERE set_default IS NOT NULL AND inline_default IS NULL) AS inherited_defaults
         FROM column_part
        GROUP BY attrelid
     )
     , checks AS (
       SELECT conrelid
            , array_agg(format('CONSTRAINT %I %s', n.conname, pg_get_constraintdef(n.oid)) ORDER BY n.conname)
              AS definitions
         FROM pg_constraint n
         JOIN pg_class c ON c.oid = n.conrelid
        WHERE n.contype = 'c' AND n.convalidated AND (n.conislocal OR c.relispartition)
        GROUP BY conrelid
     )
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.relowner AS owner
     , ARRAY[concat_ws(' ', part.head, body.whole, part.tail)]
       || columns.not_nulls || columns.identities || columns.inherited_defaults AS create
     , CASE WHEN later.finish <> '{}'
            THEN ARRAY[concat_ws(' ', part.head, body.stub, part.tail)] || columns.not_nulls || columns.identities
            ELSE '{}'
        END AS stub
     , later.finish
     , '{}'::oid[] AS needs
  FROM pg_class c
  LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid AND c.relkind = 'r'
  LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
  LEFT JOIN pg_am m ON m.oid = c.relam AND (m.amname <> 'heap' OR c.relkind = 'p')
  LEFT JOIN columns ON columns.attrelid = c.oid
  LEFT JOIN checks ON checks.conrelid = c.oid
 CROSS JOIN LATERAL (
       SELECT columns.defaults || (SELECT array_agg(format('ALTER TABLE %s ADD %s', c.oid::regclass, definition))
                                     FROM unnest(checks.definitions) AS definition) || '{}' AS finish) AS later
 CROSS JOIN LATERAL (
       SELECT '(' || nullif(array_to_string(columns.whole || checks.definitions || '{}', ', '), none) || ')' AS whole
            , '(' || nullif(array_to_string(columns.stub || '{}', ', '), none) || ')' AS stub
         FROM (SELECT CASE WHEN c.reloftype <> 0 THEN '' END AS none) AS n) AS body
 CROSS JOIN LATERAL (
       SELECT concat_ws(' '
             , 'CREATE'
             , CASE WHEN c.relpersistence = 'u' AND c.relkind = 'r' THEN 'UNLOGGED' END
             , format('TABLE %s', c.oid::regclass)
             , 'OF ' || nullif(c.reloftype, 0)::regtype) AS head
            , concat_ws(' '
             , (SELECT format('INHERITS (%s)', string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno))
                  FROM pg_inherits i
                 WHERE i.inhrelid = c.oid AND NOT c.relispartition
                HAVING count(*) > 0)
             , 'PARTITION BY ' || pg_get_partkeydef(c.oid)
             , 'USING ' || quote_ident(m.amname)
             , (SELECT format('WITH (%s)', string_agg(format('%s%I=%L', o.prefix, o.option_name, o.option_value), ', '))
                  FROM (SELECT '' AS prefix, * FROM pg_options_to_table(c.reloptions)
                         UNION ALL
                        SELECT 'toast.', * FROM pg_options_to_table(toast.reloptions)) AS o
                HAVING count(*) > 0)
             , 'TABLESPACE ' || quote_ident(s.spcname)) AS tail) AS part
 WHERE c.relkind IN ('r', 'p')
   AND c.oid >= 16384
