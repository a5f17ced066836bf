-- CREATE SCHEMA.
-- Reference: pg_dump.c getNamespaces, dumpNamespace (18.6).
SELECT n.tableoid AS classid
     , n.oid AS objid
     , n.nspowner AS owner
     , ARRAY[format('CREATE SCHEMA %I', n.nspname)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_namespace n
 WHERE n.oid >= 16384
   AND n.nspname !~ '^pg_'
