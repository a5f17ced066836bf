-- Lock the rows of some steps, which whoever is in mid-commit with them still holds, and read what they say then.
-- Whose journal is it, and did the server crash since it was begun?
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
