-- pg_depend without built-in objects. A loose member of an operator family has automatic dependencies on all its needs,
-- but is a part of its family only: the others are turned into normal dependencies.
-- Excluded, since nothing depends on them: toast tables with their indexes, and the triggers that enforce constraints.
-- Rows that differ only in objsubid are duplicates: removing them would cost more.
-- Reference: PostgreSQL docs 52.18, pg_depend; pg_dump.c getDependencies (18.6).
SELECT d.classid::bigint << 32 | d.objid::bigint AS dependent      -- as model.Address
     , d.refclassid::bigint << 32 | d.refobjid::bigint AS referenced
     , CASE WHEN d.deptype = 'a'
             AND d.classid IN ('pg_amop'::regclass, 'pg_amproc'::regclass)
             AND (d.refclassid, d.refobjid) IS DISTINCT FROM ('pg_opfamily'::regclass, member.family)
            THEN 'n'
            ELSE d.deptype
        END AS deptype
  FROM pg_depend d
  LEFT JOIN (SELECT tableoid AS classid, oid AS objid, amopfamily AS family FROM pg_amop WHERE oid >= 16384
              UNION ALL
             SELECT tableoid, oid, amprocfamily FROM pg_amproc WHERE oid >= 16384) AS member USING (classid, objid)
 WHERE d.objid >= 16384
   AND d.refobjid >= 16384
   AND d.deptype <> 'p'
   AND NOT (d.classid = 'pg_class'::regclass
            AND d.objid IN (SELECT oid FROM pg_class WHERE relnamespace = 'pg_toast'::regnamespace))
   -- A publication depends on the tables that it excepts; these rows say the opposite.                         --19+
   AND NOT (d.classid = 'pg_publication_rel'::regclass                                                         --19+
            AND d.objid IN (SELECT oid FROM pg_publication_rel WHERE prexcept))                                --19+
   AND NOT (d.classid = 'pg_trigger'::regclass AND d.refclassid = 'pg_constraint'::regclass AND d.deptype = 'i')
   -- What a column needs that is read as if it did not exist, its default, or a check on it.
   AND (<without> = '{}'
        OR NOT (d.classid = 'pg_class'::regclass AND (d.objid::bigint << 16) + d.objsubid = ANY (<without>)
                OR EXISTS (SELECT
                             FROM pg_attrdef f
                            WHERE f.tableoid = d.classid
                              AND f.oid = d.objid
                              AND (f.adrelid::bigint << 16) + f.adnum = ANY (<without>))
                OR EXISTS (SELECT
                             FROM pg_constraint n
                            CROSS JOIN unnest(n.conkey) AS k (attnum)
                            WHERE n.tableoid = d.classid
                              AND n.oid = d.objid
                              AND n.contype IN ('c', 'n')
                              AND (n.conrelid::bigint << 16) + k.attnum = ANY (<without>))))
