-- CREATE USER MAPPING. The view hides the options (passwords) from roles that may not see them.
-- Reference: pg_dump.c dumpUserMappings (18.6).
SELECT 'pg_user_mapping'::regclass AS classid
     , m.umid AS objid
     , NULL::oid AS owner
     , ARRAY[concat_ws(' '
            , 'CREATE USER MAPPING FOR'
            , CASE m.umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(m.umuser)) END
            , format('SERVER %I', m.srvname)
            , options.clause)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_user_mappings m
 CROSS JOIN LATERAL (
       SELECT 'OPTIONS (' || string_agg(format('%I %L', o.option_name, o.option_value), ', ' ORDER BY o.number) || ')'
         FROM pg_options_to_table(m.umoptions) WITH ORDINALITY AS o (option_name, option_value, number)
       ) AS options (clause)
 WHERE m.umid >= 16384
