-- ALTER PUBLICATION ... ADD TABLES IN SCHEMA, since 15.
-- Reference: pg_dump.c getPublicationNamespaces, dumpPublicationNamespace (18.6).
SELECT s.tableoid AS classid
     , s.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format('ALTER PUBLICATION %I ADD TABLES IN SCHEMA %s', p.pubname, s.pnnspid::regnamespace)] AS create --15+
--<15      , '{}'::text[] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_publication_namespace s                                                                     --15+
  JOIN pg_publication p ON p.oid = s.pnpubid                                                          --15+
--<15   FROM pg_publication s
--<15  WHERE false
