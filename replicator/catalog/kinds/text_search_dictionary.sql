-- CREATE TEXT SEARCH DICTIONARY. Its options are stored as SQL.
-- Reference: pg_dump.c getTSDictionaries, dumpTSDictionary (18.6).
SELECT d.tableoid AS classid
     , d.oid AS objid
     , d.dictowner AS owner
     , ARRAY[format('CREATE TEXT SEARCH DICTIONARY %s (%s)', d.oid::regdictionary, concat_ws(', '
            , format('TEMPLATE = %I.%I', n.nspname, t.tmplname)
            -- Before 13 numbers are stored as strings, which templates do not accept as Booleans.
--<13             , regexp_replace(d.dictinitoption, $$= '([01])'(?=,|$)$$, '= \1', 'g')
            , d.dictinitoption                                                           --13+
            ))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_ts_dict d
  JOIN pg_ts_template t ON t.oid = d.dicttemplate
  JOIN pg_namespace n ON n.oid = t.tmplnamespace
 WHERE d.oid >= 16384
