-- The session that holds the claim on this database, and how long it has been silent.
SELECT a.pid
     , a.backend_start AS since
     , coalesce(a.application_name = current_setting('application_name') AND a.usename = current_user, false) AS same_name
     , coalesce(life.idle, false) AS idle
     , CASE WHEN life.idle THEN extract(epoch FROM clock_timestamp() - a.state_change) ELSE 0 END::float8 AS idle_seconds
  FROM pg_locks l
  JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
  JOIN pg_stat_activity a ON a.pid = l.pid
 CROSS JOIN LATERAL (SELECT a.state IN ('idle', 'idle in transaction', 'idle in transaction (aborted)') AS idle) AS life
 WHERE l.locktype = 'advisory'
   AND l.classid = %s
   AND l.objid = %s
   AND l.granted
