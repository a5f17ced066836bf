-- Record finished steps.
UPDATE replicator.step
   SET done_at = clock_timestamp()
     , refused = NULL
     , seconds = done.seconds
     , rows = done.rows
     , bytes = done.bytes
     , snapshot = done.snapshot
     , lsn = done.lsn::pg_lsn
     , txid = txid_current()
  FROM unnest(%s::int[], %s::float8[], %s::bigint[], %s::bigint[], %s::text[], %s::text[])
    AS done (number, seconds, rows, bytes, snapshot, lsn)
 WHERE step.number = done.number
