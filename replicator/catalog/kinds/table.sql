-- CREATE TABLE. A partition is created as a separate table; table_attach attaches it.
-- The stub lacks defaults and checks, which may call functions that take the table's row type.
-- Reference: pg_dump.c getTables, dumpTableSchema (18.6).
  WITH
<columns>
<body>
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.relowner AS owner
     , body.before
       || ARRAY[ tablespace.set
            , concat_ws(' ', part.head, body.whole, part.tail)
            , tablespace.reset ] || body.alter_whole AS create
     , CASE WHEN body.finish <> '{}'
            THEN body.before
              || ARRAY[ tablespace.set
                      , concat_ws(' ', part.head, body.stub, part.tail)
                      , tablespace.reset ] || body.alter_stub
            ELSE '{}'
        END AS stub
     , body.finish
     , body.needs
  FROM pg_class c
  JOIN body ON body.relid = c.oid
  LEFT JOIN pg_class toast
    ON toast.oid = c.reltoastrelid
   AND c.relkind = 'r'
   AND toast.reloptions IS NOT NULL    -- only these are needed, and few have any
   AND EXISTS (SELECT               -- else a copy has no toast table: the column that needed it was dropped (needs_toast_table)
                 FROM pg_attribute a
                 JOIN pg_type t ON t.oid = a.atttypid AND t.typlen = -1 AND t.typstorage <> 'p'
                WHERE a.attrelid = c.oid AND a.attnum > 0
               HAVING bool_or(a.atttypmod < 0 OR a.atttypid NOT IN ('bpchar'::regtype, 'varchar'::regtype, 'bit'::regtype
                                                                         , 'varbit'::regtype, 'numeric'::regtype))
                   OR sum(a.atttypmod * 4) FILTER (WHERE a.atttypid <> 'numeric'::regtype) > 2000)
  -- Not TABLESPACE: it could not be removed.
  LEFT JOIN LATERAL (
       SELECT format('SET default_tablespace = %L', s.spcname) AS set
            , 'SET default_tablespace = ''''' AS reset
         FROM pg_tablespace s
        WHERE s.oid = c.reltablespace) tablespace ON true
  LEFT JOIN pg_am m ON m.oid = c.relam AND (m.amname <> 'heap' OR c.relkind = 'p')
 CROSS JOIN LATERAL (
       SELECT concat_ws(' '
             , 'CREATE'
             , CASE WHEN c.relpersistence = 'u' AND c.relkind = 'r' THEN 'UNLOGGED' END
             , format('TABLE %s', c.oid::regclass)
             , 'OF ' || nullif(c.reloftype, 0)::regtype) AS head
            , nullif(concat_ws(' '
             , 'PARTITION BY ' || pg_get_partkeydef(c.oid)
             , 'USING ' || quote_ident(m.amname)
             , (SELECT format('WITH (%s)', string_agg(format('%s%I=%L', o.prefix, o.option_name, o.option_value), ', '))
                  FROM (SELECT '' AS prefix, * FROM pg_options_to_table(c.reloptions)
                         UNION ALL
                        SELECT 'toast.', * FROM pg_options_to_table(toast.reloptions)) AS o
                 WHERE o.option_name !~ '^pg_'
                HAVING count(*) > 0)), '') AS tail
        OFFSET 0) AS part                                        -- computed once, used twice
 WHERE c.relkind IN ('r', 'p')
