-- CREATE EXTENSION, in the destination's default version. It creates its members.
-- Reference: pg_dump.c getExtensions, dumpExtension (18.6).
SELECT e.tableoid AS classid
     , e.oid AS objid
     , NULL::oid AS owner                                -- there is no ALTER EXTENSION OWNER TO
     , ARRAY[format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I', e.extname, n.nspname)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.oid >= 16384
