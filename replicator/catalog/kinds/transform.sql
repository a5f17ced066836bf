-- CREATE TRANSFORM.
-- Reference: pg_dump.c getTransforms, dumpTransform (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format('CREATE TRANSFORM FOR %s LANGUAGE %I (%s)', t.trftype::regtype, l.lanname, concat_ws(', '
            , 'FROM SQL WITH FUNCTION ' || NULLIF(t.trffromsql::regprocedure::text, '-')
            , 'TO SQL WITH FUNCTION ' || NULLIF(t.trftosql::regprocedure::text, '-')))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_transform t
  JOIN pg_language l ON l.oid = t.trflang
 WHERE t.oid >= 16384
