-- The texts of functions. What a body that the server has parsed reads is in pg_depend.
SELECT p.tableoid::bigint AS classid
     , p.oid::bigint AS objid
     , p.prosrc AS body
  FROM pg_proc p
  JOIN pg_language l ON l.oid = p.prolang
 WHERE p.oid >= 16384
   AND l.lanname NOT IN ('c', 'internal')
   AND p.prosqlbody IS NULL --14+
