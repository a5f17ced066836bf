-- Facts about the machine from Linux, for superusers and pg_read_server_files: NULL if there is no such file.
-- With a length, since some versions before 14 read files in /proc as empty.
SELECT pg_read_file('/proc/meminfo', 0, 65536, true)
     , pg_read_file('/proc/cpuinfo', 0, 16777216, true)
     , coalesce(pg_read_file('/sys/fs/cgroup/memory.max', 0, 64, true),
                pg_read_file('/sys/fs/cgroup/memory/memory.limit_in_bytes', 0, 64, true))
