-- CREATE OPERATOR FAMILY, and its loose members: those that belong to none of its classes.
-- Older minor versions do not record the types of a member function in pg_depend.
-- Reference: pg_dump.c getOpfamilies, dumpOpfamily (18.6).
SELECT f.tableoid AS classid
     , f.oid AS objid
     , f.opfowner AS owner
     , ARRAY['CREATE' || family.name
            , 'ALTER' || family.name || ' ADD ' || nullif(concat_ws(', ', operators.list, functions.list), '')
            ] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY(SELECT unnest(functions.types)) AS needs
  FROM pg_opfamily f
  JOIN pg_namespace n ON n.oid = f.opfnamespace
  JOIN pg_am am ON am.oid = f.opfmethod
 CROSS JOIN LATERAL format(' OPERATOR FAMILY %I.%I USING %I', n.nspname, f.opfname, am.amname) AS family (name)
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
          AND d.refclassid = f.tableoid
          AND d.refobjid = f.oid
       ) AS operators (list)
 CROSS JOIN LATERAL (
       SELECT string_agg(format('FUNCTION %s (%s, %s) %s', m.amprocnum, m.amproclefttype::regtype
                               , m.amprocrighttype::regtype, m.amproc::regprocedure)
                        , ', ' ORDER BY m.amprocnum, m.oid)
            , array_agg(ARRAY['pg_type'::regclass, m.amproclefttype, 'pg_type'::regclass, m.amprocrighttype]::oid[])
         FROM pg_depend d
         JOIN pg_amproc m ON m.oid = d.objid AND m.amprocfamily = f.oid
        WHERE d.classid = 'pg_amproc'::regclass
          AND d.refclassid = f.tableoid
          AND d.refobjid = f.oid
       ) AS functions (list, types)
 WHERE f.oid >= 16384
