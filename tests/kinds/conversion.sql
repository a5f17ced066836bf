CREATE SCHEMA s;
CREATE CONVERSION plain FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE DEFAULT CONVERSION s."Odd ""one" FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
ALTER CONVERSION s."Odd ""one" OWNER TO "Odd Role";
CREATE DEFAULT CONVERSION "select" FOR 'KOI8R' TO 'UTF8' FROM koi8r_to_utf8;
ALTER CONVERSION "select" OWNER TO alice;
CREATE FUNCTION s."My ""way"(integer, integer, cstring, internal, integer, boolean) RETURNS integer --14+
LANGUAGE c STRICT AS '$libdir/cyrillic', 'koi8r_to_win1251'; --19+
--<19 LANGUAGE c STRICT AS '$libdir/cyrillic_and_mic', 'koi8r_to_win1251'; --14+
--<14 CREATE FUNCTION s."My ""way"(integer, integer, cstring, internal, integer) RETURNS void
--<14 LANGUAGE c STRICT AS '$libdir/cyrillic_and_mic', 'koi8r_to_win1251';
CREATE CONVERSION s.mine FOR 'KOI8R' TO 'WIN1251' FROM s."My ""way";
