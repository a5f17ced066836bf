-- Collations of initdb that tables, types or indexes of this database use, except those that every server has.
SELECT c.collname::text
  FROM pg_collation c
 WHERE c.oid < 16384
   AND c.collnamespace = 'pg_catalog'::regnamespace
   AND c.collname NOT IN ('default', 'C', 'POSIX', 'ucs_basic', 'unicode', 'pg_c_utf8', 'pg_unicode_fast')
       -- Not a condition for each collation: where ICU brought hundreds, that took seconds.
   AND c.oid IN (SELECT attcollation FROM pg_attribute WHERE attrelid >= 16384
                  UNION
                 SELECT typcollation FROM pg_type WHERE oid >= 16384
                  UNION
                 SELECT rngcollation FROM pg_range WHERE rngtypid >= 16384
                  UNION
                 SELECT unnest(indcollation) FROM pg_index WHERE indexrelid >= 16384)
