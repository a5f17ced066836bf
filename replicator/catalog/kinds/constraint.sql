-- ALTER TABLE ... ADD PRIMARY KEY, UNIQUE, EXCLUDE. It creates its index, with storage and tablespace.
-- Reference: pg_dump.c getIndexes, dumpConstraint (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , NULL::oid AS owner
     , ARRAY[ tablespace.set
            , format('ALTER TABLE ONLY %s ADD CONSTRAINT %I %s%s%s'
                    , c.conrelid::regclass
                    , c.conname
                    , left(definition.text, length(definition.text) - length(timing.text))
                    , storage.text
                    , timing.text)
            , tablespace.reset ] || extension.statements AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     -- After the partitions are attached: attaching one later would create a constraint of the server's own.
     , ARRAY(SELECT unnest(ARRAY['pg_inherits'::regclass, h.inhrelid]::oid[])
               FROM pg_inherits h
              WHERE t.relkind = 'p'
                AND h.inhparent = t.oid) AS needs
     , m.amname::text AS method
<index_keys>
  FROM pg_constraint c
  JOIN pg_class t ON t.oid = c.conrelid
  JOIN pg_index i ON i.indexrelid = c.conindid
  JOIN pg_class x ON x.oid = c.conindid
  JOIN pg_am m ON m.oid = x.relam
  -- Not TABLESPACE: it would be in the middle of the server's text, where it could not be removed.
  LEFT JOIN LATERAL (
       SELECT format('SET default_tablespace = %L', s.spcname) AS set
            , 'SET default_tablespace = ''''' AS reset
         FROM pg_tablespace s
        WHERE s.oid = x.reltablespace) tablespace ON true
 CROSS JOIN LATERAL (
       SELECT pg_get_constraintdef(c.oid) AS text OFFSET 0) said --19+
 CROSS JOIN LATERAL (                                            --19+
<inet_ops>                                                       --19+
       ) definition                                              --19+
--<19        SELECT pg_get_constraintdef(c.oid) AS text OFFSET 0) definition      -- called once, though used twice
 CROSS JOIN LATERAL (
       SELECT CASE WHEN c.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED'
                   WHEN c.condeferrable THEN ' DEFERRABLE'
                   ELSE ''
               END AS text) timing
 -- pg_get_constraintdef omits the storage parameters, which precede the timing, except for exclusion constraints.
 CROSS JOIN LATERAL (
       SELECT ' WITH (' || string_agg(format('%I = %L', o.option_name, o.option_value), ', ') || ')' AS text
         FROM pg_options_to_table(x.reloptions) o
        WHERE c.contype <> 'x'
          AND o.option_name !~ '^pg_') storage
  LEFT JOIN (
       SELECT d.objid
            , array_agg(DISTINCT format('ALTER INDEX %s DEPENDS ON EXTENSION %I', d.objid::regclass, e.extname))
                  AS statements
         FROM pg_depend d
         JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_class'::regclass
          AND d.refclassid = 'pg_extension'::regclass
          AND d.deptype = 'x'
        GROUP BY d.objid) extension ON extension.objid = x.oid
 WHERE c.oid >= 16384
   AND c.contype IN ('p', 'u', 'x')
   AND (i.indisvalid OR t.relkind = 'p')
   AND i.indisready
