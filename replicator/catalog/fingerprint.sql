-- The versions of all catalog rows that definitions are written from, temporary objects' left out. If they are the same
-- in the snapshot and now, nothing changed in between: each change of a row gives it another xmin.
-- VACUUM and ANALYZE write in place. Reference: heapam.c heap_inplace_update_and_unlock (18.6).
  WITH passing AS (
       SELECT oid FROM pg_class WHERE relpersistence = 't' OR relnamespace = 'pg_toast'::regnamespace
     )
     , entry (classid, objid, xmin, relid, schema) AS (
       SELECT tableoid, oid, xmin, oid, 0 FROM pg_class
        UNION ALL SELECT 'pg_class'::regclass, attrelid, xmin, attrelid, 0 FROM pg_attribute WHERE attnum > 0
        UNION ALL SELECT 'pg_class'::regclass, indexrelid, xmin, indexrelid, 0 FROM pg_index
        UNION ALL SELECT 'pg_class'::regclass, inhrelid, xmin, inhrelid, 0 FROM pg_inherits
        UNION ALL SELECT 'pg_class'::regclass, adrelid, xmin, adrelid, 0 FROM pg_attrdef
        UNION ALL SELECT 'pg_class'::regclass, ev_class, xmin, ev_class, 0 FROM pg_rewrite
        UNION ALL SELECT tableoid, oid, xmin, conrelid, 0 FROM pg_constraint
        UNION ALL SELECT tableoid, oid, xmin, tgrelid, 0 FROM pg_trigger
        UNION ALL SELECT tableoid, oid, xmin, polrelid, 0 FROM pg_policy
        UNION ALL SELECT tableoid, oid, xmin, stxrelid, 0 FROM pg_statistic_ext
        UNION ALL SELECT tableoid, oid, xmin, 0, typnamespace FROM pg_type
        UNION ALL SELECT 'pg_type'::regclass, enumtypid, xmin, 0, 0 FROM pg_enum
        UNION ALL SELECT tableoid, oid, xmin, 0, pronamespace FROM pg_proc
        UNION ALL SELECT tableoid, oid, xmin, 0, 0 FROM pg_operator
        UNION ALL SELECT tableoid, oid, xmin, 0, 0 FROM pg_opclass
        UNION ALL SELECT tableoid, oid, xmin, 0, 0 FROM pg_opfamily
        UNION ALL SELECT tableoid, oid, xmin, 0, 0 FROM pg_amop
        UNION ALL SELECT tableoid, oid, xmin, 0, 0 FROM pg_amproc
        UNION ALL SELECT tableoid, oid, xmin, 0, 0 FROM pg_collation
        UNION ALL SELECT tableoid, oid, xmin, 0, 0 FROM pg_extension
        UNION ALL SELECT tableoid, oid, xmin, oid, oid FROM pg_namespace
     )
SELECT classid::bigint AS classid
     , objid::bigint AS objid
     , xmin::text::bigint AS version
  FROM entry
 WHERE objid >= 16384
   AND relid NOT IN (SELECT oid FROM passing)
   AND schema NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')
