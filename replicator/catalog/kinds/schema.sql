-- CREATE SCHEMA. One may be there already, if an extension is in it that an administrator made before the clone. The
-- schema public is there in any case: only its owner can differ. By name, not by OID: public may have been made anew on
-- the source, or have another name there. Who owns it at first, before 15 the first superuser, is left to the destination.
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
