CREATE SCHEMA s;
CREATE TYPE plain AS (a integer, b text);
CREATE TYPE s."No ""attributes" AS ();
CREATE COLLATION s."Odd ""one" FROM "POSIX";
CREATE TYPE "select" AS (
    "Upper ""case" numeric(7, 2), "select" varchar(3)[] COLLATE "C", "order" char(5), "a b" text COLLATE s."Odd ""one",
    "bit" bit(3), c "char", t timestamp(3) with time zone, i interval day to second(2), p plain, n bpchar, v varbit);
ALTER TYPE "select" OWNER TO alice;
CREATE TYPE s.with_dropped AS (a integer, gone text COLLATE "C", b integer[], also_gone plain, c plain[]);
ALTER TYPE s.with_dropped DROP ATTRIBUTE gone;
ALTER TYPE s.with_dropped DROP ATTRIBUTE also_gone;
ALTER TYPE s.with_dropped ADD ATTRIBUTE gone date;
ALTER TYPE s.with_dropped RENAME ATTRIBUTE c TO "C";
ALTER TYPE s.with_dropped OWNER TO "Odd Role";
CREATE TYPE s.all_dropped AS (a integer);
ALTER TYPE s.all_dropped DROP ATTRIBUTE a;
-- Attributes of all sorts of types, and tables between types.
CREATE TYPE enum AS ENUM ('x');
CREATE DOMAIN collated AS text COLLATE "C";
CREATE TYPE mixed AS (a enum, b collated, c collated COLLATE "default", d collated COLLATE "POSIX", e numrange);
CREATE TABLE t (m mixed[]);
CREATE TYPE of_table AS (r t, rs t[]);
CREATE TABLE typed OF plain;
