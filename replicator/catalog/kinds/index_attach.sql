-- ALTER INDEX ... ATTACH PARTITION. It takes over the edge from the partition's index, or constraint, to its parent's.
-- From the leaves upward: if an index becomes valid while another session attaches it above, the topmost one stays
-- invalid forever (validatePartitionedIndex releases its lock before the transaction ends).
-- Reference: pg_dump.c getIndexes, dumpIndexAttach, common.c flagInhIndexes (18.6).
SELECT 'pg_inherits'::regclass AS classid
     , h.inhrelid AS objid
     , NULL::oid AS owner
     , ARRAY[format('ALTER INDEX %s ATTACH PARTITION %s', h.inhparent::regclass, h.inhrelid::regclass)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY[ coalesce(c.tableoid, 'pg_class'::regclass), coalesce(c.oid, h.inhrelid)
            , coalesce(pc.tableoid, 'pg_class'::regclass), coalesce(pc.oid, h.inhparent) ]::oid[]
       || ARRAY(SELECT unnest(ARRAY['pg_inherits'::regclass, below.inhrelid]::oid[])
                  FROM pg_inherits below
                 WHERE below.inhparent = h.inhrelid) AS needs
  FROM pg_inherits h
  JOIN pg_index i ON i.indexrelid = h.inhrelid
  JOIN pg_index p ON p.indexrelid = h.inhparent
  LEFT JOIN pg_constraint c ON c.conrelid = i.indrelid
                           AND c.conindid = i.indexrelid
                           AND c.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_constraint pc ON pc.conrelid = p.indrelid
                            AND pc.conindid = p.indexrelid
                            AND pc.contype IN ('p', 'u', 'x')
