-- A hash of each large object of a range: its bytes, owner, privileges and comment; the owners' own privileges are skipped
-- if owners are not copied. Python fills in the range, the fields of a LargeObjects, and the destination's role.
-- In megabytes: an object may be larger than memory. The sum is hashed with the positions, since pieces may be swapped.
  WITH RECURSIVE piece (oid, number, length, hash) AS (
       SELECT l.oid, 0::bigint, length(p.data), hashtextextended(md5(p.data), l.oid::bigint)
         FROM pg_largeobject_metadata l
        CROSS JOIN LATERAL lo_get(l.oid, 0, 1048576) AS p (data)
        WHERE l.oid BETWEEN %(first)s AND %(last)s
        UNION ALL
       SELECT l.oid, l.number + 1, length(p.data), hashtextextended(md5(p.data), l.oid::bigint + l.number + 1)
         FROM piece l
        CROSS JOIN LATERAL lo_get(l.oid, (l.number + 1) * 1048576, 1048576) AS p (data)
        WHERE l.length = 1048576
     )
     , word (oid, said) AS (
       SELECT l.oid, concat_ws(' ', CASE WHEN %(owners)s THEN pg_get_userbyid(l.lomowner) END, acl.text, d.description)
         FROM pg_largeobject_metadata l
         LEFT JOIN pg_description d ON d.objoid = l.oid AND d.classoid = 'pg_largeobject'::regclass AND %(comments)s
         LEFT JOIN LATERAL (
              SELECT string_agg(format('%%s%%s%%s', CASE e.grantee
                                                      WHEN l.lomowner THEN 'owner'
                                                      WHEN 0 THEN 'PUBLIC'
                                                      ELSE quote_ident(pg_get_userbyid(e.grantee))
                                                  END, e.privilege_type, e.is_grantable), ' ' ORDER BY e.ordinality)
                FROM aclexplode(l.lomacl)
                     WITH ORDINALITY AS e (grantor, grantee, privilege_type, is_grantable, ordinality)
               WHERE %(owners)s
                  OR e.grantee <> l.lomowner AND (e.grantee = 0 OR pg_get_userbyid(e.grantee) <> %(role)s)
              ) AS acl (text)
           ON %(privileges)s
        WHERE l.oid BETWEEN %(first)s AND %(last)s
     )
SELECT oid::bigint AS number
     , hashtextextended(concat(md5(%(said)s), sum(piece.hash)), oid::bigint) AS hash
     , oid::text AS name
  FROM word
  JOIN piece USING (oid)
 GROUP BY oid, word.said
