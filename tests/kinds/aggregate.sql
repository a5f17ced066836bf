CREATE SCHEMA "Odd ""schema""";
CREATE FUNCTION "Odd ""schema"""."sel,ect("(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE FUNCTION "Odd ""schema"""."Final"(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION same(anyarray, anyelement) RETURNS anyarray LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION same_final(anyarray, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $2';
CREATE FUNCTION count_all(int8, VARIADIC "any") RETURNS int8 LANGUAGE internal IMMUTABLE AS 'int8inc_any';
CREATE FUNCTION longest(text, VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION below(int, int) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'int4lt';
CREATE OPERATOR "Odd ""schema""".<<< (FUNCTION = below, LEFTARG = int, RIGHTARG = int);

-- Plain ones.
CREATE AGGREGATE plain(int) (SFUNC = int4pl, STYPE = int);
CREATE AGGREGATE every_row(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
ALTER AGGREGATE every_row(*) OWNER TO alice;
COMMENT ON AGGREGATE every_row(*) IS 'no arguments';
REVOKE ALL ON FUNCTION every_row() FROM PUBLIC;
CREATE AGGREGATE "Odd ""schema"""."select"("Odd arg" text) (
    SFUNC = "Odd ""schema"""."sel,ect(", STYPE = text, SSPACE = 128, INITCOND = E'it''s \\ "x"',
    FINALFUNC = "Odd ""schema"""."Final", FINALFUNC_MODIFY = SHAREABLE);
ALTER AGGREGATE "Odd ""schema"""."select"(text) OWNER TO "Odd Role";
CREATE AGGREGATE emptied(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE AGGREGATE writes(text) (
    SFUNC = textcat, STYPE = text, FINALFUNC = upper, FINALFUNC_MODIFY = READ_WRITE, PARALLEL = RESTRICTED);
CREATE AGGREGATE reads(text) (SFUNC = textcat, STYPE = text, FINALFUNC = upper, FINALFUNC_MODIFY = READ_ONLY);
CREATE AGGREGATE polymorphic(anyelement) (
    SFUNC = same, STYPE = anyarray, FINALFUNC = same_final, FINALFUNC_EXTRA, INITCOND = '{}');
CREATE AGGREGATE variadic_any(VARIADIC "any") (SFUNC = count_all, STYPE = int8, INITCOND = '0');
CREATE AGGREGATE variadic_text(VARIADIC "values" text[]) (SFUNC = longest, STYPE = text);
CREATE AGGREGATE "least"(int) (SFUNC = int4smaller, STYPE = int, COMBINEFUNC = int4smaller
    , SORTOP = OPERATOR("Odd ""schema""".<<<), PARALLEL = SAFE);
CREATE AGGREGATE greatest_of(int) (SFUNC = int4larger, STYPE = int4, SORTOP = >);
CREATE OR REPLACE AGGREGATE replaced(float8) (SFUNC = float8pl, STYPE = double precision, PARALLEL = UNSAFE);
CREATE AGGREGATE old_style (BASETYPE = timestamptz, SFUNC = timestamptz_larger, STYPE = timestamp with time zone);
CREATE AGGREGATE old_style_any (BASETYPE = 'ANY', SFUNC = int8inc, STYPE = bigint, INITCOND = 7);

-- Partial aggregation and moving windows.
CREATE AGGREGATE my_sum(int8) (
    SFUNC = int8_avg_accum, STYPE = internal, SSPACE = 48, FINALFUNC = numeric_poly_sum,
    COMBINEFUNC = int8_avg_combine, SERIALFUNC = int8_avg_serialize, DESERIALFUNC = int8_avg_deserialize,
    MSFUNC = int8_avg_accum, MINVFUNC = int8_avg_accum_inv, MSTYPE = internal, MSSPACE = 64,
    MFINALFUNC = numeric_poly_sum, PARALLEL = SAFE);
CREATE AGGREGATE moving(float8) (
    SFUNC = float8pl, STYPE = float8, INITCOND = '0', MSFUNC = float8pl, MINVFUNC = float8mi, MSTYPE = float8,
    MINITCOND = E'1\x65+0', MFINALFUNC = float8abs, MFINALFUNC_MODIFY = SHAREABLE);
CREATE AGGREGATE moving_extra(anyelement) (
    SFUNC = same, STYPE = anyarray, FINALFUNC = same_final, FINALFUNC_EXTRA, INITCOND = '{}',
    MSFUNC = same, MINVFUNC = same, MSTYPE = anyarray, MINITCOND = '{}',
    MFINALFUNC = same_final, MFINALFUNC_EXTRA, MFINALFUNC_MODIFY = READ_WRITE);

-- Ordered-set and hypothetical-set.
CREATE AGGREGATE disc(float8 ORDER BY anyelement) (
    SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE AGGREGATE shareable_disc("fraction" float8 ORDER BY "Value" anyelement) (
    SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA
    , FINALFUNC_MODIFY = SHAREABLE);
ALTER AGGREGATE disc(float8 ORDER BY anyelement) OWNER TO bob;
COMMENT ON AGGREGATE disc(float8 ORDER BY anyelement) IS 'ordered';
GRANT EXECUTE ON FUNCTION disc(float8, anyelement) TO carol;
CREATE AGGREGATE my_mode(ORDER BY anyelement) (
    SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = mode_final, FINALFUNC_EXTRA
    , FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE);
CREATE AGGREGATE my_rank(VARIADIC "any" ORDER BY VARIADIC "any") (
    SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
ALTER AGGREGATE my_rank(VARIADIC "any" ORDER BY VARIADIC "any") OWNER TO carol;
-- An aggregate in a view and one in a function's body.
CREATE VIEW totals AS SELECT my_sum(x), disc(0.5) WITHIN GROUP (ORDER BY x) FROM generate_series(1::int8, 3) AS x;
-- A support function.
CREATE FUNCTION "Odd ""schema"""."supports"(internal) RETURNS internal LANGUAGE internal AS 'int8inc_support';  --19+
CREATE AGGREGATE supported(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0', SUPPORT = "Odd ""schema"""."supports"); --19+
