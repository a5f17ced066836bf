-- GRANT and REVOKE on each `subject` (target, owner, owner_name, acl, standard): one row for each pair of grantor and
-- grantee whose privileges differ from the standard. `owner_name` is the owner on the destination: it gets the owner's
-- privileges, and needs no others. A grantor other than the owner must be the current role.
-- Reference: dumputils.c buildACLCommands (18.6).
SELECT entry.target
     , coalesce(max(CASE entry.grantee WHEN entry.owner THEN entry.owner_name ELSE r.rolname END), 'PUBLIC') AS role
     , concat(grantee.name, ' by ' || grantor.name) AS who
     , coalesce(max(entry.position) FILTER (WHERE NOT entry.standard), 0) AS position
     , array_remove(ARRAY[ 'SET LOCAL ROLE ' || grantor.name
                         , format('REVOKE ALL ON %s FROM %s', entry.target, grantee.name)
                         , 'GRANT ' || max(entry.plain) FILTER (WHERE NOT entry.standard)
                           || format(' ON %s TO %s', entry.target, grantee.name)
                         , 'GRANT ' || max(entry.grantable) FILTER (WHERE NOT entry.standard)
                           || format(' ON %s TO %s WITH GRANT OPTION', entry.target, grantee.name)
                         , CASE WHEN grantor.name <> '' THEN 'RESET ROLE' END], NULL) AS statements
  FROM (SELECT s.target, s.owner, s.owner_name, e.grantor, e.grantee, side.standard
             , min(e.ordinality) AS position
             , string_agg(e.privilege_type, ', ' ORDER BY e.ordinality) FILTER (WHERE NOT e.is_grantable) AS plain
             , string_agg(e.privilege_type, ', ' ORDER BY e.ordinality) FILTER (WHERE e.is_grantable) AS grantable
          FROM subject s
         CROSS JOIN (VALUES (false), (true)) AS side (standard)
         CROSS JOIN LATERAL aclexplode(CASE WHEN side.standard THEN s.standard ELSE coalesce(s.acl, s.standard) END)
               WITH ORDINALITY AS e (grantor, grantee, privilege_type, is_grantable, ordinality)
         GROUP BY s.target, s.owner, s.owner_name, e.grantor, e.grantee, side.standard) AS entry
  LEFT JOIN pg_roles r ON r.oid = entry.grantee
  LEFT JOIN pg_roles g ON g.oid = entry.grantor
 CROSS JOIN LATERAL (SELECT CASE entry.grantee WHEN 0 THEN 'PUBLIC'
                                               WHEN entry.owner THEN quote_ident(entry.owner_name)
                                               ELSE quote_ident(r.rolname)
                             END) AS grantee (name)
 CROSS JOIN LATERAL (SELECT CASE WHEN entry.grantor <> entry.owner THEN quote_ident(g.rolname) END) AS grantor (name)
 WHERE grantee.name <> ''
   AND g.oid IS NOT NULL
   AND (entry.grantee = entry.owner OR r.rolname IS DISTINCT FROM entry.owner_name)
 GROUP BY entry.target, grantee.name, grantor.name
HAVING max(concat(entry.plain, ' + ', entry.grantable)) FILTER (WHERE entry.standard)
       IS DISTINCT FROM max(concat(entry.plain, ' + ', entry.grantable)) FILTER (WHERE NOT entry.standard)
