-- CREATE TYPE: base types, and shell types that were never completed. A type's functions need its shell.
-- Reference: pg_dump.c getTypes, dumpBaseType, dumpShellType, dumpUndefinedType (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , t.typowner AS owner
     , CASE WHEN t.typisdefined THEN ARRAY[format('CREATE TYPE %s (%s)', t.oid::regtype, o.options)]
            ELSE shell
        END AS create
     , CASE WHEN t.typisdefined THEN shell ELSE '{}' END AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_type t
  LEFT JOIN pg_type e ON e.oid = t.typelem
 CROSS JOIN LATERAL (SELECT ARRAY[format('CREATE TYPE %s', t.oid::regtype)]) AS s (shell)
 CROSS JOIN LATERAL (
       SELECT concat_ws(', '
            , 'INTERNALLENGTH = ' || CASE t.typlen WHEN -1 THEN 'variable' ELSE t.typlen::text END
            , format('INPUT = %s, OUTPUT = %s', t.typinput, t.typoutput)
            , 'RECEIVE = ' || NULLIF(t.typreceive::text, '-')
            , 'SEND = ' || NULLIF(t.typsend::text, '-')
            , 'TYPMOD_IN = ' || NULLIF(t.typmodin::text, '-')
            , 'TYPMOD_OUT = ' || NULLIF(t.typmodout::text, '-')
            , 'ANALYZE = ' || NULLIF(t.typanalyze::text, '-')
            , 'SUBSCRIPT = ' || NULLIF(t.typsubscript::text, '-')                             --14+
            , 'ELEMENT = ' || format_type(NULLIF(t.typelem, 0), NULL)
            , 'DEFAULT = ' || quote_literal(t.typdefault)
            , format('CATEGORY = %L, PREFERRED = %s, DELIMITER = %L', t.typcategory, t.typispreferred::text, t.typdelim)
            , 'ALIGNMENT = ' || CASE t.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2' WHEN 'i' THEN 'int4'
                                                WHEN 'd' THEN 'double' END
            , 'STORAGE = ' || CASE t.typstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main'
                                                WHEN 'x' THEN 'extended' END
            , CASE WHEN t.typcollation <> 0 THEN 'COLLATABLE = true' END
            , CASE WHEN t.typbyval THEN 'PASSEDBYVALUE' END)) AS o (options)
 WHERE t.oid >= 16384
   AND (t.typtype = 'b' OR NOT t.typisdefined)
   AND e.typarray IS DISTINCT FROM t.oid                 -- not an automatic array type
