-- All is read, and no crash has undone any of it: the snapshot is not needed any more.
UPDATE replicator.run
   SET snapshot = ''
     , checked = true
 WHERE EXISTS (SELECT FROM replicator.witness)
   AND NOT EXISTS (SELECT FROM replicator.step WHERE done_at IS NULL AND phase = ANY (%s::text[]))
