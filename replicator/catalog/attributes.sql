-- The columns of pg_attribute, as a definition wants them: see attributes.py.
SELECT attrelid, attnum, attname, atttypid, atttypmod, attnotnull, atthasdef, attidentity, attgenerated
  FROM pg_attribute
 WHERE attnum > 0
   AND NOT attisdropped
   AND (attrelid::bigint << 16) + attnum <> ALL (<without>)
 UNION ALL
SELECT e.relid, (10000 + e.place)::int2, e.name::name, e.type, e.modifier, false, false, ''::"char", ''::"char"
  FROM (
<extra>
       ) AS e
