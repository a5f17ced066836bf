-- CREATE SCHEMA. The schema public is there already: only its owner can differ, and it may have been made anew.
-- Reference: pg_dump.c selectDumpableNamespace, dumpNamespace (18.6).
SELECT n.tableoid AS classid
     , n.oid AS objid
     , n.nspowner AS owner
     , CASE WHEN n.nspname = 'public' THEN '{}' ELSE ARRAY[format('CREATE SCHEMA %I', n.nspname)] END AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_namespace n
 WHERE CASE n.nspname
           WHEN 'public' THEN pg_get_userbyid(n.nspowner) <> 'pg_database_owner'
           ELSE n.oid >= 16384 AND n.nspname !~ '^pg_'
       END
