-- The fields of model.Index that describe the keys, from pg_index's row i; put in place of the line <index_keys>.
-- Numbers of columns, not names: looking up the names for 35,000 indexes took half as long as printing the definitions
-- (2026-11, PostgreSQL 18). OIDs of collations: 100 is the database's, 950 is C, 951 is POSIX, 0 is none.
     , i.indrelid::bigint AS relation
     , i.indisunique AS "unique"
     , i.indpred IS NOT NULL AS partial
     , (i.indkey::int2[])[0:i.indnkeyatts - 1] AS columns
     , 0 = ALL (i.indoption::int2[])
       AND i.indcollation::oid[] <@ '{0,100}'::oid[]
       AND NOT i.indclass::oid[] && ARRAY(SELECT oid FROM pg_opclass WHERE NOT opcdefault) AS plain
     , i.indclass::oid[] && ARRAY(SELECT oid FROM pg_opclass WHERE opcintype = 'numeric'::regtype) AS "numeric"
     , NOT i.indcollation::oid[] <@ '{0,950,951}'::oid[] AS collated
