-- GRANT SET, ALTER SYSTEM ON PARAMETER. The privileges of the bootstrap superuser are implicit.
-- Reference: pg_dumpall.c dumpRoleGUCPrivs (18.6).
  WITH subject AS (
       SELECT format('PARAMETER %I', parname) AS target, 10 AS owner, pg_get_userbyid(10) AS owner_name
            , paracl AS acl, acldefault('p', 10) AS standard
         FROM pg_parameter_acl
     )
SELECT format('privileges on %s of %s', lower(target), who) AS name
     , role
     , statements
  FROM (
<acl>
     ) AS privilege
 WHERE role <> pg_get_userbyid(10)
 ORDER BY target, position, who
