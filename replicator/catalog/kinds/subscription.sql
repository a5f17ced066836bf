-- CREATE SUBSCRIPTION, not connected and disabled: whoever moves a database decides which copy goes on subscribing.
-- Only a superuser may read subconninfo; a query of anyone else that merely names it is refused, be there rows or not.
-- So the catalog is read by a text that ts_stat() runs where that is allowed; others get no row. It answers in words
-- of 2 kB at most. They make up whole rows: a column that a version lacks is NULL.
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
                    , 'streaming = ' || CASE s.substream
                                          WHEN 'p' THEN 'parallel'
                                          ELSE s.substream::bool::text
                                      END
                    , 'two_phase = ' || (s.subtwophasestate <> 'd')
                    , 'disable_on_error = ' || s.subdisableonerr
                    , 'password_required = ' || s.subpasswordrequired
                    , 'run_as_owner = ' || s.subrunasowner
                    , 'origin = ' || quote_literal(s.suborigin)
                    , 'failover = ' || s.subfailover)))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM (SELECT string_agg(substr(word, 9), '' ORDER BY word COLLATE "C")
          FROM ts_stat(CASE WHEN has_column_privilege('pg_subscription', 'subconninfo', 'SELECT') THEN $$
               SELECT array_to_tsvector(ARRAY[to_char(n, 'FM00000000') || substr(rows.hex, 1 + 1000 * n, 1000)])
                 FROM (SELECT encode(convert_to(jsonb_agg(s)::text, getdatabaseencoding()), 'hex')
                         FROM pg_subscription s
                         JOIN pg_database d ON d.oid = s.subdbid
                        WHERE d.datname = current_database()) AS rows (hex)
                CROSS JOIN generate_series(0, length(rows.hex) / 1000) AS n $$ END)) AS rows (hex)
 CROSS JOIN LATERAL convert_from(decode(rows.hex, 'hex'), getdatabaseencoding()) AS json
 CROSS JOIN LATERAL jsonb_to_recordset(json::jsonb)
                 AS s (oid oid, subname text, subowner oid, subconninfo text, subslotname text, subsynccommit text
                     , subpublications text[], subbinary bool, substream text, subtwophasestate text
                     , subdisableonerr bool, subpasswordrequired bool, subrunasowner bool, suborigin text
                     , subfailover bool)
