-- CREATE SERVER.
-- Reference: pg_dump.c getForeignServers, dumpForeignServer (18.6).
SELECT s.tableoid AS classid
     , s.oid AS objid
     , s.srvowner AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE SERVER %I', s.srvname)
            , 'TYPE ' || quote_literal(s.srvtype)
            , 'VERSION ' || quote_literal(s.srvversion)
            , format('FOREIGN DATA WRAPPER %I', w.fdwname)
            , options.clause)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_foreign_server s
  JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
 CROSS JOIN LATERAL (
       SELECT 'OPTIONS (' || string_agg(format('%I %L', o.option_name, o.option_value), ', ' ORDER BY o.number) || ')'
         FROM pg_options_to_table(s.srvoptions) WITH ORDINALITY AS o (option_name, option_value, number)
       ) AS options (clause)
 WHERE s.oid >= 16384
