-- What a clone leaves out or makes otherwise, in words: nothing shall be missing without being said.
SELECT format(CASE WHEN NOT i.indislive
                   THEN 'Not copied: The index %s was half dropped by a failed DROP INDEX CONCURRENTLY.'
                   WHEN x.relname ~ '_cc(new|old)[0-9]*$'
                   THEN 'Not copied: The index %s is invalid, left behind by a failed REINDEX CONCURRENTLY.'
                   ELSE 'The index %s is invalid, left behind by a failed CREATE INDEX CONCURRENTLY: the copy will have '
                        'it valid, or not at all if its rows forbid it.'
              END, i.indexrelid::regclass)
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid AND x.relkind = 'i' AND x.relnamespace <> 'pg_toast'::regnamespace
 WHERE i.indexrelid >= 16384
   AND NOT (i.indisvalid AND i.indisready)
 UNION ALL
SELECT format('Not copied: The subscription %I can be read by a superuser only.', s.subname)
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
 WHERE NOT has_column_privilege('pg_subscription', 'subconninfo', 'SELECT')
 UNION ALL
SELECT format('Not copied: The options of the user mapping of %I for the server %I can be read by a superuser only.'
             , usename, srvname)
  FROM pg_user_mappings
 WHERE umoptions IS NULL
   AND NOT has_table_privilege('pg_user_mapping', 'SELECT')
 UNION ALL
SELECT format('Not copied: The rule "_RETURN" on %s: none can be created under the name that it was given.'
             , ev_class::regclass)
  FROM pg_rewrite
 WHERE rulename = '_RETURN'
   AND ev_type <> '1'
