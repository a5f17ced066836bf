CREATE SCHEMA "Odd ""schema""";
CREATE FUNCTION "Odd ""schema"""."In(it"(internal) RETURNS internal LANGUAGE internal STRICT AS 'dsimple_init';
CREATE FUNCTION my_lexize(internal, internal, internal, internal) RETURNS internal LANGUAGE internal STRICT
    AS 'dsimple_lexize';

CREATE TEXT SEARCH TEMPLATE plain (LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH TEMPLATE "Odd ""schema"""."select" (INIT = "Odd ""schema"""."In(it", LEXIZE = my_lexize);
COMMENT ON TEXT SEARCH TEMPLATE plain IS 'no INIT';
