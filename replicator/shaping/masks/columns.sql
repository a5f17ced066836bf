-- The columns of all tables: type below domains and arrays, what fits into it, and what a mask has to know besides.
  WITH RECURSIVE below (type, base, typmod, code) AS (
       SELECT oid, oid, NULL::int, false FROM pg_type WHERE typtype <> 'd'
        UNION ALL
       SELECT t.oid
            , b.base
            , CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.typmod END
            , b.code OR EXISTS (SELECT
                                  FROM pg_constraint k
                                  JOIN pg_depend d ON d.classid = k.tableoid AND d.objid = k.oid
                                 WHERE k.contypid = t.oid
                                   AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
                                   AND d.refobjid >= 16384)
         FROM below b
         JOIN pg_type t ON t.typtype = 'd' AND t.typbasetype = b.type
     )
SELECT c.oid::bigint AS relation
     , a.attnum::int AS number
     , a.attname::text AS name
     , quote_ident(a.attname) AS quoted
     , e.typname::text AS base
     , format_type(e.oid, made.typmod) AS type
     , CASE WHEN t.typtype = 'd' AND NOT below.code THEN format_type(t.oid, NULL) ELSE '' END AS domain
     , b.typelem <> 0 AND b.typlen = -1 AS "array"
     , CASE WHEN e.typname IN ('varchar', 'bpchar') AND made.typmod >= 5 THEN made.typmod - 4
            WHEN e.typname = 'name' THEN 63
        END AS "limit"
     , CASE WHEN e.typname = 'numeric' AND made.typmod >= 4
            THEN ARRAY[((made.typmod - 4) >> 16) & 65535, (((made.typmod - 4) & 2047) # 1024) - 1024]
        END AS "precision"
     , NOT (a.attnotnull OR t.typnotnull) AS nullable
     , a.attgenerated <> '' AS generated
     , EXISTS (SELECT FROM pg_partition_ancestors(c.oid) AS p (relid)
                 JOIN pg_partitioned_table k ON k.partrelid = p.relid
                 JOIN pg_attribute ka ON ka.attrelid = k.partrelid AND ka.attname = a.attname
                WHERE c.relispartition AND (ka.attnum = ANY (k.partattrs) OR k.partexprs IS NOT NULL)) AS routes
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  JOIN below ON below.type = a.atttypid
  JOIN pg_type b ON b.oid = below.base
  JOIN pg_type e ON e.oid = CASE WHEN b.typelem <> 0 AND b.typlen = -1 THEN b.typelem ELSE b.oid END
 CROSS JOIN LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN coalesce(below.typmod, -1) ELSE a.atttypmod END) AS made (typmod)
 WHERE c.relkind IN ('r', 'p')
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
 ORDER BY c.oid, a.attnum
