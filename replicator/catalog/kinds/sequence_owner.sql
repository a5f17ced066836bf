-- ALTER SEQUENCE OWNED BY. It takes over the edge from the sequence to its table, whose default needs the sequence.
-- Reference: pg_dump.c dumpSequence, getOwnedSeqs (18.6).
SELECT 'pg_depend'::regclass AS classid
     , d.objid
     , NULL::oid AS owner
     , ARRAY[format('ALTER SEQUENCE %s OWNED BY %s.%I', d.objid::regclass, d.refobjid::regclass, a.attname)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY['pg_class'::regclass, d.objid, 'pg_class'::regclass, d.refobjid]::oid[] AS needs
  FROM pg_depend d
  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_class'::regclass
   AND d.refclassid = 'pg_class'::regclass
   AND d.deptype = 'a'
