-- CREATE TEXT SEARCH TEMPLATE.
-- Reference: pg_dump.c getTSTemplates, dumpTSTemplate (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format('CREATE TEXT SEARCH TEMPLATE %I.%I (%s)', n.nspname, t.tmplname, concat_ws(', '
            , 'INIT = ' || nullif(t.tmplinit, 0)::regproc
            , 'LEXIZE = ' || t.tmpllexize))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_ts_template t
  JOIN pg_namespace n ON n.oid = t.tmplnamespace
 WHERE t.oid >= 16384
