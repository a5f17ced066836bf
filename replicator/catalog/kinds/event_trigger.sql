-- CREATE EVENT TRIGGER and its enabled state.
-- Reference: pg_dump.c getEventTriggers, dumpEventTrigger (18.6).
SELECT e.tableoid AS classid
     , e.oid AS objid
     , e.evtowner AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE EVENT TRIGGER %I ON %I', e.evtname, e.evtevent)
            , 'WHEN TAG IN (' || (SELECT string_agg(quote_literal(t.tag), ', ' ORDER BY t.at)
                                    FROM unnest(e.evttags) WITH ORDINALITY AS t (tag, at)) || ')'
            , format('EXECUTE FUNCTION %s()', e.evtfoid::regproc))
           , CASE WHEN e.evtenabled <> 'O'
                  THEN format('ALTER EVENT TRIGGER %I %s'
                             , e.evtname
                             , CASE e.evtenabled
                                   WHEN 'D' THEN 'DISABLE'
                                   WHEN 'R' THEN 'ENABLE REPLICA'
                                   WHEN 'A' THEN 'ENABLE ALWAYS'
                               END)
              END] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_event_trigger e
