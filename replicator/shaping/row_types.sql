-- Columns, domains and composite types that contain rows of these tables.
SELECT t.typrelid::regclass::text
     , pg_describe_object(d.classid, d.objid, d.objsubid)
  FROM pg_type t
  JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)
  LEFT JOIN pg_type u ON d.classid = u.tableoid AND u.oid = d.objid
 WHERE t.typrelid = ANY (%s::bigint[]::oid[])
   AND (d.classid = 'pg_class'::regclass AND d.objsubid > 0 OR u.typtype = 'd')
 ORDER BY 1, 2
