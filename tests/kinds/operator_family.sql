CREATE SCHEMA "Odd ""schema""";
CREATE SCHEMA aaa;
-- In the order of their names: pg_dump lists members of one strategy by the OIDs of their types.
CREATE TYPE other AS (a int);
CREATE TYPE pair AS (a int, b int);

-- The functions come after the families by name and by kind: only their dependency orders them.
CREATE FUNCTION zz_bool(pair, pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION zz_cross(pair, other) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION zz_compare(pair, pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE FUNCTION "Odd ""schema"""."se(lect"(pair, other) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE FUNCTION zz_hash(pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE FUNCTION zz_hash64(pair, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 0::bigint';
CREATE FUNCTION zz_sort(internal) RETURNS void LANGUAGE internal STRICT AS 'btint4sortsupport';
CREATE FUNCTION zz_distance(pair, pair) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 0::float8';
CREATE FUNCTION zz_equal_image(oid) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'; --13+
CREATE OPERATOR "Odd ""schema""".<<< (FUNCTION = zz_bool, LEFTARG = pair, RIGHTARG = pair);
CREATE OPERATOR <<< (FUNCTION = zz_cross, LEFTARG = pair, RIGHTARG = other);
CREATE OPERATOR === (FUNCTION = zz_bool, LEFTARG = pair, RIGHTARG = pair);
CREATE OPERATOR <~> (FUNCTION = zz_distance, LEFTARG = pair, RIGHTARG = pair);
CREATE OPERATOR <-> (FUNCTION = zz_distance, LEFTARG = pair, RIGHTARG = pair);

CREATE OPERATOR FAMILY empty USING btree;
CREATE OPERATOR FAMILY empty USING hash;
CREATE OPERATOR FAMILY "Odd ""schema"""."Empty ""one""" USING gist;
ALTER OPERATOR FAMILY "Odd ""schema"""."Empty ""one""" USING gist OWNER TO "Odd Role";
ALTER OPERATOR FAMILY empty USING hash OWNER TO alice;
COMMENT ON OPERATOR FAMILY empty USING hash IS 'nothing in it';

CREATE OPERATOR FAMILY aaa."select" USING btree;
ALTER OPERATOR FAMILY aaa."select" USING btree ADD
    OPERATOR 1 "Odd ""schema""".<<<(pair, pair), OPERATOR 3 ===(pair, pair), OPERATOR 1 <<<(pair, other),
    FUNCTION 1 zz_compare(pair, pair), FUNCTION 1 (pair, other) "Odd ""schema"""."se(lect"(pair, other),
    FUNCTION 2 (pair, pair) zz_sort(internal),
    FUNCTION 4 (pair, pair) zz_equal_image(oid), --13+
    FUNCTION 2 (other, other) zz_sort(internal);
CREATE OPERATOR FAMILY aaa.hashed USING hash;
ALTER OPERATOR FAMILY aaa.hashed USING hash ADD
    OPERATOR 1 ===(pair, pair), FUNCTION 1 (pair, pair) zz_hash(pair), FUNCTION 2 (pair, pair) zz_hash64(pair, bigint);
CREATE OPERATOR FAMILY functions_only USING brin;
ALTER OPERATOR FAMILY functions_only USING brin ADD FUNCTION 11 (other, other) zz_compare(pair, pair);
CREATE OPERATOR FAMILY aaa.nearest USING gist;
CREATE OPERATOR FAMILY zz_sorting USING btree;
ALTER OPERATOR FAMILY aaa.nearest USING gist ADD
    OPERATOR 1 ===(pair, pair) FOR SEARCH, OPERATOR 15 <->(pair, pair) FOR ORDER BY float_ops,
    OPERATOR 16 <~>(pair, pair) FOR ORDER BY zz_sorting;

-- Members that are added to a family with classes: some belong to a class from then on.
CREATE OPERATOR FAMILY mixed USING btree;
CREATE OPERATOR CLASS mixed_ops FOR TYPE pair USING btree FAMILY mixed AS
    OPERATOR 1 "Odd ""schema""".<<<, OPERATOR 1 <<<(pair, other), FUNCTION 1 zz_compare(pair, pair);
ALTER OPERATOR FAMILY mixed USING btree ADD OPERATOR 3 ===(pair, pair), FUNCTION 2 (pair, pair) zz_sort(internal),
    FUNCTION 1 (pair, other) "Odd ""schema"""."se(lect"(pair, other);
ALTER OPERATOR FAMILY integer_ops USING btree ADD OPERATOR 1 <<<(pair, other);
ALTER OPERATOR FAMILY integer_ops USING btree DROP OPERATOR 1 (pair, other);
