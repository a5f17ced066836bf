-- The owners of extensions' members that can have privileges: the creator of the extension, which differs by server.
SELECT d.classid::bigint
     , d.objid::bigint
     , pg_get_userbyid(coalesce(p.proowner, c.relowner, t.typowner, n.nspowner, l.lanowner, w.fdwowner, s.srvowner))
  FROM pg_depend d
  LEFT JOIN pg_proc p ON p.tableoid = d.classid AND p.oid = d.objid
  LEFT JOIN pg_class c ON c.tableoid = d.classid AND c.oid = d.objid
  LEFT JOIN pg_type t ON t.tableoid = d.classid AND t.oid = d.objid
  LEFT JOIN pg_namespace n ON n.tableoid = d.classid AND n.oid = d.objid
  LEFT JOIN pg_language l ON l.tableoid = d.classid AND l.oid = d.objid
  LEFT JOIN pg_foreign_data_wrapper w ON w.tableoid = d.classid AND w.oid = d.objid
  LEFT JOIN pg_foreign_server s ON s.tableoid = d.classid AND s.oid = d.objid
 WHERE d.refclassid = 'pg_extension'::regclass
   AND d.deptype = 'e'
   AND d.objid >= 16384
