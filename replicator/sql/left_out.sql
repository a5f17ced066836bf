-- What a clone leaves out, in words: nothing shall be missing without being said.
SELECT format('The index %s is invalid, left behind by a failed CREATE INDEX CONCURRENTLY.', i.indexrelid::regclass)
  FROM pg_index i
  JOIN pg_class t ON t.oid = i.indrelid AND t.relkind IN ('r', 'm')
 WHERE i.indexrelid >= 16384
   AND NOT (i.indisvalid AND i.indisready)
 UNION ALL
SELECT format('The subscription %I can be read by a superuser only.', s.subname)
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
 WHERE NOT has_column_privilege('pg_subscription', 'subconninfo', 'SELECT')
 UNION ALL
SELECT format('The options of the user mapping of %I for the server %I can be read by a superuser only.', usename, srvname)
  FROM pg_user_mappings
 WHERE umoptions IS NULL
   AND NOT has_table_privilege('pg_user_mapping', 'SELECT')
