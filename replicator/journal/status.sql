-- The status in the journal. Its clone is alive while a session holds the advisory lock.
SELECT current_database()::text AS database
     , source
     , state
     , started
     , ended
     , error
     , options
     , CASE WHEN held_until > now() THEN held_until END AS held_until
     , checked AND NOT EXISTS (SELECT FROM replicator.step WHERE done_at IS NULL AND phase = ANY (%s::text[])) AS all_read
     , (SELECT count(*) FROM replicator.step) AS steps
     , (SELECT count(*) FROM replicator.step WHERE done_at IS NOT NULL) AS done
     , (SELECT coalesce(sum(rows), 0)::bigint FROM replicator.step) AS rows
     , (SELECT coalesce(sum(bytes), 0)::bigint FROM replicator.step) AS bytes
     , EXISTS (SELECT
                 FROM pg_locks l
                 JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
                WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objid = %s AND l.granted) AS alive
     , ARRAY(SELECT name FROM replicator.step WHERE done_at IS NULL ORDER BY number) AS unfinished
     , ARRAY(SELECT name || ' failed: ' || refused FROM replicator.step
              WHERE done_at IS NULL AND refused IS NOT NULL ORDER BY number) AS refused
     , ARRAY(SELECT name FROM replicator.deferred WHERE done_at IS NULL ORDER BY number) AS deferred
     , ARRAY(SELECT name || ' failed: ' || refused FROM replicator.deferred
              WHERE done_at IS NULL AND refused IS NOT NULL ORDER BY number) AS deferred_refused
     , differs
  FROM replicator.run
