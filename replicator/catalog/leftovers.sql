-- Statements that drop what a database holds, some hundred at a time: what they lock must fit the lock table.
-- Extensions' members go with them, what is internal with its owner; the journal's schema is left, and so are those
-- in <kept>, with the extensions in them.
SELECT CASE held.classid
           WHEN 'pg_largeobject'::regclass THEN format('SELECT lo_unlink(%s)', held.objid)
           WHEN 'pg_user_mapping'::regclass THEN NULL
           ELSE format('DROP %s IF EXISTS %s CASCADE'
                      , CASE object.type WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER' ELSE upper(object.type) END
                      , object.identity)
       END AS statement
  FROM (SELECT 1 AS rank, tableoid AS classid, oid AS objid FROM pg_event_trigger
         UNION ALL SELECT 2, tableoid, oid FROM pg_publication
         UNION ALL SELECT 3, tableoid, oid FROM pg_namespace
                    WHERE nspname <> 'replicator' AND nspname !~ '^pg_(toast_)?temp_' AND quote_ident(nspname) <> ALL (<kept>::text[])
         UNION ALL SELECT 4, tableoid, oid FROM pg_extension
                    WHERE extnamespace NOT IN (SELECT oid FROM pg_namespace WHERE quote_ident(nspname) = ANY (<kept>::text[]))
         UNION ALL SELECT 5, tableoid, oid FROM pg_foreign_data_wrapper
         UNION ALL SELECT 6, tableoid, oid FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
         UNION ALL SELECT 7, tableoid, oid FROM pg_proc
         UNION ALL SELECT 8, tableoid, oid FROM pg_type
         UNION ALL SELECT 9, tableoid, oid FROM pg_operator
         UNION ALL SELECT 10, tableoid, oid FROM pg_opfamily
         UNION ALL SELECT 11, tableoid, oid FROM pg_collation
         UNION ALL SELECT 12, tableoid, oid FROM pg_conversion
         UNION ALL SELECT 13, tableoid, oid FROM pg_cast
         UNION ALL SELECT 14, tableoid, oid FROM pg_ts_config
         UNION ALL SELECT 15, tableoid, oid FROM pg_ts_dict
         UNION ALL SELECT 16, tableoid, oid FROM pg_ts_parser
         UNION ALL SELECT 17, tableoid, oid FROM pg_ts_template
         UNION ALL SELECT 18, tableoid, oid FROM pg_am
         UNION ALL SELECT 19, tableoid, oid FROM pg_language
         UNION ALL SELECT 20, 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata) AS held
 CROSS JOIN LATERAL pg_identify_object(held.classid, held.objid, 0) AS object
 WHERE (held.objid >= 16384 OR held.classid = 'pg_largeobject'::regclass)
   AND (object.schema IS NULL
        OR object.schema !~ '^(replicator|pg_temp.*|pg_toast.*)$'
           AND object.schema <> ALL (<kept>::text[]))
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = held.classid AND d.objid = held.objid AND d.objsubid = 0 AND d.deptype IN ('e', 'i'))
 ORDER BY held.rank, held.objid
 LIMIT 200
