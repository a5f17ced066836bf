-- Collations whose version changed since the database was created, how many indexes were built with the old one, and
-- the statements that rebuild them. Servers before 13 keep no version (of a database: before 15).
  WITH stale (name, indexes, run) AS (
       SELECT format('the database''s own (%s)', d.datcollate)
            , (SELECT count(*) FROM pg_index i
                WHERE i.indexrelid >= 16384 AND 100 = ANY (i.indcollation))
            , format('REINDEX DATABASE %1$I; ALTER DATABASE %1$I REFRESH COLLATION VERSION;', d.datname)
         FROM pg_database d
        WHERE d.datname = current_database()
          AND d.datcollversion <> pg_database_collation_actual_version(d.oid)
        UNION ALL
       SELECT c.oid::regcollation::text
            , (SELECT count(*) FROM pg_index i
                WHERE i.indexrelid >= 16384 AND c.oid = ANY (i.indcollation))
            , format('%s ALTER COLLATION %s REFRESH VERSION;'
                    , (SELECT string_agg(format('REINDEX INDEX %s;', i.indexrelid::regclass), ' ' ORDER BY i.indexrelid)
                         FROM pg_index i
                        WHERE i.indexrelid >= 16384 AND c.oid = ANY (i.indcollation))
                    , c.oid::regcollation)
         FROM pg_collation c
        WHERE c.collversion <> pg_collation_actual_version(c.oid)
     )
SELECT name, indexes, btrim(run) FROM stale WHERE indexes > 0 ORDER BY name
