-- pg_depend without what is built in. A loose member of an operator family has an automatic dependency on all that it
-- needs, and yet is a part of its family only: the others are turned into normal ones.
-- Left out, since nothing depends on them: toast tables with their indexes, and the triggers that enforce constraints.
-- Reference: PostgreSQL docs 52.18, pg_depend; pg_dump.c getDependencies (18.6).
SELECT DISTINCT d.classid::bigint
     , d.objid::bigint
     , d.refclassid::bigint
     , d.refobjid::bigint
     , CASE WHEN d.deptype = 'a'
             AND (o.oid IS NOT NULL OR p.oid IS NOT NULL)
             AND (d.refclassid, d.refobjid) <> ('pg_opfamily'::regclass, coalesce(o.amopfamily, p.amprocfamily))
            THEN 'n'
            ELSE d.deptype::text
        END AS deptype
  FROM pg_depend d
  LEFT JOIN pg_amop o ON o.oid = d.objid AND o.tableoid = d.classid
  LEFT JOIN pg_amproc p ON p.oid = d.objid AND p.tableoid = d.classid
  LEFT JOIN pg_class c ON c.oid = d.objid AND c.tableoid = d.classid
 WHERE d.objid >= 16384
   AND d.refobjid >= 16384
   AND d.deptype <> 'p'
   AND c.relnamespace IS DISTINCT FROM 'pg_toast'::regnamespace
   AND NOT (d.classid = 'pg_trigger'::regclass AND d.refclassid = 'pg_constraint'::regclass AND d.deptype = 'i')
