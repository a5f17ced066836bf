-- CREATE OPERATOR. The server creates a shell for a commutator or negator that does not exist yet, and completes it
-- later; a shell that was never completed is created by the operator that names it. Their schemas must exist.
-- Reference: pg_dump.c getOperators, dumpOpr (18.6).
SELECT o.tableoid AS classid
     , o.oid AS objid
     , o.oprowner AS owner
     , ARRAY[format('CREATE OPERATOR %I.%s (%s)', n.nspname, o.oprname, concat_ws(', '
            , 'FUNCTION = ' || o.oprcode
            , 'LEFTARG = ' || nullif(o.oprleft, 0)::regtype
            , 'RIGHTARG = ' || nullif(o.oprright, 0)::regtype
            , 'COMMUTATOR = ' || commutator.name
            , 'NEGATOR = ' || negator.name
            , CASE WHEN o.oprcanmerge THEN 'MERGES' END
            , CASE WHEN o.oprcanhash THEN 'HASHES' END
            , 'RESTRICT = ' || nullif(o.oprrest, 0)::regproc
            , 'JOIN = ' || nullif(o.oprjoin, 0)::regproc))] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY(SELECT unnest(ARRAY[refclassid, refobjid])
               FROM pg_depend
              WHERE classid = o.tableoid
                AND objid IN (o.oprcom, o.oprnegate)
                AND refclassid IN ('pg_namespace'::regclass, 'pg_extension'::regclass)) AS needs
  FROM pg_operator o
  JOIN pg_namespace n ON n.oid = o.oprnamespace
  LEFT JOIN LATERAL (
       SELECT format('OPERATOR(%I.%s)', nspname, oprname)
         FROM pg_operator r
         JOIN pg_namespace s ON s.oid = r.oprnamespace
        WHERE r.oid = o.oprcom
       ) AS commutator (name) ON true
  LEFT JOIN LATERAL (
       SELECT format('OPERATOR(%I.%s)', nspname, oprname)
         FROM pg_operator r
         JOIN pg_namespace s ON s.oid = r.oprnamespace
        WHERE r.oid = o.oprnegate
       ) AS negator (name) ON true
 WHERE o.oid >= 16384
   AND o.oprcode <> 0
