-- Settings in pg_db_role_setting as the SET of ALTER ROLE or ALTER DATABASE. In lists that the server stores quoted, each
-- member becomes a literal: an empty one would not be a valid identifier. <renamed>: new names by parameter and old name.
-- Reference: dumputils.c makeAlterConfigCommand, variable_is_guc_list_quote, SplitGUCList (18.6).
SELECT s.setdatabase
     , s.setrole
     , setting.name
     , item.ordinality AS position
     , format('SET %I TO %s', setting.name
             , CASE WHEN setting.name IN ('local_preload_libraries', 'search_path', 'session_preload_libraries'
                                         , 'shared_preload_libraries', 'temp_tablespaces', 'unix_socket_directories')
                    THEN coalesce((SELECT string_agg(quote_literal(coalesce(<renamed>::jsonb -> setting.name ->> name, name))
                                                    , ', ' ORDER BY number)
                                     FROM regexp_matches(setting.value, '"((?:[^"]|"")*)"|([^\s,"]+)', 'g')
                                          WITH ORDINALITY AS part (member, number)
                                    CROSS JOIN LATERAL coalesce(replace(member[1], '""', '"'), member[2]) AS name)
                                  , '''''')
                    ELSE quote_literal(coalesce(<renamed>::jsonb -> setting.name ->> setting.value, setting.value))
                END) AS set
  FROM pg_db_role_setting s
 CROSS JOIN unnest(s.setconfig) WITH ORDINALITY AS item (text, ordinality)
 CROSS JOIN LATERAL (SELECT split_part(item.text, '=', 1), substr(item.text, strpos(item.text, '=') + 1))
            AS setting (name, value)
 WHERE setting.name <> 'replicator.definition' -- the mark of a copy: see runs/mark.py
