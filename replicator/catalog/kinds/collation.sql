-- CREATE COLLATION. Its version is the destination's.
-- Reference: pg_dump.c getCollations, dumpCollation (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.collowner AS owner
     , ARRAY[format('CREATE COLLATION %I.%I (%s)', n.nspname, c.collname, concat_ws(', '
            , 'PROVIDER = ' || CASE c.collprovider WHEN 'b' THEN 'builtin' WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' END
            , CASE WHEN NOT c.collisdeterministic THEN 'DETERMINISTIC = false' END
            , CASE
              WHEN c.collprovider <> 'c' THEN format('LOCALE = %L', l.locale)
              WHEN c.collcollate = c.collctype THEN format('LOCALE = %L', c.collcollate)
              ELSE format('LC_COLLATE = %L, LC_CTYPE = %L', c.collcollate, c.collctype)
               END
            , 'RULES = ' || quote_literal(c.collicurules)                                     --16+
            ))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_collation c
  JOIN pg_namespace n ON n.oid = c.collnamespace
 -- Its column is called colliculocale in 15 and 16; before that, it is collcollate.
 CROSS JOIN LATERAL (SELECT COALESCE(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale'
                                     , c.collcollate)) AS l (locale)
 WHERE c.oid >= 16384
