-- Roles that objects of this database, or its large objects alone, name: in policies and, if wanted, in privileges.
-- Owners are objects' own matter.
-- Reference: PostgreSQL docs 52.49, pg_shdepend.
SELECT DISTINCT r.rolname::text
  FROM pg_shdepend d
  JOIN pg_database b ON b.oid = d.dbid AND b.datname = current_database()
  JOIN pg_roles r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
 WHERE (%s OR d.classid = 'pg_largeobject'::regclass)
   AND (d.deptype = 'r' OR d.deptype = 'a' AND %s)
