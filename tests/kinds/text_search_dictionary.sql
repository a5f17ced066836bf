CREATE SCHEMA "Odd ""schema""";
CREATE TEXT SEARCH TEMPLATE "Odd ""schema"""."Template" (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE FUNCTION anything(internal) RETURNS internal LANGUAGE internal AS 'unknownin';
CREATE TEXT SEARCH TEMPLATE "any" (INIT = anything, LEXIZE = dsimple_lexize);

CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple);
CREATE TEXT SEARCH DICTIONARY stopping (TEMPLATE = simple, STOPWORDS = english, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY stemming (TEMPLATE = snowball, LANGUAGE = russian, STOPWORDS = 'russian');
CREATE TEXT SEARCH DICTIONARY synonyms (TEMPLATE = synonym, SYNONYMS = synonym_sample, CASESENSITIVE = 1);
CREATE TEXT SEARCH DICTIONARY spelling (
    TEMPLATE = ispell, DICTFILE = ispell_sample, AFFFILE = ispell_sample, STOPWORDS = english);
CREATE TEXT SEARCH DICTIONARY thesauruses (
    TEMPLATE = thesaurus, DICTFILE = thesaurus_sample, DICTIONARY = pg_catalog.english_stem);
CREATE TEXT SEARCH DICTIONARY "Odd ""schema"""."select" (
    TEMPLATE = "Odd ""schema"""."Template", "stopwords" = 'english');
ALTER TEXT SEARCH DICTIONARY "Odd ""schema"""."select" OWNER TO "Odd Role";
CREATE TEXT SEARCH DICTIONARY optional (TEMPLATE = "any", "Odd ""option""" = E'it''s \\ "x"', "select" = 1.5);
ALTER TEXT SEARCH DICTIONARY optional ("select", added = 'yes');
ALTER TEXT SEARCH DICTIONARY stopping OWNER TO alice;
COMMENT ON TEXT SEARCH DICTIONARY stopping IS 'english stop words';
