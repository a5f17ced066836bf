-- CREATE TYPE AS ENUM.
-- Reference: pg_dump.c getTypes, dumpEnumType (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , t.typowner AS owner
     , ARRAY[format('CREATE TYPE %s AS ENUM (%s)', t.oid::regtype, l.labels)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_type t
  LEFT JOIN (SELECT enumtypid, string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) AS labels
               FROM pg_enum
              GROUP BY enumtypid) AS l ON l.enumtypid = t.oid
 WHERE t.typtype = 'e'
   AND t.oid >= 16384
