-- The versions of all catalog rows that definitions are printed from, except temporary objects'. If they are the same in
-- the snapshot and now, no definition changed in between: each change of a row gives it another xmin.
-- For rows that are often written for other reasons (REFRESH, RESTART, GRANT), the relevant content instead: privileges
-- are columns, read as of the snapshot, and the rest of a function's definition is in its one row.
-- Reference: pg_class.h, pg_attribute.h, pg_proc.h, ruleutils.c pg_get_functiondef (18.6).
  WITH passing AS (
       SELECT oid FROM pg_class WHERE relpersistence = 't' OR relnamespace = 'pg_toast'::regnamespace
     )
     , content (classid, objid, content, relid, schema) AS (
       SELECT tableoid, oid
            , ROW(relname, relnamespace, reloftype, relowner, relam, reltablespace, relnatts, relpersistence, relkind
                 , relrowsecurity, relforcerowsecurity, relispopulated, relreplident, relispartition, reloptions
                 , relpartbound::text)::text
            , oid, 0
         FROM pg_class
        UNION ALL
       SELECT 'pg_class'::regclass, attrelid
            , ROW(attnum, attname, atttypid, atttypmod, attnotnull, atthasdef, attidentity, attgenerated, attisdropped
                 , attislocal, attinhcount, attcollation, attstorage, attstattarget, attfdwoptions
                 , attcompression                                                                        --14+
                 , ARRAY(SELECT o FROM unnest(attoptions) AS o WHERE o !~ '^pg_'))::text
            , attrelid, 0
         FROM pg_attribute
        WHERE attnum > 0
        UNION ALL
       SELECT tableoid, oid
            , ROW(typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory, typispreferred, typisdefined
                 , typdelim, typrelid, typelem, typinput, typoutput, typreceive, typsend, typmodin, typmodout
                 , typanalyze, typalign, typstorage, typnotnull, typbasetype, typtypmod, typndims, typcollation
                 , typdefaultbin::text, typdefault)::text
            , 0, typnamespace
         FROM pg_type
        UNION ALL
       SELECT tableoid, oid
            , ROW(proname, pronamespace, proowner, prolang, provariadic, prosupport, prokind, proretset, prorettype
                 , proargtypes, proallargtypes, proargmodes, proargnames, proargdefaults::text, protrftypes
                 , prosqlbody::text                                                                      --14+
                 )::text
            , 0, pronamespace
         FROM pg_proc
        UNION ALL
       SELECT tableoid, oid, ROW(nspname, nspowner)::text, oid, oid FROM pg_namespace
     )
     , entry (classid, objid, version, relid, schema) AS (
       SELECT classid, objid, hashtextextended(content, 0), relid, schema FROM content
        UNION ALL SELECT 'pg_class'::regclass, indexrelid, xmin::text::bigint, indexrelid, 0 FROM pg_index
        UNION ALL SELECT 'pg_class'::regclass, inhrelid, xmin::text::bigint, inhrelid, 0 FROM pg_inherits
        UNION ALL SELECT 'pg_class'::regclass, adrelid, xmin::text::bigint, adrelid, 0 FROM pg_attrdef
        UNION ALL SELECT 'pg_class'::regclass, ev_class, xmin::text::bigint, ev_class, 0 FROM pg_rewrite
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, conrelid, 0 FROM pg_constraint
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, tgrelid, 0 FROM pg_trigger
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, polrelid, 0 FROM pg_policy
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, stxrelid, 0 FROM pg_statistic_ext
        UNION ALL SELECT 'pg_type'::regclass, enumtypid, xmin::text::bigint, 0, 0 FROM pg_enum
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, 0, 0 FROM pg_operator
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, 0, 0 FROM pg_opclass
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, 0, 0 FROM pg_opfamily
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, 0, 0 FROM pg_amop
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, 0, 0 FROM pg_amproc
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, 0, 0 FROM pg_collation
        UNION ALL SELECT tableoid, oid, xmin::text::bigint, 0, 0 FROM pg_extension
     )
SELECT classid::bigint AS classid
     , objid::bigint AS objid
     , version
  FROM entry
 WHERE objid >= 16384
   AND relid NOT IN (SELECT oid FROM passing)
   AND schema NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')
