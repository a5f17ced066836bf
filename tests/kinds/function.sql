CREATE SCHEMA "Odd ""schema""";
CREATE TABLE plain (id int PRIMARY KEY, t text, "Upper" numeric(10, 2));
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN "Odd ""schema""".positive AS int CHECK (VALUE > 0);

CREATE FUNCTION nothing() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION "Odd ""schema"""."select"("Odd arg" int, "select" text DEFAULT E'it''s \\ "x"') RETURNS text
    LANGUAGE sql AS $$ SELECT "select" || "Odd arg" $$;
ALTER FUNCTION "Odd ""schema"""."select" OWNER TO "Odd Role";
CREATE FUNCTION "a.b(c,d)"("x,y" text, "z)" "Odd ""schema""".positive) RETURNS pair LANGUAGE sql AS 'SELECT NULL::pair';

-- Every attribute, each way.
CREATE FUNCTION volatile_one(int) RETURNS int LANGUAGE sql VOLATILE CALLED ON NULL INPUT SECURITY INVOKER NOT LEAKPROOF
    PARALLEL UNSAFE AS 'SELECT $1';
CREATE FUNCTION stable_one(int) RETURNS int LANGUAGE sql STABLE STRICT SECURITY DEFINER LEAKPROOF PARALLEL RESTRICTED
    COST 12.5 AS 'SELECT $1';
CREATE FUNCTION immutable_one(int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1 AS 'SELECT $1';
CREATE FUNCTION cost_zero(int) RETURNS SETOF int LANGUAGE sql COST 1e9 ROWS 0.5 AS 'SELECT $1';
CREATE FUNCTION many_rows(int) RETURNS SETOF int LANGUAGE plpgsql ROWS 2000000 AS 'BEGIN RETURN NEXT $1; END';
CREATE FUNCTION plain_rows(int) RETURNS SETOF plain LANGUAGE sql ROWS 1000 COST 100 AS 'TABLE public.plain';

-- Arguments and results.
CREATE FUNCTION modes(IN a int, OUT b int, INOUT c text, VARIADIC d numeric[] DEFAULT '{1,2}') LANGUAGE plpgsql
    AS 'BEGIN b := a; END';
CREATE FUNCTION one_out(OUT "Result" timestamptz) LANGUAGE sql AS 'SELECT now()';
CREATE FUNCTION set_out(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE sql AS 'SELECT 1, ''x''';
CREATE FUNCTION some_table(n int = 3) RETURNS TABLE ("Column" int, "select" text[], d "Odd ""schema""".positive)
    LANGUAGE sql AS 'SELECT n, NULL::text[], NULL::"Odd ""schema""".positive';
CREATE FUNCTION anonymous(int, text, VARIADIC "any") RETURNS int LANGUAGE internal IMMUTABLE AS 'pg_num_nonnulls';
CREATE FUNCTION polymorphic(a anyelement, b anyarray, c anynonarray) RETURNS anyarray LANGUAGE sql AS 'SELECT b';
CREATE FUNCTION ranges(anyrange) RETURNS anyelement LANGUAGE sql AS 'SELECT lower($1)';
CREATE FUNCTION enums(anyenum, "char", bpchar, bit, varbit) RETURNS anyenum LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION compatible(a anycompatible, b anycompatiblearray, VARIADIC c anycompatiblearray) --13+
    RETURNS anycompatible LANGUAGE sql AS 'SELECT a'; --13+
CREATE FUNCTION multi(anymultirange, anycompatiblemultirange) RETURNS anycompatiblerange --14+
    LANGUAGE sql AS 'SELECT NULL'; --14+
CREATE FUNCTION typed(a plain.t%TYPE, b plain) RETURNS plain."Upper"%TYPE LANGUAGE sql AS 'SELECT (b)."Upper"';
CREATE FUNCTION defaults(a int DEFAULT 1 + 2, b text DEFAULT nullif('a''b', upper('x')), c date DEFAULT current_date
                       , d int[] DEFAULT ARRAY[1, NULL], e pair DEFAULT ROW(1, 'x'), f text DEFAULT NULL
                       , g regclass DEFAULT 'plain', h interval DEFAULT '1 day'::interval)
    RETURNS int LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION default_of_function(a text DEFAULT "Odd ""schema"""."select"(7)) RETURNS text
    LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION overloaded(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION overloaded(text) RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE FUNCTION overloaded() RETURNS int LANGUAGE sql AS 'SELECT 3';
CREATE FUNCTION on_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION on_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION internals(cstring, internal) RETURNS language_handler
    LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';

-- Settings.
CREATE FUNCTION settings() RETURNS void LANGUAGE sql
    SET search_path = "Odd ""schema""", public, '$user', pg_temp
    SET work_mem = '64MB'
    SET "my.Setting" = 'it''s'
    SET datestyle = iso, dmy
    SET TIME ZONE 'Europe/Berlin'
    SET statement_timeout TO 0
    SET temp_tablespaces = ''
    SET session_preload_libraries = 'a b', "c"
    SET enable_seqscan = off
    AS '';
CREATE FUNCTION empty_path() RETURNS void LANGUAGE sql SET search_path = '' AS '';
SET work_mem = '5MB';
CREATE FUNCTION from_current() RETURNS void LANGUAGE sql SET work_mem FROM CURRENT AS '';
RESET work_mem;

-- Kinds and languages.
CREATE FUNCTION my_row_number() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE STRICT AS 'window_row_number';
CREATE FUNCTION my_lead(anyelement, int) RETURNS anyelement
    LANGUAGE internal WINDOW COST 7 AS 'window_lead_with_offset';
CREATE FUNCTION my_series(int, int) RETURNS SETOF int LANGUAGE internal STABLE STRICT ROWS 77
    SUPPORT generate_series_int4_support AS 'generate_series_int4';
CREATE FUNCTION my_support(internal) RETURNS internal LANGUAGE internal STRICT AS 'generate_series_int4_support';
CREATE FUNCTION my_supported(int, int) RETURNS SETOF int LANGUAGE internal SUPPORT my_support AS 'generate_series_int4';
CREATE FUNCTION "In C"() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION plpgsql_inline_handler(internal) RETURNS void LANGUAGE c STRICT COST 3 AS '$libdir/plpgsql';

CREATE PROCEDURE work(a int, INOUT b text DEFAULT 'x', VARIADIC c int[] DEFAULT '{}') LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public AS $p$ BEGIN COMMIT; b := '$procedure$'; END $p$;
ALTER PROCEDURE work OWNER TO alice;
CREATE PROCEDURE "Odd ""schema"""."Nothing"() LANGUAGE sql AS '';
CREATE PROCEDURE outs(a int, OUT b int, OUT c text) LANGUAGE plpgsql AS 'BEGIN END'; --14+
CREATE PROCEDURE outs(a int, b int, c text) LANGUAGE plpgsql AS 'BEGIN END'; --14+

-- Bodies.
CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT 1';
SET check_function_bodies = off;
CREATE OR REPLACE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT x FROM not_there';
CREATE FUNCTION wrong() RETURNS int LANGUAGE plpgsql AS 'no plpgsql at all';
RESET check_function_bodies;
CREATE FUNCTION quoted() RETURNS text LANGUAGE plpgsql
    AS E'\r\n\tBEGIN RETURN \'$function$ $functionx$ \\\\ \\n ''%s%%'' \u00e9\u20ac\U0001F600 \x01\x7f\'; END;\r\n\n  ';
CREATE FUNCTION "null-ish"() RETURNS text LANGUAGE sql AS 'SELECT NULL -- no newline at the end';

-- Bodies that are parsed at creation.
CREATE FUNCTION atomic(a int) RETURNS text BEGIN ATOMIC --14+
    SELECT t FROM plain WHERE id = a; SELECT "Odd ""schema"""."select"(a); END; --14+
CREATE FUNCTION atomic_return(a int, b int = 2) RETURNS int IMMUTABLE RETURN a + b; --14+
CREATE FUNCTION atomic_grouped() RETURNS SETOF text BEGIN ATOMIC SELECT t FROM plain GROUP BY id; END; --14+
CREATE PROCEDURE atomic_empty() BEGIN ATOMIC END; --14+
CREATE PROCEDURE atomic_writes(a int) BEGIN ATOMIC --14+
    INSERT INTO plain VALUES (a, '$function$') ON CONFLICT DO NOTHING; --14+
    UPDATE plain SET t = 'it''s' WHERE id = a; DELETE FROM plain WHERE id = a; END; --14+
CREATE FUNCTION factorial_of(n int) RETURNS int LANGUAGE sql AS 'SELECT 1'; --14+
CREATE OR REPLACE FUNCTION factorial_of(n int) RETURNS int --14+
    RETURN CASE WHEN n < 2 THEN 1 ELSE n * factorial_of(n - 1) END; --14+
CREATE VIEW seen AS SELECT atomic(id) AS t FROM plain; --14+
CREATE FUNCTION of_view() RETURNS SETOF seen BEGIN ATOMIC SELECT * FROM seen; END; --14+

-- Transforms and extensions.
CREATE FUNCTION zz_from(internal) RETURNS internal LANGUAGE internal IMMUTABLE AS 'unknownin';
CREATE FUNCTION zz_to_pair(internal) RETURNS pair LANGUAGE internal STABLE AS 'record_recv';
CREATE TRANSFORM FOR int LANGUAGE plpgsql (
    FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal));
CREATE TRANSFORM FOR pair LANGUAGE plpgsql (
    FROM SQL WITH FUNCTION zz_from(internal), TO SQL WITH FUNCTION zz_to_pair(internal));
CREATE FUNCTION aa_transformed(int) RETURNS int LANGUAGE plpgsql TRANSFORM FOR TYPE int, FOR TYPE pair AS 'BEGIN END';
CREATE FUNCTION aa_transformed(pair, int[]) RETURNS int LANGUAGE plpgsql IMMUTABLE
    TRANSFORM FOR TYPE pair SET work_mem = '1MB' AS 'BEGIN END';
ALTER FUNCTION overloaded(int) DEPENDS ON EXTENSION plpgsql;
ALTER PROCEDURE work(int, text, int[]) DEPENDS ON EXTENSION plpgsql;
ALTER PROCEDURE outs(int, OUT int, OUT text) DEPENDS ON EXTENSION plpgsql; --14+
ALTER FUNCTION modes DEPENDS ON EXTENSION plpgsql;
ALTER FUNCTION my_row_number() DEPENDS ON EXTENSION plpgsql;
