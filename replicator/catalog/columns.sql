-- The columns of CREATE TABLE and CREATE FOREIGN TABLE; put in place of the line <columns> in their kinds' files.
-- NULLs among statements are removed by the reader.
-- Columns that a child only inherits are not listed: ALTER TABLE sets their own properties.
-- A partition, or a child that defines all its columns itself, but in another order than INHERITS would give, stands
-- alone: it lists all columns, and is attached to its parents later. Before 18 it is unknown whether NOT NULL is the
-- child's own: it is taken as inherited.
-- Properties of a child's inherited columns are ordered by name: the position of such a column may differ in the copy,
-- if a parent got the column after the child was created.
-- NOT NULL constraints (18+) are always named: the default name may be taken already by another constraint. A column
-- with a NO INHERIT one cannot become an identity: NO INHERIT is set afterwards. ALTER SEQUENCE may have given an
-- identity's sequence another type, which only ALTER SEQUENCE can: its limits exceed the column's.
-- Parents with conflicting defaults, which can arise after the child was created, lose theirs temporarily.
-- An identity column may have an inherited default, which no INSERT uses: no statement recreates that.
-- A default that a child has dropped is dropped: pg_dump's DEFAULT NULL is itself a default, if cast to the type.
-- Reference: pg_dump.c getTableAttrs, determineNotNullFlags, dumpTableSchema; common.c flagInhAttrs (18.6).
       attribute AS NOT MATERIALIZED (
       SELECT *
         FROM pg_attribute
        WHERE (attrelid::bigint << 16) + attnum <> ALL (<without>)
     )
     , restriction AS NOT MATERIALIZED (
       SELECT *
         FROM pg_constraint n
        WHERE <without> = '{}'
           OR NOT EXISTS (SELECT FROM unnest(n.conkey) AS k (attnum)
                           WHERE (n.conrelid::bigint << 16) + k.attnum = ANY (<without>))
     )
     , extra AS MATERIALIZED (
<extra>
     )
     , relation AS (
       SELECT c.*
            , c.oid::regclass::text AS name
            , c.relispartition
              OR c.oid NOT IN (SELECT inhrelid FROM pg_inherits)
              OR (NOT EXISTS (SELECT FROM attribute a
                               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT a.attislocal)
                  AND NOT EXISTS (SELECT FROM restriction n
                                   WHERE n.conrelid = c.oid AND n.contype IN ('c', 'n') AND NOT n.conislocal
                                     AND n.convalidated)
                  AND EXISTS (SELECT
                                FROM (SELECT a.attnum, min(i.inhseqno * 10000 + p.attnum) AS place
                                        FROM attribute a
                                        LEFT JOIN (pg_inherits i JOIN attribute p ON p.attrelid = i.inhparent)
                                          ON i.inhrelid = a.attrelid AND p.attname = a.attname
                                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                                       GROUP BY a.attnum) AS a
                              HAVING array_agg(a.attnum ORDER BY a.attnum)
                                     <> array_agg(a.attnum ORDER BY a.place, a.attnum))
--<18              AND NOT EXISTS (SELECT FROM pg_inherits i
--<18                               JOIN attribute p ON p.attrelid = i.inhparent AND p.attnotnull AND p.attnum > 0
--<18                               JOIN attribute a ON a.attrelid = c.oid AND a.attname = p.attname
--<18                              WHERE i.inhrelid = c.oid AND NOT a.attnotnull)
                 )
              AS alone
         FROM pg_class c
        WHERE c.relkind IN ('r', 'p', 'f')
          AND c.oid >= 16384
     )
     , column_default AS MATERIALIZED (
       SELECT adrelid, adnum, pg_get_expr(adbin, adrelid) AS expression
         FROM pg_attrdef
     )
     , column_part AS MATERIALIZED (
       SELECT a.attrelid
            , a.attnum
            , a.attname
            , CASE WHEN c.alone OR a.attinhcount = 0 THEN a.attnum ELSE 0 END AS place
            , a.attgenerated <> '' AS generated
            , own.listed AND c.reloftype = 0 OR null_constraint.clause IS NOT NULL AS always
            , CASE WHEN own.listed
                   THEN concat_ws(' '
                       , quote_ident(a.attname)
                       , CASE WHEN c.reloftype = 0 THEN format_type(a.atttypid, a.atttypmod) END
                       , CASE WHEN c.reloftype = 0
                              THEN 'COLLATE ' || quote_ident(m.nspname) || '.' || quote_ident(l.collname)
                          END
                       , CASE WHEN a.attgenerated <> '' AND parent.same_expression IS NOT TRUE
                              THEN format('GENERATED ALWAYS AS (%s) %s', d.expression
                                         , CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
                          END)
               END AS head
            , CASE WHEN own.listed THEN 'DEFAULT ' || own.value END AS inline_default
            , CASE WHEN own.value IS NOT NULL
                   THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', c.name, a.attname, own.value)
               END AS set_default
            , CASE WHEN own.dropped THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT', c.name, a.attname)
              END AS drop_default
            , null_constraint.clause AS not_null
            , CASE WHEN a.attgenerated <> '' AND NOT own.listed AND NOT parent.same_expression
                   THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I SET EXPRESSION AS (%s)'
                              , c.name, a.attname, d.expression)
--<18              WHEN a.attnotnull AND NOT own.listed AND parent.not_null IS NOT TRUE
--<18              THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I SET NOT NULL', c.name, a.attname)
--<18              WHEN parent.not_null AND NOT a.attnotnull
--<18              THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP NOT NULL', c.name, a.attname)
               END AS set_more
            , CASE WHEN own.plain THEN identity.clause END AS inline_identity
            , CASE WHEN NOT own.plain AND identity.clause IS NOT NULL
                   THEN format('ALTER TABLE ONLY %s ALTER COLUMN %I ADD %s', c.name, a.attname, identity.clause)
               END AS add_identity
            , identity.set_options
            , identity.set_persistence
--<18       , NULL AS not_inherited
            , CASE WHEN n.connoinherit AND a.attidentity <> ''                                           --18+
                   THEN format('ALTER TABLE %s ALTER CONSTRAINT %I NO INHERIT', c.name, n.conname)       --18+
               END AS not_inherited                                                                      --18+
         FROM relation c
         JOIN attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         JOIN pg_type t ON t.oid = a.atttypid
         LEFT JOIN column_default d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         LEFT JOIN pg_collation l ON l.oid = a.attcollation AND l.oid <> t.typcollation
         LEFT JOIN pg_namespace m ON m.oid = l.collnamespace
        CROSS JOIN LATERAL (
              SELECT bool_or(p.attgenerated = '' AND e.expression IS NOT NULL) AS has_default
                   , bool_and(e.expression IS NOT DISTINCT FROM d.expression)
                     FILTER (WHERE p.attgenerated <> '') AS same_expression
--<18              , bool_or(p.attnotnull) AS not_null
                   , bool_or(EXISTS (SELECT FROM restriction n                                         --18+
                                      WHERE n.conrelid = p.attrelid AND n.contype = 'n'                  --18+
                                        AND n.conkey = ARRAY[p.attnum])) AS not_null                     --18+
                FROM pg_inherits i
                JOIN attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
                LEFT JOIN pg_attrdef q ON q.adrelid = p.attrelid AND q.adnum = p.attnum
               CROSS JOIN LATERAL (SELECT pg_get_expr(q.adbin, q.adrelid) AS expression) AS e
               WHERE i.inhrelid = c.oid AND NOT c.alone) AS parent
        CROSS JOIN LATERAL (
              SELECT a.attislocal OR c.alone AS listed
                   , (a.attislocal OR c.alone) AND c.reloftype = 0 AND parent.has_default IS NOT TRUE AS plain
                   , CASE WHEN a.attgenerated <> '' OR a.attidentity <> '' THEN NULL
                          ELSE d.expression
                      END AS value
                   , a.attgenerated = '' AND (d.adrelid IS NULL OR a.attidentity <> '') AND parent.has_default
                     AS dropped) AS own
         LEFT JOIN restriction n                                                                       --18+
           ON n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum]                 --18+
          AND n.convalidated                                                                             --18+
          AND (n.conislocal OR c.alone OR parent.not_null IS NOT TRUE)                                   --18+
        CROSS JOIN LATERAL (
--<18         SELECT CASE WHEN a.attnotnull AND own.listed AND parent.not_null IS NOT TRUE THEN 'NOT NULL' END AS clause
              SELECT CASE WHEN n.oid IS NOT NULL THEN concat_ws(' '                                      --18+
                    , 'CONSTRAINT ' || quote_ident(n.conname) || ' NOT NULL'                             --18+
                    , CASE WHEN NOT own.listed THEN quote_ident(a.attname) END                           --18+
                    , CASE WHEN n.connoinherit AND a.attidentity = '' THEN 'NO INHERIT' END)             --18+
                     END AS clause                                                                       --18+
              ) AS null_constraint
         LEFT JOIN (
              SELECT i.refobjid, i.refobjsubid, q.relpersistence, q.oid::regclass AS name
                   , s.seqtypid, s.seqstart
                   , concat_ws(' '
                       , format('START WITH %s INCREMENT BY %s', s.seqstart, s.seqincrement)
                       , format('MINVALUE %s MAXVALUE %s CACHE %s', s.seqmin, s.seqmax, s.seqcache)
                       , CASE WHEN s.seqcycle THEN 'CYCLE' END) AS options
                FROM pg_depend i
                JOIN pg_sequence s ON s.seqrelid = i.objid
                JOIN pg_class q ON q.oid = i.objid
               WHERE i.classid = 'pg_class'::regclass AND i.refclassid = 'pg_class'::regclass AND i.deptype = 'i'
              ) AS sequence
           ON sequence.refobjid = a.attrelid AND sequence.refobjsubid = a.attnum AND a.attidentity <> ''
        CROSS JOIN LATERAL (
              SELECT 'GENERATED ' || CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END
                     || ' AS IDENTITY (SEQUENCE NAME ' || sequence.name
                     || CASE WHEN sequence.seqtypid = a.atttypid THEN ' ' || sequence.options ELSE '' END
                     || ')' AS clause
                   , CASE WHEN sequence.seqtypid <> a.atttypid
                          THEN format('ALTER SEQUENCE %s AS %s %s RESTART WITH %s', sequence.name
                                     , sequence.seqtypid::regtype, sequence.options, sequence.seqstart)
                      END AS set_options
                   , CASE WHEN sequence.relpersistence <> c.relpersistence AND c.relkind = 'r'
--<15                     AND false
                          THEN format('ALTER SEQUENCE %s SET %s', sequence.name
                                     , CASE sequence.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END)
                      END AS set_persistence) AS identity
     )
     , column_list AS (
       SELECT attrelid
            , array_agg(concat_ws(' ', head, inline_default, not_null, inline_identity) ORDER BY place, attname)
              FILTER (WHERE always OR inline_default IS NOT NULL) AS whole
            , array_agg(concat_ws(' ', head, not_null, inline_identity) ORDER BY place, attname) FILTER (WHERE always) AS stub
            , array_agg(set_more ORDER BY place, attname) FILTER (WHERE set_more <> '')
              || array_agg(drop_default ORDER BY place, attname) FILTER (WHERE drop_default <> '')
              || array_agg(add_identity ORDER BY place, attname) FILTER (WHERE add_identity <> '')
              || array_agg(set_options ORDER BY place, attname) FILTER (WHERE set_options <> '')
              || array_agg(set_persistence ORDER BY place, attname) FILTER (WHERE set_persistence <> '')
              || array_agg(not_inherited ORDER BY place, attname) FILTER (WHERE not_inherited <> '') AS alters
            , array_agg(set_default ORDER BY place, attname) FILTER (WHERE set_default <> '') AS defaults
            , array_agg(set_default ORDER BY place, attname) FILTER (WHERE set_default <> '' AND inline_default IS NULL)
              AS inherited_defaults
         FROM column_part
        GROUP BY attrelid
     )
     , conflict AS (
       SELECT p.relid
            , array_agg(p.alter || ' DROP DEFAULT' ORDER BY p.inhseqno, p.attname) AS drops
            , array_agg(p.alter || ' SET DEFAULT ' || p.expression ORDER BY p.inhseqno, p.attname) AS sets
         FROM (SELECT c.oid AS relid, i.inhseqno, a.attname, d.expression
                    , format('ALTER TABLE ONLY %s ALTER COLUMN %I', i.inhparent::regclass, a.attname) AS alter
                    , min(d.expression) OVER same_column <> max(d.expression) OVER same_column AS differs
                 FROM relation c
                 JOIN pg_inherits i ON i.inhrelid = c.oid
                 JOIN attribute a ON a.attrelid = i.inhparent AND a.attgenerated = ''
                 JOIN column_default d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                 JOIN column_part own ON own.attrelid = c.oid AND own.attname = a.attname AND own.inline_default IS NULL
                WHERE NOT c.alone
               WINDOW same_column AS (PARTITION BY c.oid, a.attname)) AS p
        WHERE p.differs
        GROUP BY p.relid
     )
