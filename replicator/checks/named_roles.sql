-- The roles that privileges and policies of this database name: the role, its name in statements, and the object.
-- Owners are read with the objects. Also each role that owns a member of an extension or is named by one.
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
