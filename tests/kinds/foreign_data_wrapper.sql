CREATE SCHEMA "Odd ""schema""";
CREATE FUNCTION "Odd ""schema"""."Hand(ler"() RETURNS fdw_handler LANGUAGE internal AS 'unknownin';
CREATE FUNCTION "Odd ""schema"""."select"(text[], oid) RETURNS bool LANGUAGE internal AS 'postgresql_fdw_validator';
CREATE FUNCTION anything(text[], oid) RETURNS bool LANGUAGE sql AS 'SELECT true';

CREATE FOREIGN DATA WRAPPER plain;
CREATE FOREIGN DATA WRAPPER bare NO HANDLER NO VALIDATOR
    OPTIONS (z '1', a '2', "Odd ""option""" E'it''s \\ "x"', "select" '');
CREATE FOREIGN DATA WRAPPER "Odd ""wrapper""" HANDLER "Odd ""schema"""."Hand(ler" VALIDATOR "Odd ""schema"""."select";
CREATE FOREIGN DATA WRAPPER "select" VALIDATOR anything OPTIONS (debug 'true');
CREATE FOREIGN DATA WRAPPER "Postgres" VALIDATOR postgresql_fdw_validator;
ALTER FOREIGN DATA WRAPPER bare OPTIONS (ADD b '3', SET a '4', DROP z);
COMMENT ON FOREIGN DATA WRAPPER bare IS 'neither handler nor validator';
GRANT USAGE ON FOREIGN DATA WRAPPER plain TO alice;
CREATE FUNCTION "Odd ""schema"""."Connect"(oid, oid, internal) RETURNS text LANGUAGE internal AS 'pgsql_version';  --19+
CREATE FOREIGN DATA WRAPPER connects CONNECTION "Odd ""schema"""."Connect";                                --19+
CREATE FOREIGN DATA WRAPPER connects_not NO CONNECTION OPTIONS (a '1');                                    --19+
