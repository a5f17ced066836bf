-- CREATE ACCESS METHOD.
-- Reference: pg_dump.c getAccessMethods, dumpAccessMethod (18.6).
SELECT a.tableoid AS classid
     , a.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format('CREATE ACCESS METHOD %I TYPE %s HANDLER %s'
                   , a.amname
                   , CASE a.amtype WHEN 'i' THEN 'INDEX' WHEN 't' THEN 'TABLE' END
                   , a.amhandler)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_am a
 WHERE a.oid >= 16384
