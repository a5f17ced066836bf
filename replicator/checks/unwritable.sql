-- Tables of which the role cannot write all rows, and the statement for an administrator.
SELECT c.oid::regclass::text AS identity
     , format('GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO %I;'
             , c.relnamespace::regnamespace, current_user) AS remedy
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p')
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
   AND NOT (has_table_privilege(c.oid, 'INSERT')
            AND has_table_privilege(c.oid, 'UPDATE')
            AND has_table_privilege(c.oid, 'DELETE'))
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY c.oid::regclass::text
