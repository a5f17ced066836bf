-- CREATE TYPE AS RANGE. Its canonical function needs its shell.
-- Its constructors, and those of its multirange type, are functions that keep their names and schema if the type is
-- renamed or moved. All are created in its own schema.
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
            , 'SUBTYPE_DIFF = ' || NULLIF(r.rngsubdiff::text, '-')))] || constructors.alter AS create
     , ARRAY[format('CREATE TYPE %s', t.oid::regtype)] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_type t
  JOIN pg_range r ON r.rngtypid = t.oid
  JOIN pg_type s ON s.oid = r.rngsubtype
  JOIN pg_opclass c ON c.oid = r.rngsubopc
  JOIN pg_namespace n ON n.oid = c.opcnamespace
 CROSS JOIN LATERAL (
       SELECT array_agg(step.statement ORDER BY m.typname, f.pronargs, step.number) AS alter
         FROM pg_type m
         JOIN pg_depend d ON d.refobjid = m.oid AND d.refclassid = m.tableoid AND d.deptype = 'i'
         JOIN pg_proc f ON f.oid = d.objid AND f.tableoid = d.classid
        CROSS JOIN LATERAL pg_get_function_identity_arguments(f.oid) AS arguments
        CROSS JOIN LATERAL (VALUES
              (1, CASE WHEN f.proname <> m.typname
                       THEN format('ALTER FUNCTION %s.%I(%s) RENAME TO %I', t.typnamespace::regnamespace, m.typname
                                  , arguments, f.proname) END)
            , (2, CASE WHEN f.pronamespace <> t.typnamespace
                       THEN format('ALTER FUNCTION %s.%I(%s) SET SCHEMA %s', t.typnamespace::regnamespace, f.proname
                                  , arguments, f.pronamespace::regnamespace) END)) AS step (number, statement)
        WHERE m.oid IN (t.oid
                       , r.rngmultitypid                                                     --14+
                       )
          AND step.statement IS NOT NULL) AS constructors
 CROSS JOIN LATERAL pg_identify_object('pg_collation'::regclass, NULLIF(r.rngcollation, s.typcollation), 0) AS collated
 WHERE t.oid >= 16384
