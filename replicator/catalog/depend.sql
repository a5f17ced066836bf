-- pg_depend without what is built in.
-- Reference: PostgreSQL docs 52.18, pg_depend.
SELECT DISTINCT classid::bigint, objid::bigint, refclassid::bigint, refobjid::bigint, deptype::text
  FROM pg_depend
 WHERE objid >= 16384
   AND refobjid >= 16384
   AND deptype <> 'p'
