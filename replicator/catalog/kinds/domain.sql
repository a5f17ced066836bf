-- CREATE DOMAIN. Its checks and its default may call functions that need the domain: they are added to the stub.
-- NOT VALID checks come after the data (not_valid_check).
-- Reference: pg_dump.c getDomainConstraints, dumpDomain (18.6).
SELECT t.tableoid AS classid
     , t.oid AS objid
     , t.typowner AS owner
     , ARRAY[concat_ws(' ', d.bare, 'DEFAULT ' || d.value, k.clauses), d.no_default] AS create
     , ARRAY[d.bare] AS stub
     , ARRAY[format('ALTER DOMAIN %s SET DEFAULT ', t.oid::regtype) || d.value, d.no_default]
       || k.additions AS finish
     , '{}'::oid[] AS needs
  FROM pg_type t
  JOIN pg_type b ON b.oid = t.typbasetype
 CROSS JOIN LATERAL pg_identify_object('pg_collation'::regclass, NULLIF(t.typcollation, b.typcollation), 0) AS collated
  -- 17 allows two of them by mistake: 18 rejects that, and 17's pg_dump crashes.
 CROSS JOIN LATERAL (SELECT min(conname) AS conname FROM pg_constraint WHERE contypid = t.oid AND contype = 'n') AS nn --17+
 CROSS JOIN LATERAL (
       SELECT concat_ws(' '
            , format('CREATE DOMAIN %s AS %s', t.oid::regtype, format_type(t.typbasetype, t.typtypmod))
            , 'COLLATE ' || collated.identity
            , 'CONSTRAINT ' || quote_ident(nn.conname)                                        --17+
            , CASE WHEN t.typnotnull THEN 'NOT NULL' END) AS bare
            -- A base type's default is a string, not an expression, and stays one only if it is inherited.
            , CASE WHEN t.typdefaultbin IS NOT NULL THEN pg_get_expr(t.typdefaultbin, 'pg_type'::regclass)
                   WHEN t.typdefault IS DISTINCT FROM b.typdefault THEN quote_literal(t.typdefault)
               END AS value
            -- DEFAULT NULL would also be an expression.
            , CASE WHEN t.typdefault IS NULL AND b.typdefault IS NOT NULL
                   THEN format('ALTER DOMAIN %s DROP DEFAULT', t.oid::regtype)
               END AS no_default) AS d
 CROSS JOIN LATERAL (
       SELECT string_agg(clause, ' ' ORDER BY conname) AS clauses
            , array_agg(format('ALTER DOMAIN %s ADD %s', t.oid::regtype, clause) ORDER BY conname) AS additions
         FROM (SELECT conname, format('CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) AS clause
                 FROM pg_constraint
                WHERE contypid = t.oid
                  AND contype = 'c'
                  AND convalidated) AS checks) AS k
 WHERE t.typtype = 'd'
   AND t.oid >= 16384
