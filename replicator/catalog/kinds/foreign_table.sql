-- CREATE FOREIGN TABLE, then what its columns and checks have by ALTER; column_setting adds the columns' FDW options.
-- Columns that a child only inherits are not listed; a partition lists all, table_attach puts it under its parent.
-- Reference: pg_dump.c getTableAttrs, determineNotNullFlags, dumpTableSchema; common.c flagInhAttrs (18.6).
  WITH column_part AS (
       SELECT a.attrelid
            , a.attnum
            , format('ALTER FOREIGN TABLE ONLY %s', c.oid::regclass) AS alter_table
            , format('ALTER COLUMN %I', a.attname) AS alter_column
            , CASE WHEN a.attislocal OR c.relispartition
                   THEN concat_ws(' '
                       , quote_ident(a.attname)
                       , format_type(a.atttypid, a.atttypmod)
                       , (SELECT format('COLLATE %I.%I', n.nspname, l.collname)
                            FROM pg_collation l
                            JOIN pg_namespace n ON n.oid = l.collnamespace
                           WHERE l.oid = a.attcollation AND l.oid <> t.typcollation)
                       , CASE WHEN a.attgenerated <> '' AND parent.same_expression IS NOT TRUE
                              THEN format('GENERATED ALWAYS AS (%s) %s', own.expression
                                         , CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
                          END)
               END AS definition
            , CASE WHEN a.attgenerated <> '' THEN NULL
                   WHEN own.expression IS NULL AND parent.has_default THEN 'SET DEFAULT NULL'
                   ELSE 'SET DEFAULT ' || own.expression
               END AS set_default
--<18       , CASE WHEN a.attnotnull AND (c.relispartition OR parent.not_null IS NOT TRUE) THEN 'SET NOT NULL' END
--<18         AS set_not_null
            , (SELECT format('ADD CONSTRAINT %I %s', n.conname, pg_get_constraintdef(n.oid))             --18+
                 FROM pg_constraint n                                                                    --18+
                WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum]         --18+
                  AND n.convalidated                                                                     --18+
                  AND (n.conislocal OR c.relispartition OR parent.not_null IS NOT TRUE)                  --18+
              ) AS add_not_null                                                                          --18+
         FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
