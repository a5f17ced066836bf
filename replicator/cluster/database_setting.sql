-- The properties of the database, as statements about a database <name> owned by <owner>: one row each, in order.
-- ALLOW_CONNECTIONS is not among them: a database that allows none cannot be read.
-- Reference: pg_dump.c dumpDatabase, dumpDatabaseConfig (18.6).
  WITH here AS (
       SELECT d.*, d.tableoid, format('DATABASE %I', <name>) AS target
         FROM pg_database d
        WHERE d.datname = current_database()
     )
     , subject AS (
       SELECT target, datdba AS owner, <owner>::text AS owner_name, datacl AS acl, acldefault('d', datdba) AS standard
         FROM here
     )
     , privilege AS (
<acl>
     )
     , setting AS (
<setting>
     )
SELECT part
     , name
     , role
     , parameter
     , statements
  FROM (
       SELECT 1 AS rank, 'comment' AS part, 'database comment' AS name, NULL::text AS role, NULL::text AS parameter, 1 AS position
            , ARRAY[format('COMMENT ON %s IS %L', target, c.description)] AS statements
         FROM here
         JOIN pg_shdescription c ON c.objoid = here.oid AND c.classoid = here.tableoid
        UNION ALL
       SELECT 2, 'label', format('database security label of %I', l.provider), NULL, NULL, 1
            , ARRAY[format('SECURITY LABEL FOR %I ON %s IS %L', l.provider, target, l.label)]
         FROM here
         JOIN pg_shseclabel l ON l.objoid = here.oid AND l.classoid = here.tableoid
        UNION ALL
       SELECT 3, 'acl', format('database privileges of %s', who), nullif(role, 'PUBLIC'), NULL, position, statements
         FROM privilege
        UNION ALL
       SELECT 4, 'limit', 'database connection limit', NULL, NULL, 1
            , ARRAY[format('ALTER %s CONNECTION LIMIT %s', target, datconnlimit)]
         FROM here
        WHERE datconnlimit >= 0
        UNION ALL
       SELECT 5, 'template', 'database as a template', NULL, NULL, 1
            , ARRAY[format('ALTER %s IS_TEMPLATE true', target)]
         FROM here
        WHERE datistemplate
        UNION ALL
       SELECT 6, 'setting', format('database setting %s', s.name), NULL, s.name, s.position
            , ARRAY[format('ALTER %s %s', target, s.set)]
         FROM here
         JOIN setting s ON s.setdatabase = here.oid AND s.setrole = 0
        UNION ALL
       SELECT 7, 'setting', format('database setting %s of %I', s.name, r.rolname), r.rolname, s.name
            , s.position
            , ARRAY[format('ALTER ROLE %I IN %s %s', r.rolname, target, s.set)]
         FROM here
         JOIN setting s ON s.setdatabase = here.oid
         JOIN pg_roles r ON r.oid = s.setrole
        UNION ALL
       -- Last: a role that gives the database away may not change it any more.
       SELECT 8, 'owner', 'database owner', pg_get_userbyid(datdba), NULL, 1
            , ARRAY[format('ALTER %s OWNER TO %I', target, pg_get_userbyid(datdba))]
         FROM here
       ) AS made
 ORDER BY rank, CASE WHEN parameter <> '' THEN role END, position, name
