-- What has the journal's name, if anything has: the mark on it, whose it is, and the columns of its ordinary tables.
-- It is trusted where the schema and all in it belong to this role or to a superuser: nobody else can have planted it.
SELECT obj_description(n.oid, 'pg_namespace') AS mark
     , pg_get_userbyid(n.nspowner)::text AS owner
     , has_schema_privilege(n.oid, 'USAGE') AS readable
     , ARRAY(SELECT r.rolname::text
               FROM (SELECT n.nspowner UNION SELECT relowner FROM pg_class WHERE relnamespace = n.oid) AS o (owner)
               JOIN pg_roles r ON r.oid = o.owner
              WHERE NOT r.rolsuper AND r.rolname <> current_user) AS strangers
     , ARRAY(SELECT c.relname || '.' || a.attname
               FROM pg_class c
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              WHERE c.relnamespace = n.oid AND c.relkind = 'r') AS columns
  FROM pg_namespace n
 WHERE n.nspname = 'replicator'
