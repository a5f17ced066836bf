-- SECURITY LABEL of each provider; labels of columns are grouped with their relation's. Those of subscriptions are in
-- pg_shseclabel.
-- Reference: pg_dump.c collectSecLabels, dumpSecLabel, dumpTableSecLabel (18.6).
SELECT s.classoid AS classid
     , s.objoid AS objid
     , NULL::oid AS owner
     , array_agg(format('SECURITY LABEL FOR %I ON %s IS %L', s.provider, target.name, s.label)
                 ORDER BY s.objsubid <> 0, target.name COLLATE "C", s.provider) AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM (SELECT classoid, objoid, objsubid, provider, label
          FROM pg_seclabel
         WHERE objoid >= 16384
            OR classoid = 'pg_largeobject'::regclass
            OR objoid = to_regnamespace('public')
         UNION ALL
        SELECT classoid, objoid, 0, provider, label
          FROM pg_shseclabel
         WHERE classoid = 'pg_subscription'::regclass) AS s
 CROSS JOIN LATERAL pg_identify_object(s.classoid, s.objoid, s.objsubid) AS object
 CROSS JOIN LATERAL (SELECT CASE
            WHEN s.objsubid <> 0 THEN format('COLUMN %s', object.identity)
            WHEN object.type = 'aggregate' THEN format('ROUTINE %s', object.identity)
            WHEN object.type = 'procedure'
            THEN format('PROCEDURE %s(%s)', s.objoid::regproc, pg_get_function_identity_arguments(s.objoid))
            ELSE format('%s %s', upper(object.type), object.identity)
        END) AS target (name)
 WHERE object.identity IS NOT NULL
   AND (s.classoid <> 'pg_class'::regclass OR (s.objoid::bigint << 16) + s.objsubid <> ALL (<without>))
 GROUP BY s.classoid, s.objoid
