-- CREATE RULE and its enabled state. A view's own rule (ON SELECT) is the view.
-- Skipped: rules of other types renamed to _RETURN: some servers allow the rename, none the creation.
-- Reference: pg_dump.c getRules, dumpRule (18.6).
SELECT r.tableoid AS classid
     , r.oid AS objid
     , NULL::oid AS owner
     , ARRAY[pg_get_ruledef(r.oid)
           , CASE WHEN r.ev_enabled <> 'O'
                  THEN format('ALTER TABLE %s %s RULE %I'
                             , r.ev_class::regclass
                             , CASE r.ev_enabled
                                   WHEN 'D' THEN 'DISABLE'
                                   WHEN 'R' THEN 'ENABLE REPLICA'
                                   WHEN 'A' THEN 'ENABLE ALWAYS'
                               END
                             , r.rulename)
              END] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_rewrite r
 WHERE r.oid >= 16384
   AND r.rulename <> '_RETURN'
