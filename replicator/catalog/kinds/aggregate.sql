-- CREATE AGGREGATE.
-- Reference: pg_dump.c getAggregates, dumpAgg (18.6, 19rc1).
SELECT p.tableoid AS classid
     , p.oid AS objid
     , p.proowner AS owner
     , ARRAY[format('CREATE AGGREGATE %I.%I(%s) (%s)'
                   , n.nspname
                   , p.proname
                   , CASE p.pronargs WHEN 0 THEN '*' ELSE pg_get_function_arguments(p.oid) END
                   , options.list)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_aggregate a
  JOIN pg_proc p ON p.oid = a.aggfnoid
  JOIN pg_namespace n ON n.oid = p.pronamespace
 CROSS JOIN (SELECT '{"r": "READ_ONLY", "s": "SHAREABLE", "w": "READ_WRITE"}'::json) AS modify (word)
 CROSS JOIN LATERAL (
       SELECT concat_ws(', '
            , 'SFUNC = ' || a.aggtransfn
            , 'STYPE = ' || a.aggtranstype::regtype
            , 'SSPACE = ' || nullif(a.aggtransspace, 0)
            , 'INITCOND = ' || quote_literal(a.agginitval)
            , 'FINALFUNC = ' || nullif(a.aggfinalfn, 0)::regproc
            , CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END
            , CASE WHEN a.aggfinalfn <> 0 THEN 'FINALFUNC_MODIFY = ' || (word ->> a.aggfinalmodify::text) END
            , 'COMBINEFUNC = ' || nullif(a.aggcombinefn, 0)::regproc
            , 'SERIALFUNC = ' || nullif(a.aggserialfn, 0)::regproc
            , 'DESERIALFUNC = ' || nullif(a.aggdeserialfn, 0)::regproc
            , 'MSFUNC = ' || nullif(a.aggmtransfn, 0)::regproc
            , 'MINVFUNC = ' || nullif(a.aggminvtransfn, 0)::regproc
            , 'MSTYPE = ' || nullif(a.aggmtranstype, 0)::regtype
            , 'MSSPACE = ' || nullif(a.aggmtransspace, 0)
            , 'MINITCOND = ' || quote_literal(a.aggminitval)
            , 'MFINALFUNC = ' || nullif(a.aggmfinalfn, 0)::regproc
            , CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END
            , CASE WHEN a.aggmfinalfn <> 0 THEN 'MFINALFUNC_MODIFY = ' || (word ->> a.aggmfinalmodify::text) END
            , (SELECT format('SORTOP = OPERATOR(%I.%s)', s.nspname, o.oprname)
                 FROM pg_operator o
                 JOIN pg_namespace s ON s.oid = o.oprnamespace
                WHERE o.oid = a.aggsortop)
            , 'SUPPORT = ' || nullif(p.prosupport, 0)::regproc --19+
            , CASE a.aggkind WHEN 'h' THEN 'HYPOTHETICAL' END
            , CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END)
       ) AS options (list)
 WHERE p.oid >= 16384
