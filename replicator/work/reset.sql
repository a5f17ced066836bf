-- Statements that reset what DROP cannot remove: default privileges, and the schema public.
-- Reference: PostgreSQL docs 52.9, pg_default_acl; initdb's own ACL and comment of public.
  WITH changed AS (
       SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', pg_get_userbyid(defaclrole))
              || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), '') AS alter_default
            , CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
                                 WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' WHEN 'L' THEN 'LARGE OBJECTS'
              END AS objects
            , defaclacl AS acl
            , CASE defaclnamespace
                   WHEN 0 THEN acldefault(CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END::"char", defaclrole)
              END AS standard                             -- of one schema: added to those of all schemas
         FROM pg_default_acl
         LEFT JOIN pg_namespace n ON n.oid = defaclnamespace
        WHERE quote_ident(n.nspname) <> ALL (<kept>::text[]) IS NOT FALSE
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
--<15       , format('ALTER SCHEMA public OWNER TO %I', pg_get_userbyid(10))
            , 'ALTER SCHEMA public OWNER TO pg_database_owner'                                             --15+
         FROM pg_namespace
        WHERE nspname = 'public'
--<15     AND nspowner <> 10
          AND nspowner <> 'pg_database_owner'::regrole                                                    --15+
          AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        UNION
       SELECT 4
            , format('REVOKE ALL ON SCHEMA public FROM %s', coalesce(quote_ident(r.rolname), 'PUBLIC'))
         FROM pg_namespace n
        CROSS JOIN LATERAL aclexplode(n.nspacl) AS e
         LEFT JOIN pg_roles r ON r.oid = e.grantee
        WHERE n.nspname = 'public'
          AND e.grantee <> n.nspowner
        UNION
--<15  SELECT 5, 'GRANT ALL ON SCHEMA public TO PUBLIC'
       SELECT 5, 'GRANT USAGE ON SCHEMA public TO PUBLIC'                                             --15+
         FROM pg_namespace
        WHERE nspname = 'public'
        UNION
       SELECT 6
            , format('GRANT ALL ON SCHEMA public TO %I'
                    , CASE
                          WHEN NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
                          THEN pg_get_userbyid(nspowner)
--<15                     ELSE pg_get_userbyid(10)
                          ELSE 'pg_database_owner'                                                        --15+
                      END)
         FROM pg_namespace
        WHERE nspname = 'public'
        UNION
       SELECT 7, 'COMMENT ON SCHEMA public IS ''standard public schema'''
         FROM pg_namespace n
        WHERE n.nspname = 'public'
          AND obj_description(n.oid, 'pg_namespace') IS DISTINCT FROM 'standard public schema'
       ) AS step
 ORDER BY rank, statement
