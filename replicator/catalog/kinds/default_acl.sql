-- ALTER DEFAULT PRIVILEGES. For all schemas: the difference from the built-in privileges; in a schema: all of them.
-- By name: the server sorts the list by the OIDs of roles, which differ between servers. Reference: aclchk.c aclitemsort.
-- Reference: pg_dump.c getDefaultACLs, dumpDefaultACL; dumputils.c buildDefaultACLCommands, buildACLCommands (18.6).
  WITH item AS (
       SELECT d.oid AS objid, e.grantee, e.grantee = d.defaclrole AS own, side.initial
            , string_agg(e.privilege_type, ', ' ORDER BY e.ordinality) AS all_privileges
            , string_agg(e.privilege_type, ', ' ORDER BY e.ordinality) FILTER (WHERE NOT e.is_grantable) AS plain
            , string_agg(e.privilege_type, ', ' ORDER BY e.ordinality) FILTER (WHERE e.is_grantable) AS grantable
         FROM pg_default_acl d
        CROSS JOIN (VALUES (false), (true)) AS side (initial)
        CROSS JOIN LATERAL aclexplode(CASE
            WHEN NOT side.initial THEN d.defaclacl
            WHEN d.defaclnamespace = 0
            THEN acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END::"char", d.defaclrole)
        END) WITH ORDINALITY AS e (grantor, grantee, privilege_type, is_grantable, ordinality)
        WHERE e.grantee = 0
           OR EXISTS (SELECT FROM pg_roles r WHERE r.oid = e.grantee)
        GROUP BY d.oid, e.grantee, d.defaclrole, side.initial
     )
     , changed AS (
       SELECT objid, grantee, own, all_privileges, plain, grantable
            , bool_or(initial) AS initial
         FROM item
        GROUP BY objid, grantee, own, all_privileges, plain, grantable
       HAVING count(*) = 1
     )
SELECT d.tableoid AS classid
     , d.oid AS objid
     , NULL::oid AS owner
     , array_agg(format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s ', pg_get_userbyid(d.defaclrole), of.schema)
                 || step.statement ORDER BY NOT i.initial, NOT i.own, of.grantee COLLATE "C", step.number) AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM changed i
  JOIN pg_default_acl d ON d.oid = i.objid
  LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
 CROSS JOIN LATERAL (SELECT CASE d.defaclobjtype
                                 WHEN 'r' THEN 'TABLES'
                                 WHEN 'S' THEN 'SEQUENCES'
                                 WHEN 'f' THEN 'FUNCTIONS'
                                 WHEN 'T' THEN 'TYPES'
                                 WHEN 'n' THEN 'SCHEMAS'
                                 WHEN 'L' THEN 'LARGE OBJECTS'
                             END
                          , CASE i.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(i.grantee)) END
                          , coalesce(' IN SCHEMA ' || quote_ident(n.nspname), '')) AS of (target, grantee, schema)
 CROSS JOIN LATERAL (VALUES
            (1, i.initial, format('REVOKE %s ON %s FROM %s', i.all_privileges, of.target, of.grantee))
          , (2, NOT i.initial AND i.plain <> '', format('GRANT %s ON %s TO %s', i.plain, of.target, of.grantee))
          , (3, NOT i.initial AND i.grantable <> ''
             , format('GRANT %s ON %s TO %s WITH GRANT OPTION', i.grantable, of.target, of.grantee))
       ) AS step (number, wanted, statement)
 WHERE step.wanted
 GROUP BY d.tableoid, d.oid
