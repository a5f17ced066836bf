-- Facts about the connection's database and its server.
SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system
     , pg_postmaster_start_time()::text AS started
     , d.datname::text AS database
     , d.oid::bigint AS oid
     , current_setting('server_version') AS version
     , pg_encoding_to_char(d.encoding)::text AS encoding
     , CASE to_jsonb(d) ->> 'datlocprovider'
           WHEN 'i' THEN 'ICU ' || coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
           WHEN 'b' THEN 'builtin ' || (to_jsonb(d) ->> 'datlocale')
           ELSE d.datcollate::text
       END AS collation
     , pg_is_in_recovery() AS standby
     , current_setting('default_transaction_read_only') = 'on' AS read_only
     , current_user::text AS "user"
     , has_database_privilege(d.oid, 'CREATE') AS can_create
  FROM pg_database d
 WHERE d.datname = current_database()
