-- Tables with rows of their own (ordinary ones and leaf partitions) and their columns. Of extensions' tables only those
-- for configuration, with the rows that are not the extension's own: see pg_extension_config_dump.
-- User objects in system schemas are skipped, as in pg_dump.
-- A heap without blocks is empty for our snapshot, too, since its table is locked: rows in the snapshot were in a block
-- before, VACUUM does not truncate a block with such a row, and a TRUNCATE before our lock would hide them from COPY.
-- Type OIDs below 10000 are assigned manually and equal on all servers and versions; reg* values are OIDs in binary.
-- Reference: pg_dump.c makeTableDataInfo, processExtensionTables, dumpTableData_copy, forcePartitionRootLoad.
  WITH RECURSIVE domain_base (type, base) AS (
       SELECT oid, oid
         FROM pg_type
        WHERE typtype NOT IN ('d', 'c', 'p')
          AND (oid < 10000 OR typlen <> -1 OR typelem = 0) -- arrays of user-defined types have no common binary format
        UNION ALL
       SELECT t.oid, d.base
         FROM domain_base d
         JOIN pg_type t ON t.typbasetype = d.type AND t.typtype = 'd'
     )
     , form AS (
       SELECT d.type
            , CASE WHEN b.typtype = 'e' OR b.oid < 10000 THEN format('%I.%I', n.nspname, b.typname) END AS base
            , b.typtype = 'e' OR portable.it AS "binary"
            , portable.it AND EXISTS (SELECT
                                        FROM pg_opclass o
                                        JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'hash'
                                       WHERE o.opcdefault
                                         AND o.opcintype = CASE WHEN e.typname = 'varchar' THEN 'text'::regtype
                                                                WHEN e.typtype = 'r' THEN 'anyrange'::regtype
                                                                WHEN e.typtype = 'm' THEN 'anymultirange'::regtype --14+
                                                                ELSE e.oid
                                                            END) AS hashable
            -- Arrays send the OID of their element type, composites those of their columns. A refcursor uses the send
            -- function of text, which does not accept it. A tsquery sends the nesting of equal operators, which its
            -- text does not show; likewise any type of an extension, and those are copied as text.
            , CASE WHEN b.typsend <> 0
                    AND b.typname NOT IN ('refcursor', 'tsquery', '_tsquery')
                    AND (portable.it
                         OR b.typtype = 'e'
                         OR s.oid < 10000 AND s.typname !~ '^(_|reg|xml$|tsquery$)')
                   THEN b.typsend::regproc::text
               END AS send
         FROM domain_base d
         JOIN pg_type b ON b.oid = d.base
         JOIN pg_namespace n ON n.oid = b.typnamespace
         JOIN pg_type e ON e.oid = CASE WHEN b.typlen = -1 AND b.typelem <> 0 THEN b.typelem ELSE b.oid END
         LEFT JOIN pg_range r ON b.oid IN (r.rngtypid, r.rngmultitypid) --14+
         --<14 LEFT JOIN pg_range r ON b.oid = r.rngtypid
         LEFT JOIN pg_type s ON s.oid = r.rngsubtype
        CROSS JOIN LATERAL (SELECT b.oid < 10000
                               AND e.oid < 10000
                               AND e.typtype IN ('b', 'r', 'm')
                               AND e.typreceive <> 0
                               AND e.typsend <> 0
                               AND e.typname <> 'xml'
                               AND e.typname !~ '^reg') AS portable (it)
     )
     , column_list AS (
       SELECT a.attrelid
            , array_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE copied.it) AS names
            , array_agg(coalesce(form.base, '') ORDER BY a.attnum) FILTER (WHERE copied.it) AS types
            , array_agg(form."binary" IS TRUE ORDER BY a.attnum) FILTER (WHERE copied.it) AS binaries
            , array_agg(coalesce(form.send, '') ORDER BY a.attnum) FILTER (WHERE copied.it) AS sends
            , array_agg(ARRAY[quote_ident(a.attname), coalesce(form.base, ''), coalesce(form.send, '')]
                        ORDER BY a.attnum) FILTER (WHERE NOT copied.it) AS stored
            , (array_agg(format('column %I is of type %s', a.attname, format_type(a.atttypid, NULL)) ORDER BY a.attnum)
                   FILTER (WHERE copied.it AND form."binary" IS NOT TRUE))[1] AS unlike
         FROM pg_class c
         JOIN (
<attributes>
              ) AS a ON a.attrelid = c.oid AND a.attgenerated IN ('', 's')
         LEFT JOIN form ON form.type = a.atttypid
        CROSS JOIN LATERAL (SELECT a.attgenerated = '') AS copied (it)
        WHERE c.relkind = 'r'
          AND c.oid >= 16384
        GROUP BY a.attrelid
     )
     , key AS (
       SELECT p.partrelid
            , p.partstrat = 'h' AND (form.hashable IS NOT TRUE OR NOT l.collisdeterministic) AS unstable
            , CASE WHEN key.attnum = 0                                                -- any expression
                   THEN ARRAY['encoding', 'default', 'c', 'i']
                   WHEN l.oid IS NULL AND form.base NOT IN ('pg_catalog.jsonb', 'pg_catalog."char"')
                   THEN '{}'
                   ELSE ARRAY[CASE WHEN p.partstrat IN ('h', 'r') THEN 'encoding' END
                             , CASE WHEN p.partstrat = 'r' OR NOT l.collisdeterministic
                                    THEN CASE WHEN l.collname IN ('C', 'POSIX', 'ucs_basic') THEN 'encoding'
                                              WHEN l.collprovider IN ('c', 'i', 'b') THEN l.collprovider::text
                                              ELSE 'default'
                                         END
                               END]
               END AS matters
         FROM pg_partitioned_table p
        CROSS JOIN LATERAL unnest(p.partattrs::int[], p.partcollation::oid[]) AS key (attnum, ordered)
         LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = key.attnum AND key.attnum > 0
         LEFT JOIN form ON form.type = a.atttypid
         LEFT JOIN pg_collation l ON l.oid = key.ordered
     )
     -- The user-defined functions called by checks, generated columns and partition keys.
     , code AS (
       SELECT d.classid
            , d.objid
            , coalesce(o.oprcode::oid, d.refobjid) AS function
         FROM pg_depend d
         LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
        WHERE d.classid IN ('pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_class'::regclass)
          AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
          AND d.refobjid >= 16384
     )
     -- Values of a range type, or of a partition key, are ordered by the functions of an operator class.
     , ordering AS (
       SELECT o.oid AS opclass
            , p.amproc::oid AS function
         FROM pg_opclass o
         JOIN pg_amproc p ON p.amprocfamily = o.opcfamily AND p.amproclefttype = o.opcintype
                         AND p.amprocrighttype = o.opcintype
        WHERE o.oid >= 16384
          AND p.amproc::oid >= 16384
     )
     , checked (type, function) AS (
       (SELECT k.contypid
             , code.function
          FROM code
          JOIN pg_constraint k ON k.tableoid = code.classid AND k.oid = code.objid AND k.contypid <> 0
         UNION ALL
        SELECT r.rngtypid
             , ordering.function
          FROM pg_range r
          JOIN ordering ON ordering.opclass = r.rngsubopc)
        UNION
       SELECT made.type
            , c.function
         FROM checked c
        CROSS JOIN LATERAL (SELECT oid FROM pg_type WHERE c.type IN (typbasetype, typelem)
                             UNION ALL
                            SELECT t.reltype
                              FROM pg_attribute a
                              JOIN pg_class t ON t.oid = a.attrelid
                             WHERE a.atttypid = c.type AND NOT a.attisdropped AND t.reltype <> 0
                             UNION ALL
                            SELECT rngmultitypid FROM pg_range WHERE c.type IN (rngsubtype, rngtypid) --14+
                             UNION ALL                                                                 --14+
                            SELECT rngtypid FROM pg_range WHERE rngsubtype = c.type) AS made (type)
     )
     , calling AS (
       SELECT called.relid
            , array_agg(DISTINCT called.function::bigint) AS functions
            , bool_or(called.generated) AS generated
         FROM (SELECT k.conrelid, code.function, false
                 FROM code
                 JOIN pg_constraint k ON k.tableoid = code.classid AND k.oid = code.objid AND k.contype = 'c'
                UNION ALL
               SELECT f.adrelid, code.function, true
                 FROM code
                 JOIN pg_attrdef f ON f.tableoid = code.classid AND f.oid = code.objid
                 JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attgenerated = 's'
                UNION ALL
               SELECT leaf.relid, code.function, false
                 FROM code
                 JOIN pg_partitioned_table p ON code.classid = 'pg_class'::regclass AND code.objid = p.partrelid
                CROSS JOIN LATERAL pg_partition_tree(p.partrelid) leaf
                UNION ALL
               SELECT leaf.relid, ordering.function, false
                 FROM ordering
                 JOIN pg_partitioned_table p ON ordering.opclass = ANY (p.partclass)
                CROSS JOIN LATERAL pg_partition_tree(p.partrelid) leaf
                UNION ALL
               SELECT a.attrelid, checked.function, false
                 FROM checked
                 JOIN pg_attribute a ON a.atttypid = checked.type AND NOT a.attisdropped
                WHERE EXISTS (SELECT FROM checked)     -- else the planner would sort all columns
              ) AS called (relid, function, generated)
        GROUP BY called.relid
     )
     , routing AS (
       SELECT c.oid AS leaf
            , bool_or(key.unstable) AS unstable
            , array_agg(DISTINCT matter.it) FILTER (WHERE matter.it IS NOT NULL) AS matters
         FROM pg_class c
        CROSS JOIN LATERAL pg_partition_ancestors(c.oid) AS ancestor (relid)
         JOIN key ON key.partrelid = ancestor.relid
         LEFT JOIN LATERAL unnest(key.matters) AS matter (it) ON true
        WHERE c.relkind = 'r'
          AND c.relispartition
        GROUP BY c.oid
     )
SELECT ARRAY[c.tableoid::bigint, c.oid::bigint] AS address
     , c.oid::regclass::text AS identity
     , n.nspname::text AS schema
     , coalesce(column_list.names, '{}') AS column_names
     , coalesce(column_list.types, '{}') AS column_types
     , coalesce(column_list.binaries, '{}') AS column_binaries
     , coalesce(column_list.sends, '{}') AS column_sends
     , coalesce(column_list.stored, '{}') AS stored
     , column_list.unlike
     , heap.bytes + CASE WHEN heap.bytes > 0 AND c.reltoastrelid <> 0 AND may_open.it THEN pg_relation_size(c.reltoastrelid) ELSE 0 END
       AS bytes
     , CASE m.amname WHEN 'heap' THEN heap.bytes / current_setting('block_size')::bigint END AS blocks        --14+
     , NULL::text AS key                                                                                      --14+
     , ''::text AS key_type                                                                                   --14+
     , '{}'::text[] AS edges                                                                                  --14+
     --<14 , NULL::bigint AS blocks
     --<14 , quantile.key
     --<14 , coalesce(quantile.key_type, '') AS key_type
     --<14 , coalesce(quantile.edges, '{}') AS edges
     , greatest(c.reltuples, 0)::bigint AS rows
     , CASE WHEN routing.unstable THEN pg_partition_root(c.oid)::text END AS root
     , coalesce(config.condition, '') AS condition
     , ARRAY(SELECT f.confrelid::regclass::text
               FROM pg_constraint f
              WHERE f.conrelid = c.oid
                AND f.contype = 'f'
                AND f.confrelid <> c.oid
                AND config.condition IS NOT NULL) AS refers
     , coalesce(calling.functions, '{}') AS calls
     , calling.generated IS TRUE AS generates
     , heap.bytes = 0 AND m.amname = 'heap' AND config.condition IS NULL AS empty
     , c.relpersistence = 'u' AS unlogged
     , config.extension
     , CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::text END AS top
     , coalesce(routing.matters, '{}') AS matters
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am m ON m.oid = c.relam
 CROSS JOIN LATERAL (SELECT coalesce(current_setting('replicator.only', true), '') = ''
                         OR c.oid = ANY ((SELECT current_setting('replicator.only')::oid[])::oid[])) AS may_open (it)
 CROSS JOIN LATERAL (SELECT CASE WHEN may_open.it                                -- once, since it opens the table
                                 THEN pg_relation_size(c.oid)
                                 ELSE c.relpages * current_setting('block_size')::bigint
                             END AS bytes OFFSET 0) AS heap
  LEFT JOIN routing ON routing.leaf = c.oid
  LEFT JOIN column_list ON column_list.attrelid = c.oid
  LEFT JOIN calling ON calling.relid = c.oid
  LEFT JOIN LATERAL (SELECT e.extcondition[array_position(e.extconfig, c.oid)] AS condition
                          , ARRAY[e.tableoid::bigint, e.oid::bigint] AS extension
                       FROM pg_extension e
                      WHERE c.oid = ANY (e.extconfig)) AS config ON true
  -- Before 14 a ctid range needs a full scan: use the first column of the primary key, and its histogram.
  --<14 LEFT JOIN LATERAL (
  --<14      SELECT quote_ident(a.attname) AS key
  --<14           , format_type(a.atttypid, a.atttypmod) AS key_type
  --<14           , s.histogram_bounds::text::text[] AS edges
  --<14        FROM pg_index i
  --<14        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  --<14        LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
  --<14                             AND NOT s.inherited
  --<14       WHERE i.indrelid = c.oid
  --<14         AND (a.attrelid::bigint << 16) + a.attnum <> ALL (<without>)
  --<14         AND i.indisprimary) AS quantile ON m.amname = 'heap'
 WHERE c.relkind = 'r'
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
   AND (config.condition IS NOT NULL
        OR n.nspname NOT IN ('pg_catalog', 'information_schema')
           AND NOT EXISTS (SELECT FROM pg_depend d
                            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
 ORDER BY n.nspname, c.relname
