-- CREATE FOREIGN TABLE; column_setting adds the FDW options of columns. Created in two steps like ordinary tables.
-- Reference: pg_dump.c getTables, dumpTableSchema (18.6).
  WITH
<columns>
<body>
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.relowner AS owner
     , body.before || ARRAY[concat_ws(' ', part.head, body.whole, part.tail)] || body.alter_whole AS create
     , CASE WHEN body.finish <> '{}'
            THEN body.before || ARRAY[concat_ws(' ', part.head, body.stub, part.tail)] || body.alter_stub
            ELSE '{}'
        END AS stub
     , body.finish
     , body.needs
  FROM pg_class c
  JOIN body ON body.relid = c.oid
  JOIN pg_foreign_table f ON f.ftrelid = c.oid
  JOIN pg_foreign_server s ON s.oid = f.ftserver
 CROSS JOIN LATERAL (
       SELECT format('CREATE FOREIGN TABLE %s', c.oid::regclass) AS head
            , concat_ws(' '
             , format('SERVER %I', s.srvname)
             , (SELECT format('OPTIONS (%s)', string_agg(format('%I %L', option_name, option_value), ', '))
                  FROM pg_options_to_table(f.ftoptions)
                HAVING count(*) > 0)) AS tail) AS part
