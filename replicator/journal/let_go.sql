-- All is read, and what a crash of the server took back was noticed: nothing more is wanted of the snapshot.
UPDATE replicator.run
   SET snapshot = ''
     , checked = true
 WHERE EXISTS (SELECT FROM replicator.witness)
   AND NOT EXISTS (SELECT FROM replicator.step WHERE done_at IS NULL AND phase = ANY (%s::text[]))
