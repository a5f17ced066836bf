-- Ranges of at most 1000 large objects: an uncommitted large object holds a lock, and their number is limited.
SELECT min(oid)::bigint AS first
     , max(oid)::bigint AS last
     , count(*) AS count
  FROM (SELECT oid, (row_number() OVER (ORDER BY oid) - 1) / 1000 AS part
          FROM pg_largeobject_metadata) numbered
 GROUP BY part
 ORDER BY part
