-- CREATE INDEX, except those of constraints. ON ONLY for a partitioned table: its partitions' indexes are attached later.
-- Unlike pg_dump, indexes left invalid by a failed CREATE INDEX CONCURRENTLY are created: see invalid.sql. Skipped: the
-- duplicates left by a failed REINDEX CONCURRENTLY, and the remains of a failed DROP INDEX CONCURRENTLY.
-- Reference: pg_dump.c getIndexes, dumpIndex (18.6).
SELECT i.catalog AS classid
     , i.indexrelid AS objid
     , NULL::oid AS owner
     , ARRAY[ tablespace.set
            , definition.text                                                                           --19+
--<19             , said.text
            , tablespace.reset ] || extension.statements AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     -- After the partitions are attached: attaching one later would create an index of the server's own.
     , ARRAY(SELECT unnest(ARRAY['pg_inherits'::regclass, h.inhrelid]::oid[])
               FROM pg_inherits h
              WHERE i.its_kind = 'p'
                AND h.inhparent = i.indrelid) AS needs
     , i.method
<index_keys>
  -- Only what is printed, in the order of OIDs: neighbouring catalog rows are on the same pages, which takes two thirds
  -- of the time.
  FROM (SELECT i.*
             , x.tableoid AS catalog
             , x.reltablespace
             , m.amname::text AS method
             , t.relkind AS its_kind
          FROM pg_index i
          JOIN pg_class x ON x.oid = i.indexrelid
          JOIN pg_am m ON m.oid = x.relam
          JOIN pg_class t ON t.oid = i.indrelid
         WHERE x.oid >= 16384
           AND t.relkind <> 't'
           AND i.indislive
           AND (i.indisvalid OR t.relkind = 'p' OR x.relname !~ '_cc(new|old)[0-9]*$')
           AND NOT EXISTS (SELECT
                             FROM pg_constraint c
                            WHERE c.conrelid = i.indrelid
                              AND c.conindid = i.indexrelid
                              AND c.contype IN ('p', 'u', 'x'))
         ORDER BY i.indexrelid
        OFFSET 0) AS i
  JOIN LATERAL pg_get_indexdef(i.indexrelid) AS whole (definition) ON true
  -- Servers before the minor releases of November 2026 omit parentheses here that they require themselves.
  LEFT JOIN LATERAL (
       SELECT min(part) AS expression
         FROM generate_series(1, i.indnatts) AS n (number)
        CROSS JOIN pg_get_indexdef(i.indexrelid, n.number, false) AS part
        WHERE i.indexprs IS NOT NULL
          AND part ~ '^[^(].* IS DOCUMENT$') AS bare ON true
 CROSS JOIN LATERAL (SELECT coalesce(replace(whole.definition, bare.expression, '((' || bare.expression || '))')
                                    , whole.definition) AS text OFFSET 0) said
 CROSS JOIN LATERAL (                                                                                   --19+
<inet_ops>                                                                                              --19+
       ) definition                                                                                     --19+
  -- Not TABLESPACE: it would be in the middle of the server's text, where it could not be removed.
  LEFT JOIN LATERAL (
       SELECT format('SET default_tablespace = %L', s.spcname) AS set
            , 'SET default_tablespace = ''''' AS reset
         FROM pg_tablespace s
        WHERE s.oid = i.reltablespace) tablespace ON true
  LEFT JOIN (
       SELECT d.objid
            , array_agg(DISTINCT format('ALTER INDEX %s DEPENDS ON EXTENSION %I', d.objid::regclass, e.extname))
                  AS statements
         FROM pg_depend d
         JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_class'::regclass
          AND d.refclassid = 'pg_extension'::regclass
          AND d.deptype = 'x'
        GROUP BY d.objid) extension ON extension.objid = i.indexrelid
