-- CREATE DATABASE <name> like this one, for a server of major version <there>; its owner is appended, its settings come later.
-- LOCALE would be shorter, but exists only since 13. `since` is the first version that supports it.
-- Reference: pg_dump.c dumpDatabase (18.6).
  WITH here AS (
       SELECT d.*
            , s.spcname AS tablespace
--<15             , 'c' AS provider
--<15             , NULL::text AS locale
            , d.datlocprovider::text AS provider                       --15+
--<17             , d.daticulocale::text AS locale                     --15+
            , d.datlocale::text AS locale                              --17+
--<16             , NULL::text AS rules
            , d.daticurules::text AS rules                             --16+
         FROM pg_database d
         JOIN pg_tablespace s ON s.oid = d.dattablespace
        WHERE d.datname = current_database()
     )
SELECT concat_ws(' '
         , format('CREATE DATABASE %I TEMPLATE template0', <name>)
         , format('ENCODING %L', pg_encoding_to_char(encoding))
         , CASE WHEN <there> >= 15
                THEN 'LOCALE_PROVIDER ' || CASE provider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' ELSE 'builtin' END
           END
         , format('LC_COLLATE %L LC_CTYPE %L', datcollate, datctype)
         , CASE provider WHEN 'i' THEN 'ICU_LOCALE ' WHEN 'b' THEN 'BUILTIN_LOCALE ' END || quote_literal(locale)
         , 'ICU_RULES ' || quote_literal(rules)
         , CASE WHEN <placed> AND tablespace <> 'pg_default' THEN format('TABLESPACE %I', tablespace) END) AS create
     , CASE WHEN provider = 'b' THEN 17 WHEN rules <> '' THEN 16 WHEN provider = 'i' THEN 15 ELSE 0 END AS since
     , CASE WHEN provider = 'b' THEN 'the locale provider builtin'
            WHEN rules <> '' THEN 'ICU rules'
            ELSE 'ICU as the locale provider of a database'
       END AS feature
     , CASE WHEN <placed> THEN tablespace::text END AS tablespace
  FROM here
