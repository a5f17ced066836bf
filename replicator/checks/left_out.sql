-- What a clone leaves out or creates differently, in words: nothing may be missing without a note.
SELECT format(CASE WHEN NOT i.indislive
                   THEN 'Not copied: index %s, which a failed DROP INDEX CONCURRENTLY left half dropped.'
                   WHEN x.relname ~ '_cc(new|old)[0-9]*$'
                   THEN 'Not copied: index %s, which a failed REINDEX CONCURRENTLY left invalid.'
                   ELSE 'Index %s is invalid, left by a failed CREATE INDEX CONCURRENTLY: the copy will have it valid, or '
                        'not at all if rows violate it.'
              END, i.indexrelid::regclass)
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid AND x.relkind = 'i' AND x.relnamespace <> 'pg_toast'::regnamespace
 WHERE i.indexrelid >= 16384
   AND NOT (i.indisvalid AND i.indisready)
 UNION ALL
SELECT format('Not copied: subscription %I, which only a superuser can read.', s.subname)
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
 WHERE NOT has_column_privilege('pg_subscription', 'subconninfo', 'SELECT')
 UNION ALL
SELECT format('Not copied: the options of the user mapping of %I for server %I, which only a superuser can read.'
             , usename, srvname)
  FROM pg_user_mappings
 WHERE umoptions IS NULL
   AND NOT has_table_privilege('pg_user_mapping', 'SELECT')
 UNION ALL
SELECT format('Not copied: the rule "_RETURN" on %s, since no rule can be created under that name.'
             , ev_class::regclass)
  FROM pg_rewrite
 WHERE rulename = '_RETURN'
   AND ev_type <> '1'
