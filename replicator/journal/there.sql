-- The schema with the journal's name, if there is one: its mark, its owner, the columns of its ordinary tables.
-- It is trusted if the schema and the tables belong to this role or to a superuser, nobody else may write there, and the
-- tables have nothing that runs code: `strangers`, `writers` and `odd` list the exceptions. Other objects in the schema
-- are never used. count(*), not EXISTS: so the planner always uses indexes, however large the database is.
  WITH own AS MATERIALIZED (
       SELECT c.*
         FROM pg_namespace n
         JOIN pg_class c ON c.relnamespace = n.oid
        WHERE n.nspname = 'replicator'
          AND c.relname = ANY ('{run,step,sequence,taken,deferred,witness,before,dropping}'::name[])
     )
SELECT obj_description(n.oid, 'pg_namespace') AS mark
     , pg_get_userbyid(n.nspowner)::text AS owner
     , has_schema_privilege(n.oid, 'USAGE')
       AND NOT EXISTS (SELECT FROM own WHERE relkind = 'r' AND NOT has_table_privilege(oid, 'SELECT')) AS readable
     , ARRAY(SELECT r.rolname::text
               FROM (SELECT n.nspowner UNION SELECT relowner FROM own) AS o (owner)
               JOIN pg_roles r ON r.oid = o.owner
              WHERE NOT r.rolsuper AND r.rolname <> current_user
              ORDER BY 1) AS strangers
     , ARRAY(SELECT DISTINCT coalesce(r.rolname::text, 'PUBLIC')
               FROM (SELECT n.nspacl
                      UNION ALL
                     SELECT relacl FROM own
                      UNION ALL
                     SELECT a.attacl FROM own JOIN pg_attribute a ON a.attrelid = own.oid) AS granted (acl)
              CROSS JOIN LATERAL aclexplode(granted.acl) AS held
               LEFT JOIN pg_roles r ON r.oid = held.grantee
              WHERE held.privilege_type NOT IN ('USAGE', 'SELECT')
                AND r.rolsuper IS NOT TRUE
                AND r.rolname IS DISTINCT FROM current_user
              ORDER BY 1) AS writers
     , ARRAY(SELECT c.relname::text
               FROM own c
              WHERE c.relkind <> 'r'
                 OR c.relispartition
                 OR c.relhassubclass
                 OR c.relhasrules
                 OR c.relhastriggers
                 OR c.relrowsecurity
                 OR (SELECT count(*) FROM pg_inherits WHERE inhrelid = c.oid) > 0
                 OR (SELECT count(*) FROM pg_constraint WHERE conrelid = c.oid AND contype NOT IN ('p', 'n')) > 0
                 OR (SELECT count(*) FROM pg_index WHERE indrelid = c.oid AND NOT indisprimary) > 0
                 OR (SELECT count(*)
                       FROM pg_attribute
                      WHERE attrelid = c.oid AND (atttypid >= 16384 OR attgenerated <> '')) > 0
                 OR (SELECT count(*)
                       FROM pg_attrdef
                      WHERE adrelid = c.oid
                        AND pg_get_expr(adbin, adrelid)
                            NOT IN ('1', 'false', 'now()', '''running''::text', '''{}''::text[]')) > 0
              ORDER BY 1) AS odd
     , ARRAY(SELECT c.relname || '.' || a.attname
               FROM own c
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              WHERE c.relkind = 'r') AS columns
  FROM pg_namespace n
 WHERE n.nspname = 'replicator'
