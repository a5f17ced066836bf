-- GRANT and REVOKE: the difference between an object's initial privileges (at creation, or from initdb or its extension)
-- and its own. Items are compared as a whole and granted in order, the owner's first, which gives the same list.
-- REVOKE is always of ALL, as in pg_dump: a newer server may have more privileges. A grantor other than the owner must
-- be the current role, since GRANTED BY accepts no other. The initial privileges of information_schema are not recorded.
-- For large objects see large_object_words.sql.
-- Reference: pg_dump.c dumpACL, getNamespaces, getAdditionalACLs, dumpTable; dumputils.c buildACLCommands (18.6).
  WITH subject (classid, objid, subid, word, owner, acl, type) AS (
       SELECT tableoid, oid, 0, 'SCHEMA', nspowner, nspacl, 'n'
         FROM pg_namespace
        UNION ALL
       SELECT tableoid, oid, 0, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, relowner, relacl
            , CASE relkind WHEN 'S' THEN 's' ELSE 'r' END
         FROM pg_class
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL
       SELECT c.tableoid, c.oid, a.attnum, 'TABLE', c.relowner, a.attacl, 'c'
         FROM pg_attribute a
         JOIN pg_class c ON c.oid = a.attrelid
        WHERE NOT a.attisdropped
          AND (a.attrelid::bigint << 16) + a.attnum <> ALL (<without>)
          AND (a.attacl IS NOT NULL OR a.attrelid IN (SELECT objoid FROM pg_init_privs WHERE objsubid <> 0))
        UNION ALL
       SELECT tableoid, oid, 0, CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, proowner, proacl
            , 'f'
         FROM pg_proc                        -- thousands of rows: a cheap condition first
        WHERE proacl IS NOT NULL OR oid IN (SELECT objoid FROM pg_init_privs)
        UNION ALL
       SELECT tableoid, oid, 0, 'TYPE', typowner, typacl, 'T'
         FROM pg_type
        WHERE typtype <> 'm'
          AND (typacl IS NOT NULL OR oid IN (SELECT objoid FROM pg_init_privs))
        UNION ALL
       SELECT tableoid, oid, 0, 'LANGUAGE', lanowner, lanacl, 'l'
         FROM pg_language
        WHERE lanpltrusted
        UNION ALL
       SELECT tableoid, oid, 0, 'FOREIGN DATA WRAPPER', fdwowner, fdwacl, 'F'
         FROM pg_foreign_data_wrapper
        UNION ALL
       SELECT tableoid, oid, 0, 'FOREIGN SERVER', srvowner, srvacl, 'S'
         FROM pg_foreign_server
     )
     , list AS (
       SELECT s.classid, s.objid, s.subid, s.word, s.owner
            , (SELECT format(' (%I)', attname)
                 FROM pg_attribute
                WHERE attrelid = s.objid AND attnum = s.subid AND s.subid <> 0) AS column_list
            , coalesce(s.acl, standard.acl) AS acl
            , CASE WHEN public.yes
                   -- Before 15 PUBLIC may CREATE here, and has to keep that: never equal, so it is always granted.
--<15                    THEN standard.acl || ARRAY[makeaclitem(0, s.owner, 'USAGE', true)
--<15                                          , makeaclitem(0, s.owner, 'CREATE', true)]
                   THEN standard.acl || makeaclitem(0, s.owner, 'USAGE', false)                                --15+
                   ELSE coalesce(i.initprivs, standard.acl)
               END AS initial
         FROM subject s
         LEFT JOIN pg_init_privs i
           ON i.classoid = s.classid
          AND i.objoid = s.objid
          AND i.objsubid = s.subid
          AND (s.word <> 'SCHEMA' OR s.objid <> 2200)      -- public, even if it was renamed
        CROSS JOIN LATERAL (SELECT s.classid = 'pg_namespace'::regclass
                               AND s.objid = to_regnamespace('public')::oid IS TRUE) AS public (yes)
        CROSS JOIN LATERAL (SELECT acldefault(s.type::"char", s.owner)) AS standard (acl)
        WHERE s.acl IS NOT NULL
           OR i.initprivs IS NOT NULL
           OR public.yes
       OFFSET 0                             -- once per list, not per privilege
     )
     , item AS (
       SELECT l.classid, l.objid, l.subid, l.word, l.owner, l.column_list, e.grantor, e.grantee, side.initial
            , e.grantor = l.owner AND e.grantee = l.owner AS own
            , min(e.ordinality) AS position
            , string_agg(p.name, ', ' ORDER BY e.ordinality) FILTER (WHERE NOT e.is_grantable) AS plain
            , string_agg(p.name, ', ' ORDER BY e.ordinality) FILTER (WHERE e.is_grantable) AS grantable
         FROM list l
        CROSS JOIN (VALUES (false), (true)) AS side (initial)
        CROSS JOIN LATERAL aclexplode(CASE WHEN side.initial THEN l.initial ELSE l.acl END)
              WITH ORDINALITY AS e (grantor, grantee, privilege_type, is_grantable, ordinality)
        CROSS JOIN LATERAL (SELECT concat(e.privilege_type, l.column_list)) AS p (name)
        WHERE EXISTS (SELECT FROM pg_roles r WHERE r.oid = e.grantor)
          AND (e.grantee = 0 OR EXISTS (SELECT FROM pg_roles r WHERE r.oid = e.grantee))
          AND l.acl IS DISTINCT FROM l.initial  -- skips the hundreds of built-in objects with initdb's privileges
        GROUP BY l.classid, l.objid, l.subid, l.word, l.owner, l.column_list, e.grantor, e.grantee, side.initial
     )
     , changed AS (
       SELECT classid, objid, subid, word, owner, column_list, grantor, grantee, own, plain, grantable
            , bool_or(initial) AS initial
            , min(position) AS position
         FROM item
        GROUP BY classid, objid, subid, word, owner, column_list, grantor, grantee, own, plain, grantable
       HAVING count(*) = 1
     )
SELECT i.classid
     , i.objid
     , NULL::oid AS owner
     , array_agg(step.statement
                 ORDER BY i.subid <> 0, i.column_list COLLATE "C", NOT i.initial, NOT i.own, i.position
                        , step.number) AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM changed i
 CROSS JOIN LATERAL pg_identify_object(i.classid, i.objid, 0) AS object
 CROSS JOIN LATERAL (SELECT format('%s %s', i.word, CASE
                                 WHEN i.word = 'PROCEDURE'
                                 THEN format('%s(%s)', i.objid::regproc, pg_get_function_identity_arguments(i.objid))
                                 ELSE object.identity
                             END)
                          , CASE i.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(i.grantee)) END
                          , i.grantor <> i.owner) AS of (target, grantee, by_other)
 CROSS JOIN LATERAL (VALUES
            (1, i.initial, format('REVOKE ALL%s ON %s FROM %s', i.column_list, of.target, of.grantee))
          , (2, NOT i.initial AND of.by_other, format('SET LOCAL ROLE %I', pg_get_userbyid(i.grantor)))
          , (3, NOT i.initial AND i.plain <> '', format('GRANT %s ON %s TO %s', i.plain, of.target, of.grantee))
          , (4, NOT i.initial AND i.grantable <> ''
             , format('GRANT %s ON %s TO %s WITH GRANT OPTION', i.grantable, of.target, of.grantee))
          , (5, NOT i.initial AND of.by_other, 'RESET ROLE')
       ) AS step (number, wanted, statement)
 WHERE step.wanted
   AND (i.objid >= 16384 OR coalesce(object.schema, object.identity) <> 'information_schema')
 GROUP BY i.classid, i.objid
