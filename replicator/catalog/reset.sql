-- Statements that give back what no DROP takes away: default privileges for all schemas, and the schema public.
-- Reference: PostgreSQL docs 52.9, pg_default_acl; initdb's own ACL and comment of public.
SELECT statement
  FROM (
       SELECT 1 AS rank
            , format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE ALL ON %s FROM %s'
                    , role.name, of.objects, coalesce(quote_ident(r.rolname), 'PUBLIC')) AS statement
         FROM pg_default_acl d
        CROSS JOIN LATERAL aclexplode(d.defaclacl) AS e
         LEFT JOIN pg_roles r ON r.oid = e.grantee
        CROSS JOIN LATERAL pg_get_userbyid(d.defaclrole) AS role (name)
        CROSS JOIN LATERAL (SELECT CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                                                        WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'
                                                        WHEN 'n' THEN 'SCHEMAS' WHEN 'L' THEN 'LARGE OBJECTS' END)
                   AS of (objects)
        WHERE d.defaclnamespace = 0
        UNION
       SELECT 2
            , format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT %s ON %s TO %s'
                    , role.name, e.privilege_type, of.objects, coalesce(quote_ident(r.rolname), 'PUBLIC'))
         FROM pg_default_acl d
        CROSS JOIN LATERAL (SELECT CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END) AS kind (letter)
        CROSS JOIN LATERAL aclexplode(acldefault(kind.letter::"char", d.defaclrole)) AS e
         LEFT JOIN pg_roles r ON r.oid = e.grantee
        CROSS JOIN LATERAL pg_get_userbyid(d.defaclrole) AS role (name)
        CROSS JOIN LATERAL (SELECT CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                                                        WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'
                                                        WHEN 'n' THEN 'SCHEMAS' WHEN 'L' THEN 'LARGE OBJECTS' END)
                   AS of (objects)
        WHERE d.defaclnamespace = 0
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
