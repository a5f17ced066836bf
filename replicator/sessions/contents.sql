-- Everything that determines the rows of some tables and how their values are printed: one row each, with its content.
-- Only columns of catalogs, which are read as of the snapshot: functions such as format_type read the current catalogs.
-- Privileges, owners, comments, statistics and new objects do not matter. Enum labels include their xmin: a value that
-- was renamed and renamed back was printed differently in between, and nothing else changes these rows.
-- Python fills in the tables' OIDs. Reference: pg_type.h, pg_enum.h, "reg*" in PostgreSQL docs 8.19.
  WITH RECURSIVE relation (oid) AS (
       SELECT DISTINCT given::oid FROM unnest(%s::bigint[]) AS given
     )
     , used (type) AS (
       SELECT a.atttypid
         FROM relation r
         JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
        UNION
       SELECT part.type
         FROM used
         JOIN pg_type t ON t.oid = used.type
        CROSS JOIN LATERAL (
              SELECT t.typbasetype
               UNION ALL SELECT t.typelem
               UNION ALL SELECT g.rngsubtype FROM pg_range g WHERE g.rngtypid = t.oid
               UNION ALL SELECT g.rngtypid FROM pg_range g WHERE g.rngmultitypid = t.oid --14+
               UNION ALL SELECT a.atttypid
                           FROM pg_attribute a
                          WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
              ) AS part (type)
        WHERE part.type <> 0
     )
     , calling (classid, objid) AS (
       SELECT d.tableoid, d.oid FROM relation r JOIN pg_attrdef d ON d.adrelid = r.oid
        UNION ALL SELECT k.tableoid, k.oid FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype = 'c'
        UNION ALL SELECT k.tableoid, k.oid FROM used JOIN pg_constraint k ON k.contypid = used.type AND k.contypid <> 0
     )
     , called (function) AS (
       SELECT f.function
         FROM used
         JOIN pg_type t ON t.oid = used.type
        CROSS JOIN LATERAL (VALUES (t.typinput::oid), (t.typoutput), (t.typreceive), (t.typsend)) AS f (function)
        UNION SELECT g.rngcanonical FROM used JOIN pg_range g ON g.rngtypid = used.type
        UNION SELECT c.castfunc FROM used JOIN pg_cast c ON c.castsource = used.type
        UNION SELECT d.refobjid
                FROM calling
                JOIN pg_depend d USING (classid, objid)
               WHERE d.refclassid = 'pg_proc'::regclass
     )
     , shown (type) AS (
       SELECT typname::text FROM used JOIN pg_type t ON t.oid = used.type WHERE t.oid < 16384 AND t.typname ~ '^reg'
     )
     , entry (classid, objid, part, content) AS (
       SELECT c.tableoid, c.oid, 0::oid, concat_ws(' ', c.relkind, c.relfilenode)
         FROM relation r
         JOIN pg_class c ON c.oid = r.oid
        UNION ALL
       SELECT 'pg_class'::regclass, a.attrelid, 1
            , string_agg(concat_ws(' ', a.attname, a.atttypid, a.atttypmod, a.attgenerated, a.attisdropped), ', '
                         ORDER BY a.attnum)
         FROM (SELECT oid FROM relation
                UNION SELECT t.typrelid FROM used JOIN pg_type t ON t.oid = used.type) AS r
         JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0
        GROUP BY a.attrelid
        UNION ALL
       SELECT t.tableoid, t.oid, 0
            , concat_ws(' ', t.typtype, t.typlen, t.typbyval, t.typdelim, t.typbasetype, t.typelem, t.typrelid
                        , t.typinput::oid, t.typoutput::oid, t.typreceive::oid, t.typsend::oid)
         FROM used
         JOIN pg_type t ON t.oid = used.type
        UNION ALL
       SELECT 'pg_type'::regclass, e.enumtypid, e.oid, concat_ws(' ', e.enumsortorder, e.xmin, e.enumlabel)
         FROM used
         JOIN pg_enum e ON e.enumtypid = used.type
        UNION ALL
       SELECT 'pg_type'::regclass, g.rngtypid, 1, concat_ws(' ', g.rngsubtype, g.rngcollation, g.rngcanonical::oid)
         FROM used
         JOIN pg_range g ON g.rngtypid = used.type
        UNION ALL
       SELECT p.tableoid, p.oid, 0
            , concat_ws(' ', p.prolang, p.probin, p.proconfig
                        , p.prosqlbody --14+
                        , p.prosrc)
         FROM called
         JOIN pg_proc p ON p.oid = called.function
        UNION ALL
       SELECT c.tableoid, c.oid, 0, concat_ws(' ', c.castfunc, c.castmethod)
         FROM used
         JOIN pg_cast c ON c.castsource = used.type
        -- Values of regclass and similar types are printed with the current names of the objects.
        UNION ALL
       SELECT c.tableoid, c.oid, 2, concat_ws(' ', c.relname, c.relnamespace)
         FROM pg_class c
        WHERE EXISTS (SELECT FROM shown WHERE type = 'regclass')
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
          AND c.relpersistence <> 't'
        UNION ALL
       SELECT t.tableoid, t.oid, 2, concat_ws(' ', t.typname, t.typnamespace)
         FROM pg_type t
         JOIN pg_namespace n ON n.oid = t.typnamespace AND n.nspname !~ '^pg_(toast_)?temp_'
        WHERE EXISTS (SELECT FROM shown WHERE type IN ('regtype', 'regprocedure', 'regoperator'))
        UNION ALL
       SELECT p.tableoid, p.oid, 1, concat_ws(' ', p.proname, p.pronamespace)
         FROM pg_proc p
        WHERE EXISTS (SELECT FROM shown WHERE type IN ('regproc', 'regprocedure'))
        UNION ALL
       SELECT o.tableoid, o.oid, 0, concat_ws(' ', o.oprname, o.oprnamespace)
         FROM pg_operator o
        WHERE EXISTS (SELECT FROM shown WHERE type IN ('regoper', 'regoperator'))
        UNION ALL
       SELECT o.tableoid, o.oid, 0, concat_ws(' ', o.cfgname, o.cfgnamespace)
         FROM pg_ts_config o
        WHERE EXISTS (SELECT FROM shown WHERE type = 'regconfig')
        UNION ALL
       SELECT o.tableoid, o.oid, 0, concat_ws(' ', o.dictname, o.dictnamespace)
         FROM pg_ts_dict o
        WHERE EXISTS (SELECT FROM shown WHERE type = 'regdictionary')
        UNION ALL
       SELECT o.tableoid, o.oid, 0, concat_ws(' ', o.collname, o.collnamespace)
         FROM pg_collation o
        WHERE EXISTS (SELECT FROM shown WHERE type = 'regcollation')
        UNION ALL
       SELECT 'pg_authid'::regclass, r.oid, 0, r.rolname::text
         FROM pg_roles r
        WHERE EXISTS (SELECT FROM shown WHERE type = 'regrole')
        UNION ALL
       SELECT n.tableoid, n.oid, 0, n.nspname::text
         FROM pg_namespace n
        WHERE EXISTS (SELECT FROM shown)
          AND n.nspname !~ '^pg_(toast_)?temp_'
     )
SELECT DISTINCT classid::bigint AS classid, objid::bigint AS objid, part::bigint AS part, content
  FROM entry
 WHERE objid >= 16384
