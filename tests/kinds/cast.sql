CREATE SCHEMA s;
CREATE TYPE s."Odd ""type" AS (a integer);
CREATE TYPE color AS ENUM ('red');
CREATE FUNCTION s."To ""int"(s."Odd ""type") RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a';
CREATE FUNCTION to_odd(integer, integer, boolean) RETURNS s."Odd ""type"
LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1)::s."Odd ""type"';
CREATE FUNCTION to_date(color) RETURNS date LANGUAGE sql IMMUTABLE AS 'SELECT NULL::date';
CREATE CAST (s."Odd ""type" AS integer) WITH FUNCTION s."To ""int"(s."Odd ""type");
CREATE CAST (integer AS s."Odd ""type") WITH FUNCTION to_odd(integer, integer, boolean) AS ASSIGNMENT;
CREATE CAST (color AS date) WITH FUNCTION public.to_date(color) AS IMPLICIT;
CREATE CAST (color AS varchar) WITH INOUT AS IMPLICIT;
CREATE CAST (varchar AS color) WITH INOUT AS ASSIGNMENT;
CREATE CAST (color AS bpchar) WITH INOUT;
CREATE CAST (xid AS oid) WITHOUT FUNCTION;
CREATE CAST (bigint AS timestamp) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (text AS bytea) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (integer[] AS text[]) WITH INOUT;
-- Between built-in types: without a function, by a built-in function.
CREATE CAST (bigint AS varbit) WITH FUNCTION pg_catalog.bit(bigint, integer);
-- The type of rows of a table; a range has a cast of its own to its multirange.
CREATE TABLE t (a integer);
CREATE FUNCTION to_t(integer) RETURNS t LANGUAGE sql AS 'SELECT ROW($1)::public.t';
CREATE CAST (integer AS t) WITH FUNCTION to_t(integer);
CREATE TYPE span AS RANGE (SUBTYPE = float8);
-- A length coercion.
CREATE FUNCTION to_odd(s."Odd ""type", integer) RETURNS s."Odd ""type" LANGUAGE sql AS 'SELECT $1';
CREATE CAST (s."Odd ""type" AS s."Odd ""type") WITH FUNCTION to_odd(s."Odd ""type", integer) AS IMPLICIT;
-- By a function that returns what another cast, later by name, says is the same.
CREATE TYPE like_text;
CREATE FUNCTION like_text_in(cstring) RETURNS like_text LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION like_text_out(like_text) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE like_text (INPUT = like_text_in, OUTPUT = like_text_out, LIKE = text);
CREATE CAST (text AS like_text) WITHOUT FUNCTION AS IMPLICIT;
CREATE FUNCTION as_text(boolean) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE CAST (boolean AS like_text) WITH FUNCTION as_text(boolean);
