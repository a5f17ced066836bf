-- CREATE TYPE AS RANGE. Its canonical function needs its shell.
-- Reference: pg_dump.c getTypes, dumpRangeType, dumpShellType (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , t.typowner AS owner
     , ARRAY[format('CREATE TYPE %s AS RANGE (%s)', t.oid::regtype, concat_ws(', '
            , 'SUBTYPE = ' || format_type(r.rngsubtype, NULL)
            , 'MULTIRANGE_TYPE_NAME = ' || format_type(r.rngmultitypid, NULL)                 --14+
            , CASE WHEN NOT c.opcdefault THEN format('SUBTYPE_OPCLASS = %I.%I', n.nspname, c.opcname) END
            , 'COLLATION = ' || collated.identity
            , 'CANONICAL = ' || NULLIF(r.rngcanonical::text, '-')
            , 'SUBTYPE_DIFF = ' || NULLIF(r.rngsubdiff::text, '-')))] AS create
     , ARRAY[format('CREATE TYPE %s', t.oid::regtype)] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_type t
  JOIN pg_range r ON r.rngtypid = t.oid
  JOIN pg_type s ON s.oid = r.rngsubtype
  JOIN pg_opclass c ON c.oid = r.rngsubopc
  JOIN pg_namespace n ON n.oid = c.opcnamespace
 CROSS JOIN LATERAL pg_identify_object('pg_collation'::regclass, NULLIF(r.rngcollation, s.typcollation), 0) AS collated
 WHERE t.oid >= 16384
