CREATE SCHEMA s;
CREATE TYPE plain AS RANGE (SUBTYPE = float8);
CREATE FUNCTION s."Sub ""diff"(time, time) RETURNS float8
LANGUAGE sql IMMUTABLE AS 'SELECT EXTRACT(epoch FROM ($1 - $2))::float8';
CREATE TYPE s."All ""options""";
CREATE FUNCTION s.canonical(s."All ""options""") RETURNS s."All ""options"""
LANGUAGE internal IMMUTABLE STRICT AS 'daterange_canonical';
CREATE TYPE s."All ""options""" AS RANGE (
    SUBTYPE = time, SUBTYPE_OPCLASS = pg_catalog.time_ops, CANONICAL = s.canonical,
    MULTIRANGE_TYPE_NAME = public."Many, many", --14+
    SUBTYPE_DIFF = s."Sub ""diff");
ALTER TYPE s."All ""options""" OWNER TO "Odd Role";
CREATE TYPE "select" AS RANGE (SUBTYPE = text, SUBTYPE_OPCLASS = text_pattern_ops, COLLATION = "C");
ALTER TYPE "select" OWNER TO alice;
CREATE COLLATION s."Odd ""one" FROM "POSIX";
CREATE TYPE collated AS RANGE (SUBTYPE = varchar, COLLATION = s."Odd ""one");
CREATE DOMAIN digits AS numeric(5, 2);
CREATE FUNCTION apart(digits, digits) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT ($1 - $2)::float8';
CREATE TYPE of_domain AS RANGE (SUBTYPE = digits, SUBTYPE_DIFF = apart);
CREATE TYPE of_enum_inner AS ENUM ('a', 'b');
CREATE TYPE of_enum AS RANGE (SUBTYPE = of_enum_inner);
CREATE TYPE of_range AS RANGE (SUBTYPE = of_enum);
CREATE TYPE of_padded AS RANGE (SUBTYPE = bpchar);
CREATE TABLE t (a plain, b s."All ""options""", c plain[], d of_range DEFAULT 'empty');
CREATE TABLE many (a plain_multirange DEFAULT '{}', b public."Many, many"[]); --14+
CREATE TYPE s.renamed AS RANGE (SUBTYPE = interval, MULTIRANGE_TYPE_NAME = s.renamed_later); --14+
ALTER TYPE s.renamed_later RENAME TO renamed_now; --14+
-- An operator class and a function of one's own for a subtype of one's own.
CREATE TYPE s.pair AS (a integer, b integer);
CREATE FUNCTION s.compare(s.pair, s.pair) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT btrecordcmp($1, $2)';
CREATE OPERATOR CLASS s."Odd ""ops" FOR TYPE s.pair USING btree AS
    OPERATOR 1 < (record, record), OPERATOR 2 <= (record, record), OPERATOR 3 = (record, record),
    OPERATOR 4 >= (record, record), OPERATOR 5 > (record, record), FUNCTION 1 s.compare(s.pair, s.pair);
CREATE TYPE s.of_pair AS RANGE (SUBTYPE = s.pair, SUBTYPE_OPCLASS = s."Odd ""ops");
-- Constructors keep their names and their schema.
CREATE TYPE moved AS RANGE (SUBTYPE = float4);
ALTER TYPE moved RENAME TO moving;
ALTER TYPE moving SET SCHEMA s;
GRANT EXECUTE ON FUNCTION moved(real, real) TO alice;
COMMENT ON FUNCTION moved(real, real, text) IS 'made with the type';
CREATE VIEW constructed AS SELECT moved(1, 2) AS a, moved(1, 2, '[]') AS b, s."Many, many"(s."All ""options"""('1:00', '2:00')) AS c; --14+
--<14 CREATE VIEW constructed AS SELECT moved(1, 2) AS a, moved(1, 2, '[]') AS b;
CREATE VIEW renamed_now AS SELECT s.renamed_later(s.renamed('1 h', '2 h')) AS a, moved_multirange() AS b; --14+
