-- Mark these steps as unfinished, and those that filled partitions of these tables, which were emptied.
UPDATE replicator.step
   SET done_at = NULL
     , forgotten = true
 WHERE done_at IS NOT NULL
   AND (number = ANY (%s)
        OR EXISTS (SELECT
                     FROM unnest(targets) AS t (name)
                     JOIN unnest(%s::text[]) AS emptied (root) ON true
                     JOIN pg_partition_tree(to_regclass(emptied.root)) p ON p.relid = to_regclass(t.name)))
