-- CREATE SCHEMA. The schema public is there already: only its owner can differ. By name, not by OID: public may have
-- been made anew on the source, or have another name there.
-- Reference: pg_dump.c selectDumpableNamespace, dumpNamespace (18.6).
SELECT n.tableoid AS classid
     , n.oid AS objid
     , CASE WHEN n.nspname <> 'public' OR pg_get_userbyid(n.nspowner) <> 'pg_database_owner'
            THEN n.nspowner
        END AS owner
     , CASE WHEN n.nspname = 'public' THEN '{}' ELSE ARRAY[format('CREATE SCHEMA %I', n.nspname)] END AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_namespace n
 WHERE n.nspname !~ '^(pg_|information_schema$)'
