-- ADD CONSTRAINT for constraints that existing rows need not obey: CHECK and (18+) NOT NULL that are NOT VALID,
-- or (18+) NOT ENFORCED. CREATE would make them valid. Not ONLY: children inherit them, or keep their own.
-- Reference: pg_dump.c getTableAttrs, getDomainConstraints, dumpConstraint (18.6).
SELECT n.tableoid AS classid
     , n.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format('ALTER %s ADD CONSTRAINT %I %s'
                   , CASE WHEN n.contypid = 0 THEN 'TABLE ' || n.conrelid::regclass
                          ELSE 'DOMAIN ' || n.contypid::regtype END
                   , n.conname
                   , pg_get_constraintdef(n.oid))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_constraint n
 WHERE n.contype IN ('c', 'n')
   AND n.oid >= 16384
   AND n.conislocal
   AND NOT n.convalidated
