-- Prepared transactions of this database, and the tables that each locks against a clone: only ACCESS EXCLUSIVE
-- conflicts with ACCESS SHARE. Tables that such a transaction has created do not matter.
-- Without a process, a transaction and its locks share the same virtual id, whatever its form.
SELECT p.gid
     , ARRAY(SELECT l.relation::regclass::text
               FROM pg_locks l
               JOIN pg_locks own ON own.virtualtransaction = l.virtualtransaction
              WHERE own.locktype = 'transactionid'
                AND own.transactionid = p.transaction
                AND own.pid IS NULL
                AND l.pid IS NULL
                AND l.mode = 'AccessExclusiveLock'
                AND l.locktype = 'relation'
                AND l.relation >= 16384
                AND EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relation)
              ORDER BY 1) AS tables
  FROM pg_prepared_xacts p
 WHERE p.database = current_database()
 ORDER BY p.gid
