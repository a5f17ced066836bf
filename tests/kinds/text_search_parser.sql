CREATE SCHEMA "Odd ""schema""";
CREATE FUNCTION "Odd ""schema"""."St(art"(internal, int) RETURNS internal LANGUAGE internal STRICT AS 'prsd_start';
CREATE FUNCTION my_token(internal, internal, internal) RETURNS internal LANGUAGE internal STRICT AS 'prsd_nexttoken';
CREATE FUNCTION my_end(internal) RETURNS void LANGUAGE internal STRICT AS 'prsd_end';
CREATE FUNCTION my_headline(internal, internal, tsquery) RETURNS internal LANGUAGE internal STRICT AS 'prsd_headline';
CREATE FUNCTION my_types(internal) RETURNS internal LANGUAGE internal STRICT AS 'prsd_lextype';

CREATE TEXT SEARCH PARSER plain (
    START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH PARSER "Odd ""schema"""."select" (
    START = "Odd ""schema"""."St(art", GETTOKEN = my_token, END = my_end, HEADLINE = my_headline, LEXTYPES = my_types);
COMMENT ON TEXT SEARCH PARSER "Odd ""schema"""."select" IS 'like the default one';
