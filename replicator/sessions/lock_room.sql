-- The minimum size of a server's lock table, and how many entries are free.
-- 1 is the autovacuum launcher; later versions have one more such process.
-- Reference: lock.c NLOCKENTS, postinit.c InitializeMaxBackends (12.22, 18.6).
SELECT room.locks, greatest(0, room.locks - (SELECT count(*) FROM pg_locks WHERE NOT fastpath)) AS free
  FROM (SELECT current_setting('max_locks_per_transaction')::bigint
               * (current_setting('max_connections')::int
                  + coalesce(current_setting('autovacuum_worker_slots', true)
                             , current_setting('autovacuum_max_workers'))::int
                  + current_setting('max_worker_processes')::int
                  + current_setting('max_wal_senders')::int
                  + 1
                  + current_setting('max_prepared_transactions')::int) AS locks) AS room
