-- Statements that drop the contents of a database, some hundred at a time, since their locks must fit the lock table.
-- Members are dropped with their extension, internal objects with their owner. Kept are the journal's schema, the
-- schemas in <kept> with the extensions in them, and the extensions in <extensions> with their schemas.
-- The names for DROP are those for ALTER: see catalog/object.sql.
  WITH staying AS (
       SELECT 'pg_namespace'::regclass AS classid, oid AS objid
         FROM pg_namespace
        WHERE nspname = 'replicator' OR nspname ~ '^pg_(toast_)?temp_' OR quote_ident(nspname) = ANY (<kept>::text[])
        UNION
       SELECT e.classid, e.objid
         FROM pg_extension
        CROSS JOIN LATERAL (VALUES ('pg_extension'::regclass, oid), ('pg_namespace'::regclass, extnamespace)) AS e (classid, objid)
        WHERE extname = ANY (<extensions>::text[])
        UNION
       SELECT 'pg_extension'::regclass, e.oid
         FROM pg_extension e
         JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE quote_ident(n.nspname) = ANY (<kept>::text[])
     )
SELECT CASE held.classid
           WHEN 'pg_largeobject'::regclass THEN format('SELECT lo_unlink(%s)', held.objid)
           ELSE format('DROP %s IF EXISTS %s CASCADE'
                      , CASE object.type
                             WHEN 'aggregate' THEN 'ROUTINE'
                             WHEN 'statistics object' THEN 'STATISTICS'
                             WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER'
                             ELSE upper(object.type)
                         END
                      , CASE
                             WHEN object.type = 'procedure'
                             THEN format('%s(%s)', held.objid::regproc, pg_get_function_identity_arguments(held.objid))
                             WHEN object.type IN ('operator class', 'operator family')
                             THEN (SELECT format('%I.%I USING %I', object_names[2], object_names[3], object_names[1])
                                     FROM pg_identify_object_as_address(held.classid, held.objid, 0))
                             WHEN object.type = 'access method'
                             THEN (SELECT quote_ident(amname) FROM pg_am WHERE oid = held.objid)
                             WHEN object.type = 'transform'
                             THEN (SELECT format('FOR %s LANGUAGE %I', trftype::regtype, lanname)
                                     FROM pg_transform t
                                     JOIN pg_language l ON l.oid = t.trflang
                                    WHERE t.oid = held.objid)
                             ELSE object.identity
                         END)
       END AS statement
  FROM (SELECT 1 AS rank, tableoid AS classid, oid AS objid FROM pg_event_trigger
         UNION ALL SELECT 2, tableoid, oid FROM pg_publication
         UNION ALL SELECT 3, tableoid, oid FROM pg_opclass    -- DROP needs their access method
         UNION ALL SELECT 3, tableoid, oid FROM pg_opfamily
         UNION ALL SELECT 4, tableoid, oid FROM pg_namespace WHERE oid NOT IN (SELECT extnamespace FROM pg_extension)
         UNION ALL SELECT 5, tableoid, oid FROM pg_foreign_data_wrapper
         UNION ALL SELECT 6, tableoid, oid FROM pg_foreign_server
         UNION ALL SELECT 7, tableoid, oid FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
         -- After the tables: an index with options cannot be opened without its operator class's functions.
         UNION ALL SELECT 8, tableoid, oid FROM pg_namespace WHERE oid IN (SELECT extnamespace FROM pg_extension)
         UNION ALL SELECT 8, tableoid, oid FROM pg_extension
         UNION ALL SELECT 9, tableoid, oid FROM pg_transform
         UNION ALL SELECT 10, tableoid, oid FROM pg_cast
         UNION ALL SELECT 11, tableoid, oid FROM pg_proc
         UNION ALL SELECT 12, tableoid, oid FROM pg_type
         UNION ALL SELECT 13, tableoid, oid FROM pg_operator
         UNION ALL SELECT 14, tableoid, oid FROM pg_collation
         UNION ALL SELECT 15, tableoid, oid FROM pg_conversion
         UNION ALL SELECT 16, tableoid, oid FROM pg_ts_config
         UNION ALL SELECT 17, tableoid, oid FROM pg_ts_dict
         UNION ALL SELECT 18, tableoid, oid FROM pg_ts_parser
         UNION ALL SELECT 19, tableoid, oid FROM pg_ts_template
         UNION ALL SELECT 20, tableoid, oid FROM pg_am
         UNION ALL SELECT 21, tableoid, oid FROM pg_language
         UNION ALL SELECT 22, 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata) AS held
 CROSS JOIN LATERAL pg_identify_object(held.classid, held.objid, 0) AS object
 WHERE (held.objid >= 16384
        OR held.classid = 'pg_largeobject'::regclass
        -- The first schema public, renamed.
        OR held.classid = 'pg_namespace'::regclass AND held.objid = 2200 AND object.identity <> 'public')
   AND (object.schema IS NULL
        OR object.schema !~ '^(replicator|pg_temp.*|pg_toast.*)$'
           AND quote_ident(object.schema) <> ALL (<kept>::text[])
           AND object.schema <> ALL (<kept>::text[]))
   AND NOT EXISTS (SELECT FROM staying s WHERE s.classid = held.classid AND s.objid = held.objid)
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = held.classid AND d.objid = held.objid AND d.objsubid = 0 AND d.deptype IN ('e', 'i'))
 ORDER BY held.rank, held.objid
 LIMIT 200
