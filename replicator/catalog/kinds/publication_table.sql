-- ALTER PUBLICATION ... ADD TABLE, with its columns and its row filter.
-- Reference: pg_dump.c getPublicationTables, dumpPublicationTable (18.6, 19rc1).
SELECT r.tableoid AS classid
     , r.oid AS objid
     , NULL::oid AS owner
     , ARRAY[concat_ws(' '
            , format('ALTER PUBLICATION %I ADD TABLE ONLY %s', p.pubname, r.prrelid::regclass)
            , '(' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)              --15+
                        FROM unnest(r.prattrs::int2[]) AS k (attnum)                                  --15+
                        JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = k.attnum) || ')' --15+
            , 'WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')'                                    --15+
             )] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_publication_rel r
  JOIN pg_publication p ON p.oid = r.prpubid
 WHERE NOT r.prexcept --19+
