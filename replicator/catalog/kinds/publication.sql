-- CREATE PUBLICATION, without the tables and schemas added to it. The tables in its EXCEPT clause must exist before.
-- Reference: pg_dump.c getPublications, dumpPublication (18.6, 19rc1).
SELECT p.tableoid AS classid
     , p.oid AS objid
     , p.pubowner AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE PUBLICATION %I', p.pubname)
--<19             , CASE WHEN p.puballtables THEN 'FOR ALL TABLES' END
            , 'FOR ' || nullif(concat_ws(', '                                                          --19+
                    , CASE WHEN p.puballtables THEN concat_ws(' ', 'ALL TABLES', except_tables.clause) END --19+
                    , CASE WHEN p.puballsequences THEN 'ALL SEQUENCES' END), '')                       --19+
            , format('WITH (%s)', concat_ws(', '
                    , format('publish = %L', concat_ws(', '
                            , CASE WHEN p.pubinsert THEN 'insert' END
                            , CASE WHEN p.pubupdate THEN 'update' END
                            , CASE WHEN p.pubdelete THEN 'delete' END
                            , CASE WHEN p.pubtruncate THEN 'truncate' END))
                    , CASE WHEN p.pubviaroot THEN 'publish_via_partition_root = true' END              --13+
                    , CASE p.pubgencols WHEN 's' THEN 'publish_generated_columns = stored' END         --18+
                    )))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , except_tables.needs                                                                             --19+
--<19      , '{}'::oid[] AS needs
  FROM pg_publication p
 CROSS JOIN LATERAL (                                                                                  --19+
       SELECT 'EXCEPT (' || string_agg(format('TABLE ONLY %s', r.prrelid::regclass), ', '              --19+
                                       ORDER BY r.prrelid::regclass::text COLLATE "C") || ')' AS clause --19+
            , ARRAY(SELECT unnest(ARRAY['pg_class'::regclass, n.prrelid]::oid[])                       --19+
                      FROM pg_publication_rel n                                                        --19+
                     WHERE n.prpubid = p.oid                                                           --19+
                       AND n.prexcept) AS needs                                                        --19+
         FROM pg_publication_rel r                                                                     --19+
        WHERE r.prpubid = p.oid                                                                        --19+
          AND r.prexcept) AS except_tables                                                             --19+
