-- CREATE SCHEMA. It may exist already, with an extension that an administrator created before the clone. The schema
-- public exists anyway: only its owner can differ. By name, not by OID: public may have been recreated or renamed on the
-- source. Its initial owner, before 15 the bootstrap superuser, is left to the destination.
-- Reference: pg_dump.c selectDumpableNamespace, dumpNamespace (18.6).
SELECT n.tableoid AS classid
     , n.oid AS objid
     , CASE WHEN n.nspname = 'public'
--<15            AND n.nspowner = 10
                 AND pg_get_userbyid(n.nspowner) = 'pg_database_owner'                                --15+
            THEN NULL
            ELSE n.nspowner
        END AS owner
     , CASE WHEN n.nspname = 'public' THEN '{}' ELSE ARRAY[format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname)] END AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_namespace n
 WHERE n.nspname !~ '^(pg_|information_schema$)'
