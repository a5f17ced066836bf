CREATE SCHEMA "Odd ""schema""";
CREATE SCHEMA "aaa";
CREATE SCHEMA zzz;
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN "Odd ""schema"""."Number" AS int;
CREATE FUNCTION pair_bool(pair, pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION pair_int(pair, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION int_pair(int, pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION "Odd ""schema"""."se(lect"(pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION "Odd ""schema"""."Arrays"("Odd ""schema"""."Number"[], double precision) RETURNS timestamptz
    LANGUAGE sql AS 'SELECT now()';
CREATE FUNCTION "Odd ""schema"""."Restrict"(internal, oid, internal, int) RETURNS float8 LANGUAGE internal STABLE STRICT
    AS 'eqsel';
CREATE FUNCTION my_join(internal, oid, internal, int2, internal) RETURNS float8 LANGUAGE internal STABLE STRICT
    AS 'eqjoinsel';

-- Pairs that name each other, themselves, and other schemas.
CREATE OPERATOR === (FUNCTION = pair_bool, LEFTARG = pair, RIGHTARG = pair, COMMUTATOR = ===, NEGATOR = !==
    , HASHES, MERGES, RESTRICT = "Odd ""schema"""."Restrict", JOIN = my_join);
CREATE OPERATOR !== (PROCEDURE = pair_bool, LEFTARG = pair, RIGHTARG = pair, COMMUTATOR = !==, NEGATOR = ===
    , RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR < (FUNCTION = pair_bool, LEFTARG = pair, RIGHTARG = pair, COMMUTATOR = >, NEGATOR = >=
    , RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR > (FUNCTION = pair_bool, LEFTARG = pair, RIGHTARG = pair, COMMUTATOR = <, NEGATOR = <=);
CREATE OPERATOR <= (FUNCTION = pair_bool, LEFTARG = pair, RIGHTARG = pair, COMMUTATOR = >=, NEGATOR = >);
CREATE OPERATOR >= (FUNCTION = pair_bool, LEFTARG = pair, RIGHTARG = pair, COMMUTATOR = <=, NEGATOR = <);
CREATE OPERATOR aaa.<-> (FUNCTION = pair_int, LEFTARG = pair, RIGHTARG = int, COMMUTATOR = OPERATOR(zzz.<->));
CREATE OPERATOR zzz.<-> (FUNCTION = int_pair, LEFTARG = int, RIGHTARG = pair, COMMUTATOR = OPERATOR(aaa.<->));
ALTER OPERATOR aaa.<->(pair, int) OWNER TO alice;
ALTER OPERATOR zzz.<->(int, pair) OWNER TO "Odd Role";
ALTER OPERATOR === (pair, pair) OWNER TO bob;

-- Unary ones, and options changed later.
CREATE OPERATOR "Odd ""schema""".@#@ (FUNCTION = "Odd ""schema"""."se(lect", RIGHTARG = pair);
CREATE OPERATOR !! (FUNCTION = "Odd ""schema"""."se(lect", RIGHTARG = pair, NEGATOR = ~!);
CREATE OPERATOR ~! (FUNCTION = "Odd ""schema"""."se(lect", RIGHTARG = pair, NEGATOR = !!);
ALTER OPERATOR !! (NONE, pair) OWNER TO carol;
COMMENT ON OPERATOR !! (NONE, pair) IS 'prefix';
--<14 CREATE FUNCTION after(pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
--<14 CREATE OPERATOR #! (FUNCTION = after, LEFTARG = pair);
--<14 ALTER OPERATOR #! (pair, NONE) OWNER TO carol;
CREATE OPERATOR "Odd ""schema""".|||~%^&*<> (FUNCTION = "Odd ""schema"""."Arrays"
    , LEFTARG = "Odd ""schema"""."Number"[], RIGHTARG = double precision);
CREATE OPERATOR +*@ (FUNCTION = pair_int, LEFTARG = pair, RIGHTARG = int, RESTRICT = contsel, JOIN = contjoinsel);
ALTER OPERATOR +*@ (pair, int) SET (RESTRICT = NONE, JOIN = my_join);
CREATE OPERATOR =+= (FUNCTION = pair_int, LEFTARG = pair, RIGHTARG = int); --17+
CREATE OPERATOR =-= (FUNCTION = int_pair, LEFTARG = int, RIGHTARG = pair); --17+
ALTER OPERATOR =+= (pair, int) SET (COMMUTATOR = =-=, HASHES, MERGES); --17+

-- Shells: named, never made.
CREATE OPERATOR &&& (FUNCTION = pair_bool, LEFTARG = pair, RIGHTARG = pair, NEGATOR = OPERATOR("Odd ""schema""".!&&));
CREATE OPERATOR ||| (FUNCTION = int_pair, LEFTARG = int, RIGHTARG = pair, COMMUTATOR = |||);

-- A commutator that is built in stays as it is.
CREATE FUNCTION above(int, int) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'int4gt';
-- 17 refuses one that is another's already, and so do the minor releases of November 2026.
SELECT :SERVER_VERSION_NUM < CASE :SERVER_VERSION_NUM / 10000 WHEN 14 THEN 140025 WHEN 15 THEN 150020 WHEN 16 THEN 160016
                                  ELSE 170000 END AS lenient \gset
\if :lenient
CREATE OPERATOR >>> (FUNCTION = above, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(pg_catalog.<));
\endif
CREATE VIEW compared AS SELECT ROW(1, 2)::pair === ROW(2, 1)::pair AS same, !! ROW(1, 2)::pair AS negated;
