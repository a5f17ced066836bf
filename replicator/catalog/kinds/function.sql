-- CREATE FUNCTION and CREATE PROCEDURE: all of pg_proc except aggregates.
-- A function whose BEGIN ATOMIC body calls itself is first created with an empty body.
-- pg_depend records transforms of a function's argument types, but not others named in TRANSFORM FOR TYPE.
-- Reference: pg_dump.c getFuncs, dumpFunc, append_depends_on_extension (18.6).
SELECT p.tableoid AS classid
     , p.oid AS objid
     , p.proowner AS owner
     , ARRAY[CASE WHEN p.prosqlbody IS NOT NULL AND d.calls_itself                                        --14+
                  THEN left(d.definition, -1 - length(pg_get_function_sqlbody(p.oid))) || 'AS '''''       --14+
              END,                                                                                        --14+
--<14      , ARRAY[
             CASE WHEN d.calls_itself
                  THEN d.definition
                  ELSE regexp_replace(d.definition, '^CREATE OR REPLACE', 'CREATE')
              END]
       || ARRAY(SELECT format('ALTER ROUTINE %s(%s) DEPENDS ON EXTENSION %I'
                             , p.oid::regproc, pg_get_function_identity_arguments(p.oid), e.extname)
                  FROM pg_depend x
                  JOIN pg_extension e ON e.oid = x.refobjid AND e.tableoid = x.refclassid
                 WHERE x.classid = p.tableoid
                   AND x.objid = p.oid
                   AND x.deptype = 'x'
                 ORDER BY e.extname) AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY(SELECT unnest(ARRAY[t.tableoid, t.oid])
               FROM pg_transform t
              WHERE t.trflang = p.prolang
                AND t.trftype = ANY (p.protrftypes)) AS needs
  FROM pg_proc p
 CROSS JOIN LATERAL (
       SELECT pg_get_functiondef(p.oid) AS definition
            , EXISTS (SELECT
                        FROM pg_depend
                       WHERE classid = p.tableoid AND objid = p.oid
                         AND refclassid = p.tableoid AND refobjid = p.oid) AS calls_itself
       OFFSET 0                                                 -- called once, used twice
       ) AS d
 WHERE p.oid >= 16384
   AND p.prokind <> 'a'
