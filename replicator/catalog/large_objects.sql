-- Ranges of at most 400 large objects: a GRANT or COMMENT locks an object until the transaction ends, and eight workers
-- share a lock table with room for 6400 locks by default (100 connections).
SELECT min(oid)::bigint AS first
     , max(oid)::bigint AS last
     , count(*) AS count
  FROM (SELECT oid, (row_number() OVER (ORDER BY oid) - 1) / 400 AS part
          FROM pg_largeobject_metadata) numbered
 GROUP BY part
 ORDER BY part
