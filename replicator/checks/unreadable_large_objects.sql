-- Large objects that the role may not read, by their ACL, since no function tells that before 18.
-- Reference: aclchk.c pg_largeobject_aclmask_snapshot (18.6): pg_read_all_data does not cover them before 19.
SELECT l.oid::bigint
  FROM pg_largeobject_metadata l
 WHERE current_setting('lo_compat_privileges') = 'off'
   AND current_setting('is_superuser') = 'off'
   AND NOT pg_has_role(l.lomowner, 'USAGE')
   AND NOT EXISTS (SELECT FROM aclexplode(l.lomacl) a
                    WHERE a.privilege_type = 'SELECT'
                      AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
   AND NOT (current_setting('server_version_num')::int >= 190000
            AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'pg_read_all_data' AND pg_has_role(r.oid, 'USAGE')))
 ORDER BY l.oid
