CREATE SCHEMA s;
CREATE TYPE s."Odd ""type" AS (a integer);
CREATE FUNCTION s."From ""sql"(internal) RETURNS internal LANGUAGE internal IMMUTABLE STRICT AS 'prsd_lextype';
CREATE FUNCTION to_sql(internal) RETURNS s."Odd ""type" LANGUAGE internal IMMUTABLE STRICT AS 'record_recv';
CREATE TRANSFORM FOR s."Odd ""type" LANGUAGE plpgsql
    (FROM SQL WITH FUNCTION s."From ""sql"(internal), TO SQL WITH FUNCTION to_sql(internal));
CREATE TRANSFORM FOR s."Odd ""type" LANGUAGE sql (TO SQL WITH FUNCTION to_sql(internal));
CREATE TRANSFORM FOR integer LANGUAGE sql
    (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal));
CREATE TRANSFORM FOR varchar LANGUAGE plpgsql (FROM SQL WITH FUNCTION s."From ""sql"(internal));
CREATE FUNCTION handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE LANGUAGE "Odd ""language" HANDLER handler;
CREATE TRANSFORM FOR date LANGUAGE "Odd ""language" (FROM SQL WITH FUNCTION s."From ""sql"(internal));
-- A function that uses one needs it.
CREATE FUNCTION a_user(s."Odd ""type") RETURNS integer TRANSFORM FOR TYPE s."Odd ""type"
LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
