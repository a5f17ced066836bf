-- The user-defined functions called when rows are inserted into a table with indexes: by expressions and conditions, by
-- operators of exclusion constraints, by operator classes.
SELECT t.oid::regclass::text AS identity
     , array_agg(DISTINCT (pg_identify_object('pg_proc'::regclass, called.function, 0)).identity) AS functions
  FROM pg_index i
  JOIN pg_class t ON t.oid = i.indrelid AND t.relkind IN ('r', 'p')
 CROSS JOIN LATERAL (
       SELECT coalesce(o.oprcode::oid, d.refobjid) AS function
         FROM pg_depend d
         LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
         LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype = 'x'
        WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
          AND (d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
               OR d.classid = 'pg_constraint'::regclass AND d.objid = k.oid)
        UNION ALL
       SELECT p.amproc
         FROM pg_opclass o
         JOIN pg_amproc p ON p.amprocfamily = o.opcfamily AND p.amproclefttype = o.opcintype
        WHERE o.oid = ANY (i.indclass)
     ) AS called
 WHERE called.function >= 16384
 GROUP BY t.oid
