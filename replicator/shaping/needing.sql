-- What depends on these columns (numbers of tables and columns): its address, and what it is if it is no object of its
-- own, or a reason to refuse. A view depends through its rule; a column's default and NOT NULL are a part of it.
  WITH given AS (
       SELECT a.attrelid, a.attnum, a.attname::text, format('%%s.%%I', a.attrelid::regclass, a.attname) AS name
         FROM unnest(%(relations)s::bigint[], %(numbers)s::int[]) AS g (relid, attnum)
         JOIN pg_attribute a ON a.attrelid = g.relid::oid AND a.attnum = g.attnum
     )
SELECT DISTINCT
       given.name
     , given.attname
     , given.attrelid::bigint AS relid
     , CASE WHEN view.it THEN r.ev_class::bigint ELSE d.objid::bigint END AS objid
     , CASE WHEN view.it THEN d.refclassid::bigint ELSE d.classid::bigint END AS classid
     , CASE WHEN (d.classid, d.objid, d.objsubid) = (d.refclassid, d.refobjid, 0) THEN 'partition key'
            WHEN f.oid IS NOT NULL THEN format('%%s.%%I', f.adrelid::regclass, g.attname)
            WHEN s.relkind = 'S' AND d.deptype IN ('a', 'i') THEN 'sequence'
            WHEN n.contype = 'c' AND n.coninhcount = 0 THEN format('constraint %%I on %%s', n.conname, n.conrelid::regclass)
       END AS what
     , f.oid IS NOT NULL OR (d.classid, d.objid, d.objsubid) = (d.refclassid, d.refobjid, 0) AS refused
     , n.conparentid <> 0 OR s.relispartition AS of_partition
  FROM given
  JOIN pg_depend d
    ON d.refclassid = 'pg_class'::regclass AND d.refobjid = given.attrelid AND d.refobjsubid = given.attnum
  LEFT JOIN pg_rewrite r ON d.classid = r.tableoid AND r.oid = d.objid
 CROSS JOIN LATERAL (SELECT r.oid IS NOT NULL AND r.rulename = '_RETURN') AS view (it)
  LEFT JOIN pg_attrdef f ON d.classid = f.tableoid AND f.oid = d.objid
  LEFT JOIN pg_attribute g ON g.attrelid = f.adrelid AND g.attnum = f.adnum
  LEFT JOIN pg_class s ON d.classid = s.tableoid AND s.oid = d.objid
  LEFT JOIN pg_constraint n ON d.classid = n.tableoid AND n.oid = d.objid
 WHERE (f.oid IS NULL OR (f.adrelid, f.adnum) NOT IN (SELECT attrelid, attnum FROM given))
 ORDER BY 1, 2
