-- ADD CONSTRAINT for constraints that existing rows may violate: CHECK and (18+) NOT NULL that are NOT VALID, or (18+)
-- NOT ENFORCED. CREATE TABLE would make them valid. Not ONLY: children inherit them, or keep their own.
-- A constraint that a child inherits, but that is valid only there, has to be validated again.
-- Reference: pg_dump.c getTableAttrs, getDomainConstraints, dumpConstraint (18.6).
SELECT n.tableoid AS classid
     , n.oid AS objid
     , NULL::oid AS owner
     , ARRAY[format(CASE WHEN n.convalidated THEN 'ALTER %s VALIDATE CONSTRAINT %I'
                          ELSE 'ALTER %s ADD CONSTRAINT %I %s' END
                   , CASE WHEN n.contypid = 0 THEN 'TABLE ' || n.conrelid::regclass
                          ELSE 'DOMAIN ' || n.contypid::regtype END
                   , n.conname
                   , pg_get_constraintdef(n.oid))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY(SELECT unnest(inherited.constraints)) AS needs
  FROM pg_constraint n
  LEFT JOIN pg_attribute a ON a.attrelid = n.conrelid AND n.contype = 'n' AND a.attnum = n.conkey[1]
 CROSS JOIN LATERAL (
       SELECT array_agg(ARRAY[p.tableoid, p.oid]) AS constraints
            , bool_or(p.convalidated) AS valid
         FROM pg_inherits i
         JOIN pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition
         JOIN pg_constraint p ON p.conrelid = i.inhparent AND p.contype = n.contype AND NOT p.connoinherit
         LEFT JOIN pg_attribute b ON b.attrelid = p.conrelid AND p.contype = 'n' AND b.attnum = p.conkey[1]
        WHERE i.inhrelid = n.conrelid
          AND coalesce(b.attname, p.conname) = coalesce(a.attname, n.conname)
          AND n.convalidated) AS inherited
 WHERE n.contype IN ('c', 'n')
   AND n.oid >= 16384
   AND NOT (n.conislocal AND n.convalidated)                      -- the most, skipped early
   AND CASE WHEN n.conislocal THEN NOT n.convalidated ELSE NOT inherited.valid END
