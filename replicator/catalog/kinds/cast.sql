-- CREATE CAST. Its function may take or return another type that a binary-coercible cast makes equivalent: some versions
-- do not record the dependency on that cast in pg_depend.
-- Reference: pg_dump.c getCasts, dumpCast (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , NULL::oid AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE CAST (%s AS %s)', c.castsource::regtype, c.casttarget::regtype)
            , CASE c.castmethod
                   WHEN 'f' THEN format('WITH FUNCTION %s', c.castfunc::regprocedure)
                   WHEN 'b' THEN 'WITHOUT FUNCTION'
                   WHEN 'i' THEN 'WITH INOUT'
               END
            , CASE c.castcontext WHEN 'a' THEN 'AS ASSIGNMENT' WHEN 'i' THEN 'AS IMPLICIT' END)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY(SELECT unnest(ARRAY[b.tableoid, b.oid])
               FROM pg_proc p
               JOIN pg_cast b ON b.castmethod = 'b'
                             AND (b.castsource, b.casttarget) IN ((c.castsource, p.proargtypes[0])
                                                                 , (p.prorettype, c.casttarget))
              WHERE p.oid = c.castfunc) AS needs
  FROM pg_cast c
 WHERE c.oid >= 16384
