-- Tables of which the role cannot read all rows, and the statement for an administrator: from 14 on one GRANT for all
-- schemas, which also covers tables that are created later.
-- Reference: PostgreSQL docs 5.9, row security: owners are exempt unless it is forced, BYPASSRLS and superusers always.
SELECT c.oid::regclass::text AS identity
     , CASE WHEN readable.it
            THEN format('ALTER ROLE %I BYPASSRLS;', current_user)
            WHEN current_setting('server_version_num')::int >= 140000
            THEN format('GRANT pg_read_all_data TO %I;', current_user)
            ELSE format('GRANT USAGE ON SCHEMA %1$s TO %2$I; GRANT SELECT ON ALL %3$s IN SCHEMA %1$s TO %2$I;'
                       , c.relnamespace::regnamespace
                       , current_user
                       , CASE c.relkind WHEN 'S' THEN 'SEQUENCES' ELSE 'TABLES' END)
        END AS remedy
  FROM pg_class c
 CROSS JOIN LATERAL (SELECT has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
            AS readable (it)
 WHERE c.relkind IN ('r', 'p', 'S')
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
   AND (NOT readable.it OR row_security_active(c.oid))
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY c.oid::regclass::text
