-- What depends on these columns (numbers of tables and columns): its address, and `what` it is if that is no object of
-- its own. `refused`: the table cannot be without the column. A view depends through its rule; before 15 a generated
-- column through its expression. A column of a partition key depends on its table.
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
     , CASE WHEN g.attnum IS NOT NULL THEN format('%%s.%%I', g.attrelid::regclass, g.attname)
            WHEN s.relkind = 'S' AND d.deptype IN ('a', 'i') THEN 'sequence'
            WHEN n.contype = 'c' AND n.coninhcount = 0 THEN format('constraint %%I on %%s', n.conname, n.conrelid::regclass)
       END AS what
     , g.attnum IS NOT NULL AS refused
     , n.conparentid <> 0 OR s.relispartition AS of_partition
  FROM given
  JOIN pg_depend d
    ON d.refclassid = 'pg_class'::regclass AND d.refobjid = given.attrelid AND d.refobjsubid = given.attnum
  LEFT JOIN pg_rewrite r ON d.classid = r.tableoid AND r.oid = d.objid
 CROSS JOIN LATERAL (SELECT r.oid IS NOT NULL AND r.rulename = '_RETURN') AS view (it)
  LEFT JOIN pg_attrdef f ON d.classid = f.tableoid AND f.oid = d.objid
  LEFT JOIN pg_class s ON d.classid = s.tableoid AND s.oid = d.objid AND d.objsubid = 0
  LEFT JOIN pg_attribute g
    ON (g.attrelid, g.attnum) = (f.adrelid, f.adnum)
    OR d.classid = d.refclassid AND (g.attrelid, g.attnum) = (d.objid, d.objsubid) AND g.attnum > 0
  LEFT JOIN pg_constraint n ON d.classid = n.tableoid AND n.oid = d.objid
 WHERE g.attnum IS NULL
    OR (g.attrelid, g.attnum) NOT IN (SELECT attrelid, attnum FROM given)
 UNION ALL
SELECT given.name, given.attname, given.attrelid::bigint, 0, 0, NULL, true, false
  FROM given
  JOIN pg_depend d ON d.classid = d.refclassid AND d.objid = d.refobjid AND d.refobjsubid = 0
                  AND d.classid = 'pg_class'::regclass AND d.objid = given.attrelid AND d.objsubid = given.attnum
 ORDER BY 1, 4
