-- The relations that rows can be copied into, with their columns, to match those of two databases.
-- `partitioning` describes which rows belong in a partition: each ancestor's key with the bounds below it.
-- `exactly` is a built-in type with its modifier. `needed` columns have no default and are NOT NULL; `generated` ones
-- accept no value.
SELECT c.tableoid::bigint AS classid
     , c.oid::bigint AS objid
     , c.oid::regclass::text AS identity
     , c.relkind = 'p' AS partitioned
     , CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::text END AS root
     , CASE WHEN c.relispartition
            THEN (SELECT string_agg(concat_ws(' ', pg_get_partkeydef(k.oid), pg_get_expr(k.relpartbound, k.oid)), ' / '
                                    ORDER BY ancestor.level)
                    FROM pg_partition_ancestors(c.oid) WITH ORDINALITY AS ancestor (relid, level)
                    JOIN pg_class k ON k.oid = ancestor.relid)
       END AS partitioning
     , column_list.names
     , column_list.types
     , column_list.exactly
     , column_list.needed
     , column_list.generated
     , row_security_active(c.oid) AS secured
     , has_table_privilege(c.oid, 'INSERT') AS insertable
     , has_table_privilege(c.oid, 'TRUNCATE') AS truncatable
     , pg_has_role(c.relowner, 'USAGE') AS owned
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT coalesce(array_agg(quote_ident(a.attname) ORDER BY a.attnum), '{}') AS names
            , coalesce(array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum), '{}') AS types
            , coalesce(array_agg(CASE WHEN t.oid < 10000 THEN format_type(a.atttypid, a.atttypmod) ELSE '' END
                                 ORDER BY a.attnum), '{}') AS exactly
            , coalesce(array_agg(a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL
                                 ORDER BY a.attnum), '{}') AS needed
            , coalesce(array_agg(a.attgenerated <> '' ORDER BY a.attnum), '{}') AS generated
         FROM (
<attributes>
              ) AS a
         JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid) AS column_list
 WHERE c.relkind IN ('r', 'p')
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'replicator')
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname
