-- CREATE OPERATOR CLASS with the operators and functions that it requires.
-- Older minor versions do not record the types of a member function in pg_depend.
-- Reference: pg_dump.c getOpclasses, dumpOpclass (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.opcowner AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE OPERATOR CLASS %I.%I', n.nspname, c.opcname)
            , CASE WHEN c.opcdefault THEN 'DEFAULT' END
            , format('FOR TYPE %s USING %I FAMILY %I.%I', c.opcintype::regtype, am.amname, fn.nspname, f.opfname)
            , 'AS'
            , concat_ws(', ', storage.option, operators.list, functions.list))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY(SELECT unnest(functions.types)) AS needs
  FROM pg_opclass c
  JOIN pg_namespace n ON n.oid = c.opcnamespace
  JOIN pg_am am ON am.oid = c.opcmethod
  JOIN pg_opfamily f ON f.oid = c.opcfamily
  JOIN pg_namespace fn ON fn.oid = f.opfnamespace
 CROSS JOIN LATERAL (
       SELECT string_agg(concat_ws(' ', 'OPERATOR', m.amopstrategy, m.amopopr::regoperator
                                  , 'FOR ORDER BY ' || sort.family)
                        , ', ' ORDER BY m.amopstrategy, m.oid)
         FROM pg_depend d
         JOIN pg_amop m ON m.oid = d.objid AND m.amopfamily = f.oid
         LEFT JOIN LATERAL (
              SELECT format('%I.%I', nspname, opfname)
                FROM pg_opfamily o
                JOIN pg_namespace ON pg_namespace.oid = opfnamespace
               WHERE o.oid = m.amopsortfamily
              ) AS sort (family) ON true
        WHERE d.classid = 'pg_amop'::regclass
          AND d.refclassid = c.tableoid
          AND d.refobjid = c.oid
       ) AS operators (list)
 CROSS JOIN LATERAL (
       SELECT string_agg(format('FUNCTION %s (%s, %s) %s', m.amprocnum, m.amproclefttype::regtype
                               , m.amprocrighttype::regtype, m.amproc::regprocedure)
                        , ', ' ORDER BY m.amprocnum, m.oid)
            , array_agg(ARRAY['pg_type'::regclass, m.amproclefttype, 'pg_type'::regclass, m.amprocrighttype]::oid[])
         FROM pg_depend d
         JOIN pg_amproc m ON m.oid = d.objid AND m.amprocfamily = f.oid
        WHERE d.classid = 'pg_amproc'::regclass
          AND d.refclassid = c.tableoid
          AND d.refobjid = c.oid
       ) AS functions (list, types)
 CROSS JOIN LATERAL (
       -- The syntax requires at least one item: STORAGE of the type itself changes nothing.
       SELECT 'STORAGE ' || CASE WHEN c.opckeytype <> 0 THEN c.opckeytype::regtype
                                 WHEN operators.list IS NULL AND functions.list IS NULL THEN c.opcintype::regtype
                             END
       ) AS storage (option)
 WHERE c.oid >= 16384
