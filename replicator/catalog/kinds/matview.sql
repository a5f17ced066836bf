-- CREATE MATERIALIZED VIEW, always WITH NO DATA: the refresh is a step of its own, after all data.
-- Reference: pg_dump.c dumpTableSchema, append_depends_on_extension (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.relowner AS owner
     , ARRAY[ tablespace.set, concat_ws(' '
         , 'CREATE MATERIALIZED VIEW'
         , c.oid::regclass
         , (SELECT format('USING %I', amname) FROM pg_am WHERE oid = c.relam AND amname <> 'heap')
         , 'WITH (' || options.list || ')'
         , 'AS'
         , rtrim(pg_get_viewdef(c.oid), ';')
         , 'WITH NO DATA'), tablespace.reset ]
       || ARRAY(SELECT format('ALTER MATERIALIZED VIEW %s DEPENDS ON EXTENSION %I', c.oid::regclass, e.extname)
                  FROM pg_depend d
                  JOIN pg_extension e ON e.oid = d.refobjid
                 WHERE d.classid = c.tableoid
                   AND d.objid = c.oid
                   AND d.refclassid = e.tableoid
                   AND d.deptype = 'x'
                 ORDER BY e.extname) AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_class c
  LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
  -- Not TABLESPACE: it could not be removed.
  LEFT JOIN LATERAL (
       SELECT format('SET default_tablespace = %L', s.spcname) AS set
            , 'SET default_tablespace = ''''' AS reset
         FROM pg_tablespace s
        WHERE s.oid = c.reltablespace) tablespace ON true
 CROSS JOIN LATERAL (SELECT string_agg(format('%s%I = %L', o.prefix, o.name, o.value), ', ' ORDER BY o.prefix, o.at)
                       FROM (SELECT '' AS prefix, option_name AS name, option_value AS value, ordinality AS at
                               FROM pg_options_to_table(c.reloptions) WITH ORDINALITY
                              UNION ALL
                             SELECT 'toast.', option_name, option_value, ordinality
                               FROM pg_options_to_table(toast.reloptions) WITH ORDINALITY) AS o
                      WHERE o.name !~ '^pg_') AS options (list)
 WHERE c.relkind = 'm'
   AND c.oid >= 16384
