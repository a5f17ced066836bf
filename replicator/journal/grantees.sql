-- Statements that revoke what default privileges have granted on the journal that was just created.
SELECT DISTINCT format('REVOKE ALL ON SCHEMA replicator FROM %1$s; REVOKE ALL ON ALL TABLES IN SCHEMA replicator FROM %1$s'
                      , CASE held.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(held.grantee)) END)
  FROM (SELECT nspacl, nspowner FROM pg_namespace WHERE nspname = 'replicator'
         UNION ALL
        SELECT relacl, relowner
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'replicator') AS granted (acl, owner)
 CROSS JOIN LATERAL aclexplode(granted.acl) AS held
 WHERE held.grantee <> granted.owner
