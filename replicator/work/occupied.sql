-- Some of a database's contents, without extensions, their schemas and members. It is empty if there is no row and no
-- default privileges. Objects that belong to others, such as triggers, are not listed.
SELECT format('%s %s', object.type, object.identity) AS name
  FROM (SELECT tableoid AS classid, oid AS objid FROM pg_class
         UNION ALL SELECT tableoid, oid FROM pg_proc
         UNION ALL SELECT tableoid, oid FROM pg_type
         UNION ALL SELECT tableoid, oid FROM pg_operator
         UNION ALL SELECT tableoid, oid FROM pg_opclass
         UNION ALL SELECT tableoid, oid FROM pg_opfamily
         UNION ALL SELECT tableoid, oid FROM pg_am
         UNION ALL SELECT tableoid, oid FROM pg_collation
         UNION ALL SELECT tableoid, oid FROM pg_conversion
         UNION ALL SELECT tableoid, oid FROM pg_cast
         UNION ALL SELECT tableoid, oid FROM pg_transform
         UNION ALL SELECT tableoid, oid FROM pg_ts_config
         UNION ALL SELECT tableoid, oid FROM pg_ts_dict
         UNION ALL SELECT tableoid, oid FROM pg_ts_parser
         UNION ALL SELECT tableoid, oid FROM pg_ts_template
         UNION ALL SELECT tableoid, oid FROM pg_language
         UNION ALL SELECT tableoid, oid FROM pg_foreign_data_wrapper
         UNION ALL SELECT tableoid, oid FROM pg_foreign_server
         UNION ALL SELECT tableoid, oid FROM pg_publication
         UNION ALL SELECT tableoid, oid FROM pg_event_trigger
         UNION ALL SELECT tableoid, oid FROM pg_namespace
                    WHERE nspname !~ '^pg_(toast_)?temp_' AND oid NOT IN (SELECT extnamespace FROM pg_extension)
         UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata) AS held
 CROSS JOIN LATERAL pg_identify_object(held.classid, held.objid, 0) AS object
 WHERE (held.objid >= 16384
        OR held.classid = 'pg_largeobject'::regclass
        -- The first schema public, renamed.
        OR held.classid = 'pg_namespace'::regclass AND held.objid = 2200 AND object.identity <> 'public')
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = held.classid AND d.objid = held.objid AND d.objsubid = 0 AND d.deptype IN ('e', 'i'))
   AND (object.schema IS NULL OR object.schema !~ '^pg_(temp|toast)(_|$)')
 UNION ALL
SELECT format('subscription %I', s.subname)
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid
 WHERE d.datname = current_database()
 LIMIT 6
