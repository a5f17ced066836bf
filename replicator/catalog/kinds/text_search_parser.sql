-- CREATE TEXT SEARCH PARSER.
-- Reference: pg_dump.c getTSParsers, dumpTSParser (18.6).
SELECT p.tableoid AS classid
     , p.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format('CREATE TEXT SEARCH PARSER %I.%I (%s)', n.nspname, p.prsname, concat_ws(', '
            , 'START = ' || p.prsstart
            , 'GETTOKEN = ' || p.prstoken
            , 'END = ' || p.prsend
            , 'HEADLINE = ' || nullif(p.prsheadline, 0)::regproc
            , 'LEXTYPES = ' || p.prslextype))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_ts_parser p
  JOIN pg_namespace n ON n.oid = p.prsnamespace
 WHERE p.oid >= 16384
