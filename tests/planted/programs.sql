-- Views, functions, types, and what else a database has. How to read it: see relations.sql.

-- view
CREATE TABLE xN (a int, b int, c int, d text); CREATE TABLE xN_2 (a int, b int, c varchar(9));
CREATE VIEW xN_v {~ WITH (security_barrier) ~ WITH (security_barrier = false) ~ 15:WITH (security_invoker) ~ WITH (check_option = local) ~ WITH (check_option = cascaded)} AS SELECT {a ~ b ~ a + b ~ -a ~ a - b} AS x, d {~ COLLATE "C" ~ COLLATE "POSIX"} AS d, c AS c
  FROM {xN ~ ONLY xN} WHERE {a > 0 AND (b > 0 OR c > 0) ~ (a > 0 AND b > 0) OR c > 0 ~ a > 0 OR (b > 0 AND c > 0) ~ NOT (a > 0 OR b > 0) ~ NOT a > 0 OR b > 0} AND {a IN (1, 2) ~ a IN (1, 3) ~ a NOT IN (1, 2)} AND d {= 'x' ~ = 'X' ~ = 'x ' ~ <> 'x' ~ OPERATOR(pg_catalog.~) 'x' ~ LIKE 'x' ~ IS NULL ~ IS NOT NULL}

-- view
CREATE TABLE xN (a int, b int, c varchar(9), d numeric, e timestamp);
CREATE VIEW xN_v AS SELECT a{::bigint ~ ::numeric ~ ::text ~ ::numeric(9,2) ~ ::numeric(9,3)} AS a, {a - (b - 1) ~ a - b - 1} AS b, {c::text ~ c::varchar(3) ~ c::char(3) ~ c::varchar(4) ~ c::name} AS c
  , {a / b ~ a::numeric / b ~ (a / b)::numeric} AS d, {CASE WHEN a > 0 THEN b ELSE 0 END ~ CASE WHEN a > 0 THEN b ELSE 1 END ~ CASE WHEN a > 0 THEN b END ~ CASE a WHEN 0 THEN b END} AS e
  , {coalesce(a, b) ~ coalesce(b, a) ~ nullif(a, b) ~ greatest(a, b) ~ least(a, b)} AS f, e AT TIME ZONE {'UTC' ~ 'utc' ~ 'CET'} AS g, {c || 'a' ~ 'a' || c ~ c || 'A'} AS h, {a = ANY (ARRAY[1, 2]) ~ a = ALL (ARRAY[1, 2]) ~ a <> ALL (ARRAY[1, 2])} AS i FROM xN

-- view
CREATE TABLE xN (a int, b int); CREATE TABLE xN_2 (a int, b int); CREATE TABLE xN_3 (a int, b int);
CREATE VIEW xN_v AS {~ WITH w AS (SELECT 1) ~ WITH w AS MATERIALIZED (SELECT 1)} SELECT {~ DISTINCT ~ DISTINCT ON (x.a)} x.a, {y.b ~ x.b} AS b FROM xN x {JOIN ~ LEFT JOIN ~ RIGHT JOIN ~ FULL JOIN} xN_2 y ON {x.a = y.a ~ x.a = y.b ~ x.b = y.a} ORDER BY x.a {~ DESC ~ NULLS FIRST}, 2 {~ LIMIT 5 ~ LIMIT 6 ~ OFFSET 5}

-- view
CREATE TABLE xN (a int); CREATE VIEW xN_v AS SELECT a FROM xN {~ FOR UPDATE ~ FOR SHARE ~ FOR NO KEY UPDATE ~ FOR UPDATE SKIP LOCKED ~ FOR UPDATE NOWAIT}

-- view
CREATE TABLE xN (a int, b int);
CREATE VIEW xN_v AS SELECT a FROM xN {UNION ~ UNION ALL ~ EXCEPT ~ INTERSECT} SELECT b FROM xN;
CREATE VIEW xN_w AS {(SELECT a FROM xN EXCEPT SELECT 1) EXCEPT SELECT 2 ~ SELECT a FROM xN EXCEPT (SELECT 1 EXCEPT SELECT 2)};
CREATE VIEW xN_g AS SELECT {count(*) ~ count(a) ~ sum(a) ~ sum(a) FILTER (WHERE b > 0) ~ sum(a) FILTER (WHERE b > 1) ~ sum(DISTINCT a) ~ min(b)} AS x FROM xN GROUP BY {a ~ b ~ a, b ~ ROLLUP (a, b) ~ CUBE (a, b) ~ GROUPING SETS ((a), (b))} HAVING count(*) > {1 ~ 2};
CREATE VIEW xN_o AS SELECT {rank() ~ dense_rank()} OVER (PARTITION BY {a ~ b} ORDER BY {a ~ b ~ a DESC} {~ ROWS UNBOUNDED PRECEDING ~ ROWS 1 PRECEDING ~ ROWS 2 PRECEDING ~ RANGE UNBOUNDED PRECEDING EXCLUDE TIES}) AS x FROM xN;
CREATE VIEW xN_s AS SELECT a, {(SELECT max(b) FROM xN) ~ (SELECT min(b) FROM xN)} AS m FROM xN x WHERE {EXISTS (SELECT 1 FROM xN y WHERE y.a = x.b) ~ EXISTS (SELECT 1 FROM xN y WHERE y.a = x.a) ~ NOT EXISTS (SELECT 1 FROM xN y WHERE y.a = x.b) ~ a IN (SELECT b FROM xN) ~ a NOT IN (SELECT b FROM xN)}

-- view
CREATE VIEW xN (a, {b ~ c ~ "B"}) AS SELECT 1, {'a'::text ~ 'a'::varchar(4) ~ 'A'::text ~ ''::text ~ NULL::text ~ 'a)'::text ~ '(a'::text};
CREATE RECURSIVE VIEW xN_r (n) AS VALUES ({1 ~ 2}) UNION {ALL ~} SELECT n + {1 ~ 2} FROM xN_r WHERE n < {10 ~ 100}

-- view
CREATE VIEW xN AS SELECT 1 AS a, 2 AS b; ALTER VIEW xN ALTER a SET DEFAULT {1 ~ 2 ~ NULL::int}

-- matview
{~ CREATE MATERIALIZED VIEW xN AS SELECT 1 AS a ~ CREATE MATERIALIZED VIEW xN AS SELECT 2 AS a ~ CREATE MATERIALIZED VIEW xN AS SELECT 1 AS b ~ CREATE MATERIALIZED VIEW xN WITH (fillfactor = 50) AS SELECT 1 AS a}

-- function
CREATE FUNCTION xN(a int {~ DEFAULT 1 ~ DEFAULT 2 ~ DEFAULT (1 + 2) * 3 ~ DEFAULT 1 + 2 * 3}) RETURNS {int ~ bigint ~ text ~ SETOF int ~ "char"} LANGUAGE {plpgsql ~ sql} {VOLATILE ~ STABLE ~ IMMUTABLE} {~ STRICT} {~ SECURITY DEFINER} {~ LEAKPROOF} PARALLEL {UNSAFE ~ SAFE ~ RESTRICTED}
  COST {7 ~ 8 ~ 7.5} {~ SET search_path = pg_catalog ~ SET search_path = pg_catalog, pg_temp ~ SET search_path = '' ~ SET work_mem = '1MB' ~ SET work_mem = '2MB' SET search_path = pg_catalog} AS $_${SELECT 1 ~ SELECT 2 ~ SELECT  1 ~ select 1 ~ SELECT 1; ~ SELECT (1) ~ SELECT 1 -- }$_$

-- function
CREATE FUNCTION xN({a int, b int ~ b int, a int ~ a int, c int ~ a int, VARIADIC b int[] ~ a int, b int DEFAULT 1}) RETURNS int LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION xN_o({a int, OUT b int ~ INOUT a int, b int ~ a int, INOUT b int ~ OUT a int, b int ~ a int, OUT c int}) LANGUAGE plpgsql AS 'BEGIN END'

-- function
CREATE FUNCTION xN() RETURNS SETOF int LANGUAGE sql ROWS {10 ~ 11} AS 'SELECT 1'; CREATE FUNCTION xN_w() RETURNS int LANGUAGE internal {~ WINDOW} AS {'int4um' ~ 'int4up'};
CREATE FUNCTION xN_t() RETURNS TABLE ({a int ~ a bigint ~ b int ~ a int, b int}) LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION xN_b() RETURNS int LANGUAGE sql {BEGIN ATOMIC SELECT 1 AS a; END ~ RETURN 1 ~ RETURN 2 ~ BEGIN ATOMIC SELECT 1 AS b; END ~ BEGIN ATOMIC SELECT 1 AS a; SELECT 1 AS a; END}; --14+
CREATE FUNCTION xN_c() RETURNS int LANGUAGE sql AS '';

-- function
CREATE FUNCTION xN_s(internal) RETURNS internal LANGUAGE internal STRICT AS 'generate_series_int8_support'; CREATE FUNCTION xN() RETURNS int LANGUAGE sql {~ SUPPORT xN_s} AS 'SELECT 1'

-- function
CREATE PROCEDURE xN({a int ~ b int ~ a bigint ~ INOUT a int ~ a int DEFAULT 1}) LANGUAGE plpgsql {~ SECURITY DEFINER ~ SET work_mem = '3MB'} AS {'BEGIN END' ~ 'BEGIN NULL; END' ~ 'BEGIN COMMIT; END'}

-- aggregate
CREATE AGGREGATE xN({int ~ a int ~ b int}) (SFUNC = {int4pl ~ int4mi ~ int4mul}, STYPE = int {~ , INITCOND = '0' ~ , INITCOND = '1'} {~ , COMBINEFUNC = int4pl} {~ , PARALLEL = safe ~ , PARALLEL = restricted} {~ , SSPACE = 9} {~ , MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = int} {~ , FINALFUNC = int4um ~ , FINALFUNC = int4abs ~ , FINALFUNC = int4um, FINALFUNC_MODIFY = shareable});
CREATE AGGREGATE xN_s(int) (SFUNC = int4larger, STYPE = int {~ , SORTOP = > ~ , SORTOP = >=})

-- enum_type
CREATE TYPE xN AS ENUM ({'a', 'b' ~ 'b', 'a' ~ 'a', 'B' ~ 'a', 'b', 'c' ~ 'a', 'b ' ~ 'a', 'c', 'b' ~ 'a'})

-- enum_type
CREATE TYPE xN AS ENUM ('a', 'b'); {~ ALTER TYPE xN ADD VALUE 'c' ~ ALTER TYPE xN ADD VALUE 'c' BEFORE 'b' ~ ALTER TYPE xN ADD VALUE 'c' BEFORE 'a' ~ ALTER TYPE xN RENAME VALUE 'a' TO 'A'}

-- composite_type
CREATE TYPE xN AS ({a int, b int ~ b int, a int ~ a int, b bigint ~ a int ~ a int, c int ~ a int, b int, c int ~ a int, b numeric(9,2) ~ a int, b numeric(9,3) ~ a int, b text ~ a int, b text COLLATE "C"})

-- domain
CREATE DOMAIN xN AS {int ~ bigint ~ smallint} {~ DEFAULT 1 ~ DEFAULT 2} {~ NOT NULL} {~ CHECK (VALUE > 0) ~ CHECK (VALUE >= 0) ~ CHECK (VALUE > 0 AND (VALUE < 9 OR VALUE = 99)) ~ CHECK ((VALUE > 0 AND VALUE < 9) OR VALUE = 99)};
CREATE DOMAIN xN_t AS {text ~ varchar(9) ~ char(9)} {~ COLLATE "C" ~ COLLATE "POSIX"} {~ CONSTRAINT xN_c CHECK (VALUE <> '') ~ CONSTRAINT xN_d CHECK (VALUE <> '') ~ CONSTRAINT xN_c CHECK (VALUE <> ' ')};
CREATE DOMAIN xN_a AS {int[] ~ text[] ~ numeric(9,2)[] ~ numeric(9,3)[]} {~ CHECK (cardinality(VALUE) > 0) ~ CHECK (cardinality(VALUE) > 1)}

-- domain, not_valid_check
CREATE DOMAIN xN AS int; ALTER DOMAIN xN ADD CONSTRAINT xN_c CHECK (VALUE > 0) {NOT VALID ~}

-- range_type
CREATE FUNCTION xN_d(float8, float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1::float8';
CREATE TYPE xN AS RANGE (SUBTYPE = {float8 ~ numeric ~ float4}); CREATE TYPE xN_f AS RANGE (SUBTYPE = float8 {~ , SUBTYPE_DIFF = float8mi ~ , SUBTYPE_DIFF = xN_d} {~ 14:, MULTIRANGE_TYPE_NAME = xN_own ~ 14:, MULTIRANGE_TYPE_NAME = xN_other});
CREATE TYPE xN_t AS RANGE (SUBTYPE = text {~ , COLLATION = "C" ~ , COLLATION = "POSIX"} {~ , SUBTYPE_OPCLASS = text_pattern_ops})

-- base_type
CREATE TYPE xN; CREATE FUNCTION xN_in(cstring) RETURNS xN LANGUAGE internal IMMUTABLE STRICT AS 'int4in'; CREATE FUNCTION xN_out(xN) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE xN (INPUT = xN_in, OUTPUT = xN_out, {INTERNALLENGTH = 4 ~ INTERNALLENGTH = 4, PASSEDBYVALUE} {~ , CATEGORY = 'N' ~ , CATEGORY = 'X'} {~ , DEFAULT = '0' ~ , DEFAULT = '1'} {~ , DELIMITER = ';'} {~ , PREFERRED = true})

-- base_type
{~ CREATE TYPE xN}

-- cast
CREATE TYPE xN AS (a int); CREATE TYPE xN_2 AS (a int); CREATE FUNCTION xN(xN) RETURNS xN_2 LANGUAGE sql AS 'SELECT ROW(1)::xN_2'; CREATE FUNCTION xN_f(xN) RETURNS xN_2 LANGUAGE sql AS 'SELECT ROW(2)::xN_2';
CREATE CAST (xN AS xN_2) WITH {FUNCTION xN(xN) ~ FUNCTION xN_f(xN) ~ INOUT} {~ AS ASSIGNMENT ~ AS IMPLICIT}; {~ CREATE CAST (xN AS text) WITH INOUT ~ CREATE CAST (text AS xN) WITH INOUT}

-- operator
CREATE TYPE xN AS (a int); CREATE FUNCTION xN(xN, xN) RETURNS bool LANGUAGE sql AS 'SELECT true'; CREATE FUNCTION xN_f(xN, xN) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR === (LEFTARG = xN, RIGHTARG = xN, FUNCTION = {xN ~ xN_f} {~ , COMMUTATOR = ===} {~ , RESTRICT = eqsel ~ , RESTRICT = neqsel} {~ , JOIN = eqjoinsel ~ , JOIN = neqjoinsel} {~ , HASHES} {~ , MERGES}); {~ CREATE OPERATOR !=== (LEFTARG = xN, RIGHTARG = xN, FUNCTION = xN)}

-- operator_class, operator_family
CREATE TYPE xN AS ENUM ('a'); CREATE FUNCTION xN(xN, xN) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0'; CREATE FUNCTION xN_f(xN, xN) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0'; CREATE OPERATOR FAMILY xN_fam USING btree;
CREATE OPERATOR CLASS xN_c {~ DEFAULT} FOR TYPE xN USING btree FAMILY xN_fam AS OPERATOR 1 < (anyenum, anyenum), FUNCTION 1 {xN ~ xN_f}(xN, xN) {~ , OPERATOR 3 = (anyenum, anyenum)}

-- operator_family
CREATE OPERATOR FAMILY xN USING btree; {~ ALTER OPERATOR FAMILY xN USING btree ADD OPERATOR 1 < (int4, int8) ~ ALTER OPERATOR FAMILY xN USING btree ADD OPERATOR 2 <= (int4, int8) ~ ALTER OPERATOR FAMILY xN USING btree OWNER TO alice ~ ALTER OPERATOR FAMILY xN USING btree ADD FUNCTION 1 btint48cmp(int4, int8)}

-- operator_family: plain
{~ CREATE OPERATOR FAMILY xN USING hash ~ CREATE OPERATOR FAMILY xN USING btree ~ CREATE OPERATOR FAMILY "xN_Odd" USING gin}

-- access_method
{CREATE ACCESS METHOD xN TYPE INDEX HANDLER bthandler ~ CREATE ACCESS METHOD xN TYPE INDEX HANDLER hashhandler ~ CREATE ACCESS METHOD xN TYPE TABLE HANDLER heap_tableam_handler ~}

-- collation
CREATE COLLATION xN (LC_COLLATE = {'C' ~ 'POSIX'}, LC_CTYPE = {'C' ~ 'POSIX'}); {~ CREATE COLLATION xN_2 (LOCALE = 'C')}

-- conversion
CREATE SCHEMA xN; CREATE {~ DEFAULT} CONVERSION xN.xN FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8; {~ CREATE CONVERSION xN_2 FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8 ~ CREATE CONVERSION xN_2 FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1}

-- language: undumped
CREATE LANGUAGE xN HANDLER plpgsql_call_handler {~ INLINE plpgsql_inline_handler ~ INLINE plpgsql_inline_handler VALIDATOR plpgsql_validator}; {~ CREATE TRUSTED LANGUAGE xN_2 HANDLER plpgsql_call_handler ~ CREATE LANGUAGE xN_2 HANDLER plpgsql_call_handler}

-- transform
CREATE TYPE xN AS (a int); {~ CREATE TRANSFORM FOR xN LANGUAGE plpgsql (FROM SQL WITH FUNCTION prsd_lextype(internal)) ~ CREATE TRANSFORM FOR xN LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))}

-- text_search_configuration
CREATE TEXT SEARCH CONFIGURATION xN (COPY = {simple ~ english ~ german}); ALTER TEXT SEARCH CONFIGURATION xN {DROP MAPPING FOR url ~ DROP MAPPING FOR host ~ ALTER MAPPING FOR url WITH english_stem, simple ~ ALTER MAPPING FOR url WITH french_stem ~ ALTER MAPPING FOR url WITH french_stem, english_stem}; {~ CREATE TEXT SEARCH CONFIGURATION xN_2 (COPY = simple)}

-- text_search_dictionary
CREATE TEXT SEARCH DICTIONARY xN (TEMPLATE = snowball, LANGUAGE = {english ~ german} {~ , STOPWORDS = english ~ , STOPWORDS = german}); {~ CREATE TEXT SEARCH DICTIONARY xN_2 (TEMPLATE = simple) ~ CREATE TEXT SEARCH DICTIONARY xN_2 (TEMPLATE = simple, ACCEPT = false)}

-- text_search_parser
CREATE TEXT SEARCH PARSER xN (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype {~ , HEADLINE = prsd_headline}); {~ CREATE TEXT SEARCH PARSER xN_2 (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)}

-- text_search_template
CREATE TEXT SEARCH TEMPLATE xN ({~ INIT = dsimple_init, ~ INIT = dsynonym_init,} LEXIZE = {dsimple_lexize ~ dsynonym_lexize}); {~ CREATE TEXT SEARCH TEMPLATE xN_2 (LEXIZE = dsimple_lexize)}
