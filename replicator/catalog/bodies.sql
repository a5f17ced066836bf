-- The texts of functions. What parsed bodies (BEGIN ATOMIC) read is in pg_depend.
-- Opaque: it may read tables that its text does not name.
SELECT p.tableoid::bigint AS classid
     , p.oid::bigint AS objid
     , CASE WHEN l.lanname = 'c' THEN '' ELSE p.prosrc END AS body
     , l.lanname NOT IN ('sql', 'plpgsql') OR l.lanname = 'plpgsql' AND p.prosrc ~* '\mexecute\M' AS opaque
  FROM pg_proc p
  JOIN pg_language l ON l.oid = p.prolang
 WHERE p.oid >= 16384
   AND l.lanname <> 'internal'
   AND p.prosqlbody IS NULL --14+
