-- CREATE SUBSCRIPTION, not connected and disabled: whoever moves a database decides which copy goes on subscribing.
-- Only a superuser may read conninfo, and a statement that merely names the column fails for others even without rows:
-- query_to_xml() hides it until it is known to be allowed. Others get no row. What a version lacks is NULL.
-- Reference: pg_dump.c getSubscriptions, dumpSubscription (18.6).
SELECT 'pg_subscription'::regclass AS classid
     , s.oid AS objid
     , s.subowner AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE SUBSCRIPTION %I CONNECTION %L', s.subname, s.subconninfo)
            , 'PUBLICATION ' || (SELECT string_agg(quote_ident(p.name), ', ' ORDER BY p.at)
                                   FROM unnest(s.subpublications) WITH ORDINALITY AS p (name, at))
            , format('WITH (%s)', concat_ws(', '
                    , 'connect = false'
                    , 'slot_name = ' || coalesce(quote_literal(s.subslotname), 'NONE')
                    , 'synchronous_commit = ' || quote_literal(s.subsynccommit)
                    , 'binary = ' || s.subbinary
                    , 'streaming = ' || CASE s.substream WHEN 'p' THEN 'parallel' WHEN 'f' THEN 'off' WHEN 't' THEN 'on'
                                                         ELSE s.substream END
                    , 'two_phase = ' || (s.subtwophasestate <> 'd')
                    , 'disable_on_error = ' || s.subdisableonerr
                    , 'password_required = ' || s.subpasswordrequired
                    , 'run_as_owner = ' || s.subrunasowner
                    , 'origin = ' || quote_literal(s.suborigin)
                    , 'failover = ' || s.subfailover)))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM (SELECT CASE WHEN has_column_privilege('pg_subscription', 'subconninfo', 'SELECT')
                    THEN query_to_xml($$ SELECT encode(convert_to(jsonb_agg(s)::text, getdatabaseencoding()), 'hex') AS rows
                                           FROM pg_subscription s
                                           JOIN pg_database d ON d.oid = s.subdbid
                                          WHERE d.datname = current_database() $$, false, false, '')::text
                END) AS answer (xml)
 CROSS JOIN LATERAL convert_from(decode(substring(answer.xml FROM '<rows>(.*)</rows>'), 'hex')
                               , getdatabaseencoding()) AS rows
 CROSS JOIN LATERAL jsonb_to_recordset(rows::jsonb)
                 AS s (oid oid, subname text, subowner oid, subconninfo text, subslotname text, subsynccommit text
                     , subpublications text[], subbinary bool, substream text, subtwophasestate text
                     , subdisableonerr bool, subpasswordrequired bool, subrunasowner bool, suborigin text, subfailover bool)
