-- Before 14, a type of variable length with ELEMENT passes for an array type: format_type() misnames it.
CREATE SCHEMA s;
CREATE TYPE plain;
CREATE FUNCTION plain_in(cstring) RETURNS plain LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION plain_out(plain) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE plain (INPUT = plain_in, OUTPUT = plain_out, INTERNALLENGTH = 4, PASSEDBYVALUE);
CREATE TABLE t (a plain, b plain[]);
CREATE DOMAIN more AS plain;

CREATE TYPE s."All ""options""";
CREATE FUNCTION s."In ""put"(cstring, oid, integer) RETURNS s."All ""options"""
LANGUAGE internal IMMUTABLE STRICT AS 'varcharin';
CREATE FUNCTION s.output(s."All ""options""") RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'varcharout';
CREATE FUNCTION s.receive(internal, oid, integer) RETURNS s."All ""options"""
LANGUAGE internal IMMUTABLE STRICT AS 'varcharrecv';
CREATE FUNCTION s.send(s."All ""options""") RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'varcharsend';
CREATE FUNCTION s.typmod_in(cstring[]) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'varchartypmodin';
CREATE FUNCTION s.typmod_out(integer) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'varchartypmodout';
CREATE FUNCTION s.analyze(internal) RETURNS boolean LANGUAGE internal STRICT AS 'array_typanalyze';
CREATE FUNCTION s.subscript(internal) RETURNS internal --14+
LANGUAGE internal IMMUTABLE STRICT AS 'array_subscript_handler'; --14+
CREATE TYPE s."All ""options""" (
    INPUT = s."In ""put", OUTPUT = s.output, RECEIVE = s.receive, SEND = s.send, TYPMOD_IN = s.typmod_in,
    TYPMOD_OUT = s.typmod_out, ANALYZE = s.analyze, INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended,
    SUBSCRIPT = s.subscript, --14+
    ELEMENT = public.plain, --14+
    CATEGORY = 's', PREFERRED = true, DEFAULT = 'it''s a \ default', DELIMITER = ';', COLLATABLE = true);
ALTER TYPE s."All ""options""" OWNER TO "Odd Role";
CREATE TABLE s.t (a s."All ""options"""(7) DEFAULT '1', b s."All ""options"""[] COLLATE "C");
-- What inherits a base type's default has it as a string.
CREATE DOMAIN s.inherits AS s."All ""options"""(3);
CREATE DOMAIN s.without_default AS s."All ""options""" DEFAULT NULL;

-- Other lengths, alignments and storages.
CREATE TYPE fixed;
CREATE FUNCTION fixed_in(cstring) RETURNS fixed LANGUAGE internal IMMUTABLE STRICT AS 'point_in';
CREATE FUNCTION fixed_out(fixed) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'point_out';
CREATE TYPE fixed (INPUT = fixed_in, OUTPUT = fixed_out, LIKE = point, ELEMENT = float8, CATEGORY = 'A');
CREATE TYPE "select";
CREATE FUNCTION "select"(cstring) RETURNS "select" LANGUAGE internal IMMUTABLE STRICT AS 'cstring_in';
CREATE FUNCTION "select"("select") RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'cstring_out';
CREATE TYPE "select" (INPUT = "select", OUTPUT = "select", INTERNALLENGTH = -2, ALIGNMENT = char);
CREATE TYPE short;
CREATE FUNCTION short_in(cstring) RETURNS short LANGUAGE internal IMMUTABLE STRICT AS 'int2in';
CREATE FUNCTION short_out(short) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int2out';
CREATE TYPE short (INPUT = short_in, OUTPUT = short_out, INTERNALLENGTH = 2, ALIGNMENT = int2, PASSEDBYVALUE);
ALTER TYPE short OWNER TO alice;
CREATE TYPE external;
CREATE FUNCTION external_in(cstring) RETURNS external LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION external_out(external) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
CREATE TYPE external (INPUT = external_in, OUTPUT = external_out, STORAGE = external);
CREATE TYPE main;
CREATE FUNCTION main_in(cstring) RETURNS main LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION main_out(main) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
CREATE TYPE main (INPUT = main_in, OUTPUT = main_out, STORAGE = main, ALIGNMENT = double);

-- Shells that were never filled in.
CREATE TYPE s."Only a shell";
ALTER TYPE s."Only a shell" OWNER TO alice;
CREATE TYPE promised;
CREATE FUNCTION takes(promised) RETURNS void LANGUAGE internal AS 'int4out';
