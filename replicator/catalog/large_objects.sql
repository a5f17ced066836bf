-- Ranges of at most 400 large objects: what is said of one locks it to the end of the transaction, and eight workers
-- share the room that 100 connections have for locks by default (6400).
SELECT min(oid)::bigint AS first
     , max(oid)::bigint AS last
     , count(*) AS count
  FROM (SELECT oid, (row_number() OVER (ORDER BY oid) - 1) / 400 AS part
          FROM pg_largeobject_metadata) numbered
 GROUP BY part
 ORDER BY part
