CREATE TABLE serials (a smallserial, "Odd % ""column""" serial, c bigserial PRIMARY KEY, "select" integer);
CREATE SEQUENCE "Odd % ""sequence""" OWNED BY serials."Odd % ""column""";
CREATE SEQUENCE unused OWNED BY serials."select";
CREATE UNLOGGED TABLE unlogged (a serial);
ALTER SEQUENCE unlogged_a_seq SET LOGGED; --15+
CREATE UNLOGGED SEQUENCE unlogged_one OWNED BY serials.a; --15+
CREATE SEQUENCE nobodys OWNED BY serials.a;
ALTER SEQUENCE nobodys OWNED BY NONE;

-- The owner of the table is the sequence's.
CREATE SCHEMA "Odd schema";
CREATE TABLE "Odd schema"."Odd table" (a serial, b integer);
ALTER TABLE "Odd schema"."Odd table" OWNER TO "Odd Role";
ALTER TABLE "Odd schema"."Odd table" ALTER b SET DEFAULT nextval('serials_c_seq');

-- Owned by a table other than the one that uses it; partitions and children share their parent's.
CREATE TABLE "user" (a integer DEFAULT nextval('unused'));
CREATE TABLE partitioned (a serial, b integer) PARTITION BY LIST (b);
CREATE TABLE a_partition PARTITION OF partitioned DEFAULT;
CREATE TABLE child () INHERITS (serials);
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE foreign_table (a serial) SERVER nowhere;
-- A sequence that a table owns by one column and another identity column's own sequence.
CREATE TABLE both_sorts (a serial, b integer GENERATED ALWAYS AS IDENTITY);
