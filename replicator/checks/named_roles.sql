-- Roles that privileges and policies of this database name: which role, as a statement writes it, and about what.
-- Owners are objects' own matter. Then each role that a member of an extension is about or belongs to.
-- Reference: PostgreSQL docs 52.49, pg_shdepend.
SELECT r.rolname::text AS role
     , quote_ident(r.rolname) AS word
     , d.classid::bigint AS classid
     , d.objid::bigint AS objid
     , quote_ident(e.extname) AS extension
  FROM pg_shdepend d
  JOIN pg_database b ON b.oid = d.dbid AND b.datname = current_database()
  JOIN pg_roles r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
  LEFT JOIN pg_depend m ON m.classid = d.classid AND m.objid = d.objid AND m.deptype = 'e'
  LEFT JOIN pg_extension e ON e.oid = m.refobjid
 WHERE d.deptype IN ('a', 'r')
    OR e.oid IS NOT NULL
