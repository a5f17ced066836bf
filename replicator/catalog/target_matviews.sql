-- The materialized views of a database that rows are copied into, each after those that it reads.
-- `reads` are all relations whose rows may appear in them, also through views, inheritance and partitions.
-- `calls`: it calls a user-defined function, which may read anything.
  WITH RECURSIVE edge AS (
       SELECT r.ev_class AS reader, d.refobjid AS read
         FROM pg_rewrite r
         JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
                         AND d.objid = r.oid
                         AND d.refclassid = 'pg_class'::regclass
                         AND d.refobjid <> r.ev_class
        UNION
       SELECT inhparent, inhrelid
         FROM pg_inherits
        UNION
       SELECT oid, pg_partition_root(oid)
         FROM pg_class
        WHERE relispartition
     )
     , closure AS (
       SELECT m.oid AS matview, m.oid AS read
         FROM pg_class m
        WHERE m.relkind = 'm'
          AND m.oid >= 16384
        UNION
       SELECT c.matview, e.read
         FROM closure c
         JOIN edge e ON e.reader = c.read
     )
SELECT m.oid::regclass::text AS identity
     , m.relispopulated AS populated
     , pg_has_role(m.relowner, 'USAGE')
       OR has_table_privilege(m.oid, 'MAINTAIN') --17+
       AS refreshable
     , array_agg(c.read::regclass::text) AS reads
     , EXISTS (SELECT
                 FROM closure inner_view
                 JOIN pg_rewrite r ON r.ev_class = inner_view.read
                 JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
                                 AND d.objid = r.oid
                                 AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
                                 AND d.refobjid >= 16384
                WHERE inner_view.matview = m.oid) AS calls
  FROM closure c
  JOIN pg_class m ON m.oid = c.matview
 GROUP BY m.oid, m.relname, m.relispopulated, m.relowner
 ORDER BY count(*), m.relname, m.oid
