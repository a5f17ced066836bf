-- What the server offers to sessions that build indexes: memory in bytes, processes.
SELECT pg_size_bytes(current_setting('maintenance_work_mem')) AS memory
     , current_setting('max_parallel_maintenance_workers')::int AS workers
     , pg_size_bytes(current_setting('shared_buffers')) AS shared_buffers
     , current_setting('max_parallel_workers')::int AS most_workers
