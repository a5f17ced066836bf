-- The triggers that would fire when rows are inserted into this table or its partitions, or when it is truncated.
SELECT format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', tgrelid::regclass, tgname) AS disable
     , format('ALTER TABLE ONLY %s ENABLE %sTRIGGER %I', tgrelid::regclass
             , CASE tgenabled WHEN 'A' THEN 'ALWAYS ' WHEN 'R' THEN 'REPLICA ' END, tgname) AS enable
     , coalesce(pg_partition_root(tgrelid)::text, tgrelid::regclass::text) AS root
     , tgrelid::regclass::text AS relation
     , tgtype & 32 <> 0 AS on_truncate
     , tgenabled::text AS enabled
  FROM pg_trigger
 WHERE NOT tgisinternal
--<15    OR EXISTS (SELECT FROM pg_depend d
--<15                WHERE d.classid = 'pg_trigger'::regclass AND d.objid = pg_trigger.oid AND d.deptype = 'P'
--<15                  AND d.refclassid = 'pg_trigger'::regclass)
 ORDER BY tgrelid, tgname
