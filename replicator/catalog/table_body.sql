-- The columns and the checks: `whole` and `stub` are the lists with and without defaults and checks, `before` the
-- statements that precede, `alter_whole` and `alter_stub` those that follow, `finish` those that complete the stub. Put in
-- place of the line <body>. The stub has the generation expressions, which cannot be added later: `needs` are their
-- dependencies, which pg_depend records for the whole only.
-- Reference: pg_dump.c dumpTableSchema (18.6).
     , check_list AS (
       SELECT n.conrelid
            , array_agg(definition ORDER BY n.conname) AS whole
            , array_agg(format('ALTER TABLE %s ADD %s', c.oid::regclass, definition) ORDER BY n.conname) AS finish
         FROM restriction n
         JOIN relation c ON c.oid = n.conrelid
        CROSS JOIN LATERAL format('CONSTRAINT %I %s', n.conname, pg_get_constraintdef(n.oid)) AS definition
        WHERE n.contype = 'c' AND n.convalidated AND (n.conislocal OR c.relispartition)
        GROUP BY n.conrelid
     )
     , parent_list AS (
       SELECT i.inhrelid
            , 'INHERITS (' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
                              FILTER (WHERE NOT c.alone) || ')' AS whole
            , array_agg(format('ALTER TABLE %s INHERIT %s', c.oid::regclass, i.inhparent::regclass)
                        ORDER BY i.inhseqno) FILTER (WHERE c.alone) AS finish
         FROM pg_inherits i
         JOIN relation c ON c.oid = i.inhrelid AND NOT c.relispartition
        GROUP BY i.inhrelid
     )
     , generation AS (
       SELECT a.attrelid, array_agg(ARRAY[d.refclassid, d.refobjid]) AS needs
         FROM column_part a
         JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
         JOIN pg_depend d ON d.classid = e.tableoid AND d.objid = e.oid
        WHERE a.generated
        GROUP BY a.attrelid
     )
     -- A child gets those that a parent has from it, but only if it is created with INHERITS.
     , extra_list AS (
       SELECT e.relid
            , array_agg(format('ALTER TABLE ONLY %s ADD COLUMN %I %s', c.name, e.name, format_type(e.type, e.modifier))
                        ORDER BY e.place) AS adds
         FROM extra e
         JOIN relation c ON c.oid = e.relid
        WHERE c.alone
           OR NOT EXISTS (SELECT
                            FROM pg_inherits i
                            JOIN extra p ON p.relid = i.inhparent AND p.name = e.name
                           WHERE i.inhrelid = e.relid)
        GROUP BY e.relid
     )
     , body AS (
       SELECT c.oid AS relid
            , concat_ws(' ', '(' || nullif(array_to_string(l.whole || k.whole || '{}', ', '), nothing) || ')', i.whole)
              AS whole
            , concat_ws(' ', '(' || nullif(array_to_string(l.stub || '{}', ', '), nothing) || ')', i.whole) AS stub
            , d.drops AS before
            , x.adds || d.sets || l.alters || l.inherited_defaults || i.finish AS alter_whole
            , x.adds || d.sets || l.alters AS alter_stub
            , array_remove(l.defaults || k.finish || i.finish || '{}', NULL) AS finish
            , ARRAY(SELECT unnest(g.needs))
              || ARRAY(SELECT unnest(ARRAY['pg_type'::regclass, e.type]::oid[]) FROM extra e WHERE e.relid = c.oid) AS needs
         FROM relation c
         LEFT JOIN column_list l ON l.attrelid = c.oid
         LEFT JOIN conflict d ON d.relid = c.oid
         LEFT JOIN check_list k ON k.conrelid = c.oid
         LEFT JOIN parent_list i ON i.inhrelid = c.oid
         LEFT JOIN generation g ON g.attrelid = c.oid
         LEFT JOIN extra_list x ON x.relid = c.oid
        CROSS JOIN LATERAL (SELECT CASE WHEN c.reloftype <> 0 THEN '' END AS nothing) AS typed
     )
