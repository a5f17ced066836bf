-- CREATE TYPE AS (a, b): composite types of their own, not the row types of relations.
-- Reference: pg_dump.c getTypes, dumpCompositeType (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , t.typowner AS owner
     , ARRAY[format('CREATE TYPE %s AS (%s)', t.oid::regtype, a.attributes)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_type t
  JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
 CROSS JOIN LATERAL (
       SELECT string_agg(concat_ws(' '
                        , format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
                        , 'COLLATE ' || collated.identity), ', ' ORDER BY a.attnum)
         FROM pg_attribute a
         JOIN pg_type b ON b.oid = a.atttypid
        CROSS JOIN LATERAL pg_identify_object(
              'pg_collation'::regclass, NULLIF(a.attcollation, b.typcollation), 0) AS collated
        WHERE a.attrelid = c.oid
          AND a.attnum > 0
          AND NOT a.attisdropped) AS a (attributes)
 WHERE t.oid >= 16384
