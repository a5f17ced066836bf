-- Lock the rows of some steps, waiting for a session that is committing them, and read their state after that.
-- Also read whose journal it is, and whether the server has crashed since it began.
SELECT name
     , done_at IS NOT NULL AS done
     , forgotten
     , seconds
     , rows
     , bytes
     , (SELECT sessions FROM replicator.run) AS sessions
     , EXISTS (SELECT FROM replicator.witness) AS remembers
  FROM replicator.step
 WHERE number = ANY (%s)
 ORDER BY number
   FOR UPDATE OF step
