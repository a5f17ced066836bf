-- CREATE FOREIGN DATA WRAPPER.
-- Reference: pg_dump.c getForeignDataWrappers, dumpForeignDataWrapper (18.6, 19rc1).
SELECT w.tableoid AS classid
     , w.oid AS objid
     , w.fdwowner AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE FOREIGN DATA WRAPPER %I', w.fdwname)
            , 'HANDLER ' || nullif(w.fdwhandler, 0)::regproc
            , 'VALIDATOR ' || nullif(w.fdwvalidator, 0)::regproc
            , 'CONNECTION ' || nullif(w.fdwconnection, 0)::regproc --19+
            , options.clause)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_foreign_data_wrapper w
 CROSS JOIN LATERAL (
       SELECT 'OPTIONS (' || string_agg(format('%I %L', o.option_name, o.option_value), ', ' ORDER BY o.number) || ')'
         FROM pg_options_to_table(w.fdwoptions) WITH ORDINALITY AS o (option_name, option_value, number)
       ) AS options (clause)
 WHERE w.oid >= 16384
