-- Statements that give back what no DROP takes away: default privileges for all schemas, and the schema public.
-- Reference: PostgreSQL docs 52.9, pg_default_acl; initdb's own ACL and comment of public.
  WITH changed AS (
       SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', pg_get_userbyid(defaclrole)) AS alter_default
            , CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
                                 WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' WHEN 'L' THEN 'LARGE OBJECTS'
              END AS objects
            , defaclacl AS acl
            , acldefault(CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END::"char", defaclrole) AS standard
         FROM pg_default_acl
        WHERE defaclnamespace = 0
     )
SELECT statement
  FROM (
       SELECT 1 AS rank
            , format('%s REVOKE ALL ON %s FROM %s', alter_default, objects, coalesce(quote_ident(r.rolname), 'PUBLIC'))
              AS statement
         FROM changed
        CROSS JOIN LATERAL aclexplode(acl) AS e
         LEFT JOIN pg_roles r ON r.oid = e.grantee
        UNION
       SELECT 2
            , format('%s GRANT %s ON %s TO %s', alter_default, e.privilege_type, objects
                    , coalesce(quote_ident(r.rolname), 'PUBLIC'))
         FROM changed
        CROSS JOIN LATERAL aclexplode(standard) AS e
         LEFT JOIN pg_roles r ON r.oid = e.grantee
        UNION
       SELECT 3
            , format('REVOKE ALL ON SCHEMA public FROM %s', coalesce(quote_ident(r.rolname), 'PUBLIC'))
         FROM pg_namespace n
        CROSS JOIN LATERAL aclexplode(n.nspacl) AS e
         LEFT JOIN pg_roles r ON r.oid = e.grantee
        WHERE n.nspname = 'public'
          AND e.grantee <> n.nspowner
        UNION
--<15  SELECT 4, 'GRANT ALL ON SCHEMA public TO PUBLIC'
       SELECT 4, 'GRANT USAGE ON SCHEMA public TO PUBLIC'                                             --15+
         FROM pg_namespace
        WHERE nspname = 'public'
        UNION
       SELECT 5, format('GRANT ALL ON SCHEMA public TO %I', pg_get_userbyid(nspowner))
         FROM pg_namespace
        WHERE nspname = 'public'
        UNION
       SELECT 6, 'COMMENT ON SCHEMA public IS ''standard public schema'''
         FROM pg_namespace n
        WHERE n.nspname = 'public'
          AND obj_description(n.oid, 'pg_namespace') IS DISTINCT FROM 'standard public schema'
       ) AS step
 ORDER BY rank, statement
