-- CREATE SUBSCRIPTION, not connected and disabled: the user decides which copy continues to subscribe.
-- Only a superuser may read subconninfo: other roles skip this kind.
-- A slot name equal to the subscription's is omitted: not every subscription name is a valid slot name.
-- Reference: pg_dump.c getSubscriptions, dumpSubscription (18.6, 19rc1).
SELECT s.tableoid AS classid
     , s.oid AS objid
     , s.subowner AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE SUBSCRIPTION %I', s.subname)
            , 'SERVER ' || quote_ident(f.srvname)                                                       --19+
            , 'CONNECTION ' || quote_literal(s.subconninfo)
            , 'PUBLICATION ' || (SELECT string_agg(quote_ident(p.name), ', ' ORDER BY p.at)
                                   FROM unnest(s.subpublications) WITH ORDINALITY AS p (name, at))
            , format('WITH (%s)', concat_ws(', '
                    , 'connect = false'
                    , 'slot_name = ' || CASE WHEN s.subslotname IS NULL THEN 'NONE'
                                             WHEN s.subslotname <> s.subname THEN quote_literal(s.subslotname) END
                    , 'synchronous_commit = ' || quote_literal(s.subsynccommit)
                    , 'binary = ' || s.subbinary                                                --14+
--<16               , 'streaming = ' || CASE WHEN s.substream THEN 'on' ELSE 'off' END            --14+
                    , 'streaming = ' || CASE s.substream WHEN 'p' THEN 'parallel'               --16+
                                                         WHEN 't' THEN 'on' ELSE 'off' END      --16+
                    , 'two_phase = ' || (s.subtwophasestate <> 'd')                             --15+
                    , 'disable_on_error = ' || s.subdisableonerr                                --15+
                    , 'password_required = ' || s.subpasswordrequired                           --16+
                    , 'run_as_owner = ' || s.subrunasowner                                      --16+
                    , 'origin = ' || quote_literal(s.suborigin)                                 --16+
                    , 'failover = ' || s.subfailover                                            --17+
                    , CASE WHEN s.subretaindeadtuples THEN 'retain_dead_tuples = true' END      --19+
                    , 'max_retention_duration = ' || nullif(s.submaxretention, 0)               --19+
                    , 'wal_receiver_timeout = ' || quote_literal(nullif(s.subwalrcvtimeout, '-1')) --19+
                    )))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     -- With SERVER, the connection is taken from the owner's user mapping at creation.
     , ARRAY(SELECT unnest(ARRAY['pg_foreign_server'::regclass, f.oid, 'pg_user_mapping'::regclass, m.umid]::oid[]) --19+
               FROM pg_user_mappings m                                                           --19+
              WHERE m.srvid = f.oid) AS needs                                                    --19+
--<19      , '{}'::oid[] AS needs
  FROM pg_subscription s
  JOIN pg_database d ON d.oid = s.subdbid
  LEFT JOIN pg_foreign_server f ON f.oid = s.subserver                                           --19+
 WHERE d.datname = current_database()
