-- CREATE ROLE with settings and comment, then the memberships, of roles missing on another server.
-- <authid> is pg_authid if readable, else pg_roles, which masks passwords.
-- The current role grants memberships: the original grantor is not copied.
-- Reference: pg_dumpall.c dumpRoles, dumpUserConfig, dumpRoleMembership (18.6).
  WITH missing AS (
       SELECT r.*
         FROM <authid> r
        WHERE r.rolname !~ '^pg_'
          AND r.rolname <> ALL (<there>::text[])
     )
     , setting AS (
<setting>
     )
SELECT name
     , statements
  FROM (
       SELECT 1 AS rank
            , format('role %I', r.rolname) AS name
            , ARRAY[concat_ws(' '
                   , format('CREATE ROLE %I', r.rolname)
                   , CASE WHEN r.rolsuper THEN 'SUPERUSER' END
                   , CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END
                   , CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END
                   , CASE WHEN r.rolcreatedb THEN 'CREATEDB' END
                   , CASE WHEN r.rolcanlogin THEN 'LOGIN' END
                   , CASE WHEN r.rolreplication THEN 'REPLICATION' END
                   , CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END
                   , 'CONNECTION LIMIT ' || nullif(r.rolconnlimit, -1)
                   , 'PASSWORD ' || quote_literal(nullif(r.rolpassword, '********'))
                   , 'VALID UNTIL ' || quote_literal(r.rolvaliduntil::text))]
              || ARRAY(SELECT format('ALTER ROLE %I %s', r.rolname, s.set)
                         FROM setting s
                        WHERE s.setrole = r.oid
                          AND s.setdatabase = 0
                        ORDER BY s.position)
              || ARRAY(SELECT format('COMMENT ON ROLE %I IS %L', r.rolname, d.description)
                         FROM pg_shdescription d
                        WHERE d.objoid = r.oid
                          AND d.classoid = 'pg_authid'::regclass)
              || ARRAY(SELECT format('SECURITY LABEL FOR %I ON ROLE %I IS %L', l.provider, r.rolname, l.label)
                         FROM pg_shseclabel l
                        WHERE l.objoid = r.oid
                          AND l.classoid = 'pg_authid'::regclass) AS statements
         FROM missing r
        UNION ALL
       SELECT DISTINCT 2
            , format('membership of %I in %I', member.rolname, role.rolname)
            , ARRAY[format('GRANT %I TO %I', role.rolname, member.rolname)
--<16               || CASE WHEN m.admin_option THEN ' WITH ADMIN OPTION' ELSE '' END
                    || format(' WITH ADMIN %s, INHERIT %s, SET %s'                                 --16+
                             , m.admin_option::text, m.inherit_option::text, m.set_option::text)   --16+
                   ]
         FROM pg_auth_members m
         JOIN pg_roles role ON role.oid = m.roleid
         JOIN pg_roles member ON member.oid = m.member
        WHERE EXISTS (SELECT FROM missing WHERE missing.oid IN (role.oid, member.oid))
       ) AS made
 ORDER BY rank, name
