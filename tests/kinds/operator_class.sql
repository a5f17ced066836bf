CREATE SCHEMA "Odd ""schema""";
CREATE TYPE pair AS (a int, b int);
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN "Odd ""schema"""."Number" AS int;
CREATE FUNCTION zz_bool(pair, pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION zz_compare(pair, pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE FUNCTION zz_hash(pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE FUNCTION zz_distance(pair, pair) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 0::float8';
CREATE FUNCTION "Odd ""schema"""."Compare"(pair, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE FUNCTION zz_cross(pair, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION zz_sort(internal) RETURNS void LANGUAGE internal STRICT AS 'btint4sortsupport';
CREATE FUNCTION zz_in_range(pair, pair, int, bool, bool) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION zz_options(internal) RETURNS void LANGUAGE internal AS 'gtsvector_options'; --13+
CREATE OPERATOR "Odd ""schema""".<<< (FUNCTION = zz_bool, LEFTARG = pair, RIGHTARG = pair);
CREATE OPERATOR <<= (FUNCTION = zz_bool, LEFTARG = pair, RIGHTARG = pair);
CREATE OPERATOR === (FUNCTION = zz_bool, LEFTARG = pair, RIGHTARG = pair);
CREATE OPERATOR >>= (FUNCTION = zz_bool, LEFTARG = pair, RIGHTARG = pair);
CREATE OPERATOR >>> (FUNCTION = zz_bool, LEFTARG = pair, RIGHTARG = pair);
CREATE OPERATOR <<< (FUNCTION = zz_cross, LEFTARG = pair, RIGHTARG = int);
CREATE OPERATOR <-> (FUNCTION = zz_distance, LEFTARG = pair, RIGHTARG = pair);

-- The family is made by the class and is its namesake.
CREATE OPERATOR CLASS pair_ops DEFAULT FOR TYPE pair USING btree AS
    OPERATOR 1 "Odd ""schema""".<<<, OPERATOR 2 <<=, OPERATOR 3 ===, OPERATOR 4 >>=, OPERATOR 5 >>>,
    OPERATOR 1 <<<(pair, int), FUNCTION 1 zz_compare(pair, pair), FUNCTION 2 zz_sort(internal),
    FUNCTION 1 (pair, int) "Odd ""schema"""."Compare"(pair, int),
    FUNCTION 3 (pair, int) zz_in_range(pair, pair, int, bool, bool);
ALTER OPERATOR CLASS pair_ops USING btree OWNER TO alice;
ALTER OPERATOR FAMILY pair_ops USING btree OWNER TO bob;
COMMENT ON OPERATOR CLASS pair_ops USING btree IS 'pairs';
CREATE OPERATOR CLASS pair_ops FOR TYPE pair USING hash AS OPERATOR 1 ===, FUNCTION 1 zz_hash(pair);
CREATE OPERATOR CLASS "Odd ""schema"""."Sel ""ect""" FOR TYPE pair USING btree FAMILY pair_ops AS STORAGE pair;
ALTER OPERATOR CLASS "Odd ""schema"""."Sel ""ect""" USING btree OWNER TO "Odd Role";

-- Several classes in one family, one of them in another schema, an empty one, one of a built-in family.
CREATE OPERATOR FAMILY "Odd ""schema"""."Family" USING btree;
CREATE OPERATOR CLASS "select" FOR TYPE int USING btree FAMILY "Odd ""schema"""."Family" AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE OPERATOR CLASS "Odd ""schema""".long FOR TYPE bigint USING btree FAMILY "Odd ""schema"""."Family" AS
    OPERATOR 1 <(bigint, bigint), OPERATOR 1 <(int, bigint), FUNCTION 1 btint8cmp(bigint, bigint),
    FUNCTION 1 (int, bigint) btint48cmp(int, bigint);
CREATE OPERATOR CLASS nothing FOR TYPE mood USING btree AS STORAGE mood;
CREATE OPERATOR CLASS like_text FOR TYPE text USING btree FAMILY text_pattern_ops AS STORAGE text;
ALTER OPERATOR FAMILY "Odd ""schema"""."Family" USING btree ADD
    OPERATOR 1 <(bigint, int), FUNCTION 1 btint84cmp(bigint, int), FUNCTION 2 (int, bigint) zz_sort(internal);

-- Storage, ordering operators, options.
CREATE OPERATOR CLASS array_like DEFAULT FOR TYPE mood[] USING gin AS
    OPERATOR 1 &&(anyarray, anyarray), OPERATOR 2 @>(anyarray, anyarray), FUNCTION 1 enum_cmp(anyenum, anyenum),
    FUNCTION 2 ginarrayextract(anyarray, internal, internal),
    FUNCTION 3 ginqueryarrayextract(anyarray, internal, int2, internal, internal, internal, internal),
    FUNCTION 4 ginarrayconsistent(internal, int2, anyarray, int4, internal, internal, internal, internal),
    FUNCTION 6 ginarraytriconsistent(internal, int2, anyarray, int4, internal, internal, internal),
    STORAGE mood;
CREATE OPERATOR CLASS near DEFAULT FOR TYPE pair USING gist AS
    OPERATOR 1 ===, OPERATOR 15 <-> FOR ORDER BY float_ops,
    FUNCTION 1 gist_point_consistent(internal, point, int2, oid, internal),
    FUNCTION 2 gist_box_union(internal, internal), FUNCTION 3 gist_point_compress(internal),
    FUNCTION 5 gist_box_penalty(internal, internal, internal), FUNCTION 6 gist_box_picksplit(internal, internal),
    FUNCTION 7 gist_box_same(box, box, internal),
    FUNCTION 8 (pair, pair) gist_point_distance(internal, point, int2, oid, internal),
    FUNCTION 10 (pair, pair) zz_options(internal), --13+
    STORAGE box;
CREATE OPERATOR CLASS radix FOR TYPE text USING spgist AS
    OPERATOR 1 ~<~, OPERATOR 11 <, FUNCTION 1 spg_text_config(internal, internal),
    FUNCTION 2 spg_text_choose(internal, internal),
    FUNCTION 3 spg_text_picksplit(internal, internal), FUNCTION 4 spg_text_inner_consistent(internal, internal),
    FUNCTION 5 spg_text_leaf_consistent(internal, internal);
CREATE OPERATOR CLASS summary FOR TYPE "Odd ""schema"""."Number" USING brin AS
    OPERATOR 1 <(int, int), FUNCTION 1 brin_minmax_opcinfo(internal),
    FUNCTION 2 brin_minmax_add_value(internal, internal, internal, internal),
    FUNCTION 3 brin_minmax_consistent(internal, internal, internal),
    FUNCTION 4 brin_minmax_union(internal, internal, internal),
    STORAGE bigint;

-- What needs them.
CREATE TABLE pairs (p pair, m mood[], t text);
CREATE INDEX pairs_p ON pairs (p);
CREATE INDEX pairs_m ON pairs USING gin (m);
CREATE INDEX pairs_t ON pairs (t like_text);
CREATE VIEW sorted AS SELECT p FROM pairs ORDER BY p USING OPERATOR("Odd ""schema""".<<<);
