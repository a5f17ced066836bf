-- The privileges and comments of a range of large objects, as statements, with the role that runs each and the owner.
-- One GRANT names all objects with the same owner and the same privileges. The owner's own privileges are omitted if the
-- owner differs on the destination.
-- Reference: pg_dump.c getLOs, dumpLO; dumputils.c buildACLCommands (18.6).
  WITH granted AS (
       SELECT l.lomowner AS owner, l.lomacl AS acl, acldefault('L', l.lomowner) AS standard, g.first, g.oids
         FROM (SELECT min(oid), string_agg(oid::text, ', ' ORDER BY oid)
                 FROM pg_largeobject_metadata
                WHERE oid BETWEEN %(first)s AND %(last)s
                  AND lomacl IS NOT NULL
                  AND %(privileges)s
                GROUP BY lomowner, lomacl::text) AS g (first, oids)       -- text, since aclitem cannot be sorted
         JOIN pg_largeobject_metadata l ON l.oid = g.first
     )
     , item AS (
       SELECT g.owner, g.first, g.oids, e.grantor, e.grantee, e.is_grantable
            , min(e.ordinality) AS position
            , string_agg(e.privilege_type, ', ' ORDER BY e.ordinality) AS privileges
         FROM granted g
        CROSS JOIN LATERAL aclexplode(g.acl)
              WITH ORDINALITY AS e (grantor, grantee, privilege_type, is_grantable, ordinality)
        WHERE EXISTS (SELECT FROM pg_roles r WHERE r.oid = e.grantor)
          AND (e.grantee = 0 OR EXISTS (SELECT FROM pg_roles r WHERE r.oid = e.grantee))
          AND NOT (e.grantee = g.owner AND (g.standard[1] = ANY (g.acl) OR NOT %(owners)s))
        GROUP BY g.owner, g.first, g.oids, e.grantor, e.grantee, e.is_grantable
     )
     , word (role, owner, first, position, text) AS (
       SELECT owner, owner, first, 0, format('REVOKE ALL ON LARGE OBJECT %%s FROM %%I', oids, pg_get_userbyid(owner))
         FROM granted
        WHERE NOT standard[1] = ANY (acl)
          AND %(owners)s
        UNION ALL
       SELECT grantor, owner, first, position
            , format('GRANT %%s ON LARGE OBJECT %%s TO %%s%%s', privileges, oids
                    , CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
                    , CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
         FROM item
        UNION ALL
       SELECT l.lomowner, l.lomowner, l.oid, NULL, format('COMMENT ON LARGE OBJECT %%s IS %%L', l.oid, d.description)
         FROM pg_largeobject_metadata l
         JOIN pg_description d ON d.objoid = l.oid AND d.classoid = 'pg_largeobject'::regclass
        WHERE l.oid BETWEEN %(first)s AND %(last)s
          AND %(comments)s
     )
SELECT pg_get_userbyid(role)::text, pg_get_userbyid(owner)::text, text
  FROM word
 ORDER BY owner, position IS NULL, first, position
