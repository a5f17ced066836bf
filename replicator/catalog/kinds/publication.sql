-- CREATE PUBLICATION, but for the tables and schemas added to it.
-- Reference: pg_dump.c getPublications, dumpPublication (18.6).
SELECT p.tableoid AS classid
     , p.oid AS objid
     , p.pubowner AS owner
     , ARRAY[concat_ws(' '
            , format('CREATE PUBLICATION %I', p.pubname)
            , CASE WHEN p.puballtables THEN 'FOR ALL TABLES' END
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
     , '{}'::oid[] AS needs
  FROM pg_publication p
