-- How many more sessions this role may open, by the limits of the server, the role and the database.
-- pg_stat_activity hides what other roles' backends do, but not that they exist. Role and database
-- limits do not bind superusers.
-- Reference: postinit.c InitPostgres.
SELECT limits.slots - count(*) AS of_server
     , CASE WHEN r.rolsuper OR r.rolconnlimit < 0 THEN NULL
            ELSE r.rolconnlimit - count(*) FILTER (WHERE a.usesysid = r.oid) END AS of_role
     , CASE WHEN r.rolsuper OR d.datconnlimit < 0 THEN NULL
            ELSE d.datconnlimit - count(*) FILTER (WHERE a.datid = d.oid) END AS of_database
     , current_setting('max_connections')::int AS max_connections
     , r.rolconnlimit AS role_limit
     , d.datconnlimit AS database_limit
  FROM pg_database d
  JOIN pg_roles r ON r.rolname = session_user
 CROSS JOIN LATERAL (SELECT current_setting('max_connections')::int
                            - CASE WHEN r.rolsuper THEN 0
                                   ELSE current_setting('superuser_reserved_connections')::int
                                        + coalesce(current_setting('reserved_connections', true)::int, 0)
                              END) AS limits (slots)
  LEFT JOIN pg_stat_activity a
    ON a.usesysid IS NOT NULL
   AND a.datid IS NOT NULL
   AND coalesce(a.backend_type, 'client backend') = 'client backend'
 WHERE d.datname = current_database()
 GROUP BY limits.slots, r.oid, r.rolsuper, r.rolconnlimit, d.oid, d.datconnlimit
