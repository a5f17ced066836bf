-- CREATE CONVERSION.
-- Reference: pg_dump.c getConversions, dumpConversion (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.conowner AS owner
     , ARRAY[concat_ws(' '
            , 'CREATE'
            , CASE WHEN c.condefault THEN 'DEFAULT' END
            , format('CONVERSION %I.%I', n.nspname, c.conname)
            , format('FOR %L TO %L', pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding))
            , format('FROM %s', c.conproc))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_conversion c
  JOIN pg_namespace n ON n.oid = c.connamespace
 WHERE c.oid >= 16384
