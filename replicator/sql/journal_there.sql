-- What has the journal's name, if anything has: the mark on it, whose it is, and the columns of its ordinary tables.
-- It is trusted where the schema and all in it belong to this role or to a superuser, nobody else may write there, and
-- its tables have nothing that runs code: `strangers`, `writers` and `odd` are what is otherwise.
SELECT obj_description(n.oid, 'pg_namespace') AS mark
     , pg_get_userbyid(n.nspowner)::text AS owner
     , has_schema_privilege(n.oid, 'USAGE')
       AND NOT EXISTS (SELECT FROM pg_class
                        WHERE relnamespace = n.oid AND relkind = 'r' AND NOT has_table_privilege(oid, 'SELECT')) AS readable
     , ARRAY(SELECT r.rolname::text
               FROM (SELECT n.nspowner UNION SELECT relowner FROM pg_class WHERE relnamespace = n.oid) AS o (owner)
               JOIN pg_roles r ON r.oid = o.owner
              WHERE NOT r.rolsuper AND r.rolname <> current_user
              ORDER BY 1) AS strangers
     , ARRAY(SELECT DISTINCT coalesce(r.rolname::text, 'PUBLIC')
               FROM (SELECT n.nspacl
                      UNION ALL
                     SELECT relacl FROM pg_class WHERE relnamespace = n.oid
                      UNION ALL
                     SELECT a.attacl
                       FROM pg_class c
                       JOIN pg_attribute a ON a.attrelid = c.oid
                      WHERE c.relnamespace = n.oid) AS granted (acl)
              CROSS JOIN LATERAL aclexplode(granted.acl) AS held
               LEFT JOIN pg_roles r ON r.oid = held.grantee
              WHERE held.privilege_type NOT IN ('USAGE', 'SELECT')
                AND r.rolsuper IS NOT TRUE
                AND r.rolname IS DISTINCT FROM current_user
              ORDER BY 1) AS writers
     , ARRAY(SELECT c.relname::text
               FROM pg_class c
              WHERE c.relnamespace = n.oid
                AND c.relkind <> 'i'
                AND (c.relkind <> 'r'
                     OR c.relispartition
                     OR c.relhassubclass
                     OR c.relhasrules
                     OR c.relhastriggers
                     OR c.relrowsecurity
                     OR EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
                     OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype NOT IN ('p', 'n'))
                     OR EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND NOT indisprimary)
                     OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND (atttypid >= 16384 OR attgenerated <> ''))
                     OR EXISTS (SELECT
                                  FROM pg_attrdef
                                 WHERE adrelid = c.oid
                                   AND pg_get_expr(adbin, adrelid)
                                       NOT IN ('1', 'false', 'now()', '''running''::text', '''{}''::text[]')))
              ORDER BY 1) AS odd
     , ARRAY(SELECT c.relname || '.' || a.attname
               FROM pg_class c
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              WHERE c.relnamespace = n.oid AND c.relkind = 'r') AS columns
  FROM pg_namespace n
 WHERE n.nspname = 'replicator'
