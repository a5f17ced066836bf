-- CREATE LANGUAGE outside of extensions.
-- One whose handler lies in pg_catalog came from a template (before 13) or an extension, so that its name is enough.
-- Reference: pg_dump.c getProcLangs, dumpProcLang (18.6).
SELECT l.tableoid AS classid
     , l.oid AS objid
     , l.lanowner AS owner
     , ARRAY[CASE
             WHEN h.oid >= 16384 AND h.pronamespace = 'pg_catalog'::regnamespace
             THEN format('CREATE OR REPLACE LANGUAGE %I', l.lanname)
             ELSE concat_ws(' '
                , 'CREATE'
                , CASE WHEN l.lanpltrusted THEN 'TRUSTED' END
                , format('LANGUAGE %I HANDLER %s', l.lanname, l.lanplcallfoid::regproc)
                , 'INLINE ' || NULLIF(l.laninline::regproc::text, '-')
                , 'VALIDATOR ' || NULLIF(l.lanvalidator::regproc::text, '-'))
              END] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_language l
  LEFT JOIN pg_proc h ON h.oid = l.lanplcallfoid
 WHERE l.lanispl
   AND l.oid >= 16384
