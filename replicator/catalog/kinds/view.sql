-- CREATE VIEW and its columns' defaults. Its options include security_barrier, security_invoker and check_option.
-- The stub has only the columns, as NULLs: objects that use the view's row type can precede what the view reads.
-- Reference: pg_dump.c dumpTableSchema, createDummyViewAsClause, dumpRule, dumpAttrDef (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.relowner AS owner
     , CASE WHEN its_rule.needs_itself
            THEN ARRAY['CREATE VIEW ' || lesser.form, 'CREATE OR REPLACE VIEW ' || whole.form]
            ELSE ARRAY['CREATE VIEW ' || whole.form]
        END || defaults.statements AS create
     , ARRAY['CREATE VIEW ' || lesser.form] AS stub
     , ARRAY['CREATE OR REPLACE VIEW ' || whole.form] || defaults.statements AS finish
     , '{}'::oid[] AS needs
  FROM pg_class c
 CROSS JOIN LATERAL (SELECT concat_ws(' '
                          , c.oid::regclass
                          , 'WITH (' || (SELECT string_agg(format('%I = %L', option_name, option_value), ', ')
                                           FROM pg_options_to_table(c.reloptions)
                                          WHERE option_name !~ '^pg_') || ')'
                          , 'AS'
                          , rtrim(pg_get_viewdef(c.oid), ';'))
                    OFFSET 0) AS whole (form)                       -- called once, used twice
 CROSS JOIN LATERAL (SELECT concat_ws(' '
                          , c.oid::regclass
                          , 'AS SELECT'
                          , string_agg(concat_ws(' '
                              , 'NULL::' || format_type(a.atttypid, a.atttypmod)
                              , CASE WHEN a.attcollation <> t.typcollation
                                     THEN 'COLLATE ' || (SELECT format('%I.%I', n.nspname, l.collname)
                                                           FROM pg_collation l
                                                           JOIN pg_namespace n ON n.oid = l.collnamespace
                                                          WHERE l.oid = a.attcollation)
                                 END
                              , 'AS ' || quote_ident(a.attname)), ', ' ORDER BY a.attnum))
                       FROM pg_attribute a
                       JOIN pg_type t ON t.oid = a.atttypid
                      WHERE a.attrelid = c.oid
                        AND a.attnum > 0) AS lesser (form)
 CROSS JOIN LATERAL (SELECT array_agg(format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s'
                                            , c.oid::regclass, a.attname, pg_get_expr(d.adbin, d.adrelid))
                                      ORDER BY a.attnum)
                       FROM pg_attrdef d
                       JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                      WHERE d.adrelid = c.oid) AS defaults (statements)
 CROSS JOIN LATERAL (SELECT EXISTS (SELECT
                                      FROM pg_rewrite r
                                      JOIN pg_depend d ON d.classid = r.tableoid AND d.objid = r.oid
                                     WHERE r.ev_class = c.oid
                                       AND r.ev_type = '1'
                                       AND d.deptype = 'n'
--<16                                  AND (d.refobjsubid > 0 OR d.refclassid <> c.tableoid)
                                       AND (d.refclassid, d.refobjid) IN ((c.tableoid, c.oid)
                                                                         , ('pg_type'::regclass, c.reltype)))
                    ) AS its_rule (needs_itself)
 WHERE c.relkind = 'v'
   AND c.oid >= 16384
