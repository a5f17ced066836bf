-- The texts of functions. What a body that the server has parsed reads is in pg_depend.
-- Opaque is what reads tables that its text need not name.
SELECT p.tableoid::bigint AS classid
     , p.oid::bigint AS objid
     , CASE WHEN l.lanname = 'c' THEN '' ELSE p.prosrc END AS body
     , l.lanname NOT IN ('sql', 'plpgsql') OR l.lanname = 'plpgsql' AND p.prosrc ~* '\mexecute\M' AS opaque
  FROM pg_proc p
  JOIN pg_language l ON l.oid = p.prolang
 WHERE p.oid >= 16384
   AND l.lanname <> 'internal'
   AND p.prosqlbody IS NULL --14+
