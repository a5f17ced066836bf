CREATE SCHEMA "Odd ""schema""";
CREATE TEXT SEARCH PARSER "Odd ""schema"""."Parser" (
    START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, HEADLINE = prsd_headline, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH DICTIONARY "Odd ""schema"""."select" (TEMPLATE = simple);
CREATE TEXT SEARCH DICTIONARY aaa (TEMPLATE = snowball, LANGUAGE = german);

CREATE TEXT SEARCH CONFIGURATION unmapped (PARSER = default);
CREATE TEXT SEARCH CONFIGURATION copied (COPY = english);
CREATE TEXT SEARCH CONFIGURATION "Odd ""schema"""."Table" (PARSER = "Odd ""schema"""."Parser");
ALTER TEXT SEARCH CONFIGURATION "Odd ""schema"""."Table" ADD MAPPING FOR asciiword, word WITH simple;
ALTER TEXT SEARCH CONFIGURATION "Odd ""schema"""."Table" ADD MAPPING FOR email, hword_asciipart
    WITH "Odd ""schema"""."select", aaa, pg_catalog.simple, english_stem;
ALTER TEXT SEARCH CONFIGURATION "Odd ""schema"""."Table" ADD MAPPING FOR "int" WITH aaa, "Odd ""schema"""."select";
ALTER TEXT SEARCH CONFIGURATION copied ALTER MAPPING FOR word WITH aaa, simple;
ALTER TEXT SEARCH CONFIGURATION copied DROP MAPPING FOR url, url_path;
ALTER TEXT SEARCH CONFIGURATION copied ALTER MAPPING REPLACE english_stem WITH "Odd ""schema"""."select";
ALTER TEXT SEARCH CONFIGURATION "Odd ""schema"""."Table" OWNER TO "Odd Role";
ALTER TEXT SEARCH CONFIGURATION copied OWNER TO alice;
COMMENT ON TEXT SEARCH CONFIGURATION copied IS 'changed';

CREATE TABLE document (body text, words tsvector GENERATED ALWAYS AS (to_tsvector('public.copied', body)) STORED);
CREATE INDEX document_words ON document USING gin (to_tsvector('"Odd ""schema"""."Table"'::regconfig, body));
CREATE FUNCTION found(t text) RETURNS bool LANGUAGE sql AS $$ SELECT to_tsvector('copied', t) @@ 'x' $$;
