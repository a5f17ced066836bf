-- Prepared transactions of this database, and which of its tables each keeps from being locked: ACCESS SHARE is refused
-- by ACCESS EXCLUSIVE alone. Reference: lockfuncs.c VXIDGetDatum, of a prepared transaction: -1/xid.
SELECT p.gid
     , ARRAY(SELECT l.relation::regclass::text
               FROM pg_locks l
              WHERE l.virtualtransaction = '-1/' || p.transaction
                AND l.mode = 'AccessExclusiveLock'
                AND l.locktype = 'relation'
                AND l.relation >= 16384
              ORDER BY 1) AS tables
  FROM pg_prepared_xacts p
 WHERE p.database = current_database()
 ORDER BY p.gid
