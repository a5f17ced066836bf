CREATE SCHEMA s;
CREATE COLLATION plain FROM "C";
CREATE COLLATION s."Odd ""locale'" (LC_COLLATE = 'C', LC_CTYPE = 'POSIX');
CREATE COLLATION "select" (PROVIDER = libc, LOCALE = 'POSIX');
ALTER COLLATION "select" OWNER TO alice;
CREATE COLLATION s."Upper" (LOCALE = 'C');
ALTER COLLATION s."Upper" OWNER TO "Odd Role";
CREATE COLLATION builtin (PROVIDER = builtin, LOCALE = 'C.UTF-8'); --17+
CREATE COLLATION builtin_c (PROVIDER = builtin, LOCALE = 'C'); --17+
CREATE COLLATION fast (PROVIDER = builtin, LOCALE = 'PG_UNICODE_FAST'); --18+
DO $$
BEGIN
    -- Built without ICU, a server has one of its collations nonetheless: unicode.
    IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
        CREATE COLLATION german (PROVIDER = icu, LOCALE = 'de-u-co-phonebk');
        CREATE COLLATION s."Any case" (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
        CREATE COLLATION copied FROM "en-x-icu";
        CREATE COLLATION ruled (PROVIDER = icu, LOCALE = 'en', RULES = '&a < ''-'' <<< q'); --16+
        CREATE COLLATION rules_only (PROVIDER = icu, LOCALE = '', RULES = '&V << w <<< W'); --16+
        CREATE DOMAIN german AS text COLLATE german;
        ALTER COLLATION german OWNER TO bob;
    END IF;
END
$$;
CREATE DOMAIN plain AS text COLLATE s."Odd ""locale'";
-- What the operating system offers is in pg_catalog: never created.
DELETE FROM pg_collation WHERE collname = 'C.utf8';
SELECT count(pg_import_system_collations('pg_catalog'));
