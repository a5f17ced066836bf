-- CREATE POLICY. Role 0 is PUBLIC, which is also the default.
-- Reference: pg_dump.c getPolicies, dumpPolicy (18.6).
SELECT p.tableoid AS classid
     , p.oid AS objid
     , NULL::oid AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE POLICY %I ON %s', p.polname, p.polrelid::regclass)
            , CASE WHEN NOT p.polpermissive THEN 'AS RESTRICTIVE' END
            , CASE p.polcmd
                  WHEN 'r' THEN 'FOR SELECT'
                  WHEN 'a' THEN 'FOR INSERT'
                  WHEN 'w' THEN 'FOR UPDATE'
                  WHEN 'd' THEN 'FOR DELETE'
              END
            , 'TO ' || (SELECT string_agg(format('%I', pg_get_userbyid(r.oid)), ', ' ORDER BY r.at)
                          FROM unnest(p.polroles) WITH ORDINALITY AS r (oid, at)
                         WHERE r.oid <> 0)
            , 'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')'
            , 'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_policy p
