-- What, besides a row's values, determines its partition: the encoding, and the order of text.
-- A version is NULL if the server does not report it. Reference: PostgreSQL docs 23.2.3, "Collation Versions".
SELECT (SELECT system_identifier FROM pg_control_system()) || ' ' || pg_postmaster_start_time() AS server
     , pg_encoding_to_char(d.encoding)::text AS encoding
     , d.datlocprovider::text AS provider                                                        --15+
     --<15 , 'c' AS provider
     , concat_ws(' ', d.datcollate, d.datctype
         , to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'daticurules') AS locale
     , d.datcollate ~* '^(C|POSIX)(\.|$)' AS by_bytes
     , (SELECT pg_collation_actual_version(oid)
          FROM pg_collation
         WHERE collprovider = 'c'
           AND collnamespace = 'pg_catalog'::regnamespace
           AND collencoding IN (-1, d.encoding)
           AND collcollate !~* '^(C|POSIX)(\.|$)'
         ORDER BY oid
         LIMIT 1) AS libc
     , (SELECT pg_collation_actual_version(oid)
          FROM pg_collation
         WHERE collname = 'und-x-icu'
           AND collnamespace = 'pg_catalog'::regnamespace) AS icu
  FROM pg_database d
 WHERE d.datname = current_database()
