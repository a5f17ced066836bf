-- Built-in collations that tables, types or indexes of this database name; those that all servers have left out.
SELECT c.collname::text
  FROM pg_collation c
 WHERE c.oid < 16384
   AND c.collnamespace = 'pg_catalog'::regnamespace
   AND c.collname NOT IN ('default', 'C', 'POSIX', 'ucs_basic', 'unicode', 'pg_c_utf8', 'pg_unicode_fast')
   AND (EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid >= 16384 AND a.attcollation = c.oid)
        OR EXISTS (SELECT FROM pg_type t WHERE t.oid >= 16384 AND t.typcollation = c.oid)
        OR EXISTS (SELECT FROM pg_range r WHERE r.rngtypid >= 16384 AND r.rngcollation = c.oid)
        OR EXISTS (SELECT FROM pg_index i WHERE i.indexrelid >= 16384 AND c.oid = ANY (i.indcollation)))
