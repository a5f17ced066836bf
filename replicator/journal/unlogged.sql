-- The steps that fill unlogged tables and sequences on the destination, which a crash empties. A step may fill a
-- partitioned table with some logged partitions: `mixed` is that table.
SELECT number
     , done_at IS NOT NULL AS done
     , min(target.name) FILTER (WHERE target.logged) AS mixed
  FROM replicator.step
 CROSS JOIN LATERAL (
       SELECT o.oid::regclass::text AS name
            , bool_or(c.relpersistence = 'p') AS logged
         FROM unnest(step.targets) AS t (name)
         JOIN pg_class o ON o.oid = to_regclass(t.name)
        CROSS JOIN LATERAL (
              SELECT o.oid AS relid
               UNION
              SELECT relid FROM pg_partition_tree(o.oid) WHERE o.relkind = 'p') AS leaf
         JOIN pg_class c ON c.oid = leaf.relid AND c.relkind <> 'p'
        GROUP BY o.oid
       HAVING bool_or(c.relpersistence = 'u')) AS target
 GROUP BY number
