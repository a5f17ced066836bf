-- requires: pg_buffercache, postgres_fdw, seg
-- Every type of object that has privileges: grant options, grants by others, the owner's own, PUBLIC's; built-in ones.
CREATE SCHEMA acl;
CREATE SCHEMA "Odd acl ""schema""" AUTHORIZATION alice;
GRANT USAGE ON SCHEMA acl TO PUBLIC;
GRANT CREATE ON SCHEMA acl TO alice WITH GRANT OPTION;
GRANT ALL ON SCHEMA "Odd acl ""schema""" TO bob, "Odd Role";
REVOKE CREATE ON SCHEMA "Odd acl ""schema""" FROM alice;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO bob;
GRANT USAGE ON SCHEMA public TO PUBLIC;

CREATE TABLE acl.plain (a integer, b integer, "select" integer, "Odd ""column" integer);
ALTER TABLE acl.plain OWNER TO alice;
GRANT SELECT, INSERT ON acl.plain TO bob WITH GRANT OPTION;
GRANT UPDATE ON acl.plain TO bob;
SET SESSION AUTHORIZATION bob;
GRANT SELECT ON acl.plain TO carol WITH GRANT OPTION;
SET SESSION AUTHORIZATION carol;
GRANT SELECT ON acl.plain TO "Odd Role";
RESET SESSION AUTHORIZATION;
GRANT ALL ON acl.plain TO "Odd Role";
GRANT SELECT (a), UPDATE (a, b) ON acl.plain TO carol;
GRANT ALL ("Odd ""column") ON acl.plain TO carol WITH GRANT OPTION;
GRANT REFERENCES ("select") ON acl.plain TO PUBLIC;
GRANT SELECT (ctid) ON acl.plain TO PUBLIC;
SET SESSION AUTHORIZATION carol;
GRANT UPDATE ("Odd ""column") ON acl.plain TO bob;
RESET SESSION AUTHORIZATION;
CREATE TABLE acl."own REVOKED" (a integer);
ALTER TABLE acl."own REVOKED" OWNER TO alice;
REVOKE ALL ON acl."own REVOKED" FROM alice;
CREATE TABLE acl.read_only (a integer);
ALTER TABLE acl.read_only OWNER TO alice;
GRANT TRUNCATE, TRIGGER ON acl.read_only TO PUBLIC;
REVOKE ALL ON acl.read_only FROM alice;
GRANT SELECT ON acl.read_only TO alice WITH GRANT OPTION;
CREATE TABLE acl.granted_and_revoked (a integer);
GRANT SELECT ON acl.granted_and_revoked TO bob;
REVOKE SELECT ON acl.granted_and_revoked FROM bob;
CREATE TABLE acl.only_columns (a integer, b integer);
GRANT SELECT (b) ON acl.only_columns TO bob;
CREATE TABLE acl.maintained (a integer); --17+
GRANT MAINTAIN ON acl.maintained TO bob; --17+
REVOKE MAINTAIN ON acl.maintained FROM postgres; --17+
CREATE TABLE acl.parent (a integer, b integer) PARTITION BY LIST (a);
CREATE TABLE acl.child PARTITION OF acl.parent FOR VALUES IN (1);
GRANT INSERT ON acl.parent TO bob;
GRANT DELETE, SELECT (b) ON acl.child TO bob;
CREATE VIEW acl.view AS SELECT a, b FROM acl.plain;
GRANT SELECT ON acl.view TO PUBLIC;
GRANT UPDATE (b) ON acl.view TO "Odd Role";
CREATE MATERIALIZED VIEW acl.matview AS SELECT 1 AS a;
GRANT SELECT ON acl.matview TO PUBLIC;
CREATE SEQUENCE acl.sequence;
ALTER SEQUENCE acl.sequence OWNER TO "Odd Role";
GRANT ALL ON SEQUENCE acl.sequence TO bob;
GRANT USAGE, SELECT ON SEQUENCE acl.sequence TO carol WITH GRANT OPTION;
CREATE TABLE acl.with_serial (a serial, b integer GENERATED ALWAYS AS IDENTITY);
GRANT USAGE ON SEQUENCE acl.with_serial_a_seq TO bob;
GRANT SELECT ON SEQUENCE acl.with_serial_b_seq TO bob;

CREATE FUNCTION acl."do"(integer, VARIADIC text[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON FUNCTION acl."do" FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acl."do" TO bob WITH GRANT OPTION;
CREATE FUNCTION acl.nothing() RETURNS integer LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON FUNCTION acl.nothing FROM PUBLIC, postgres;
CREATE PROCEDURE acl.procedure(INOUT a integer) LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON PROCEDURE acl.procedure FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE acl.procedure TO bob;
CREATE PROCEDURE acl.procedure_out(integer, OUT a integer) LANGUAGE sql AS 'SELECT 1'; --14+
GRANT EXECUTE ON PROCEDURE acl.procedure_out TO bob; --14+
CREATE PROCEDURE acl.procedure_out(integer, integer) LANGUAGE sql AS 'SELECT 1'; --14+
CREATE AGGREGATE acl.sum(integer) (SFUNC = int4pl, STYPE = integer);
CREATE AGGREGATE acl.count(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE acl.percentile(double precision ORDER BY double precision) (SFUNC = ordered_set_transition
    , STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA = true);
REVOKE ALL ON FUNCTION acl.sum(integer), acl.count() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acl.sum, acl.count, acl.percentile TO bob;
CREATE TYPE acl.enum AS ENUM ('a');
REVOKE ALL ON TYPE acl.enum FROM PUBLIC;
CREATE TYPE acl.composite AS (a integer);
GRANT USAGE ON TYPE acl.composite TO bob WITH GRANT OPTION;
CREATE TYPE acl.range AS RANGE (SUBTYPE = integer);
REVOKE ALL ON TYPE acl.range FROM PUBLIC;
CREATE DOMAIN acl.domain AS integer;
REVOKE ALL ON DOMAIN acl.domain FROM PUBLIC;
GRANT ALL ON DOMAIN acl.domain TO bob;
CREATE FOREIGN DATA WRAPPER "acl Wrapper";
GRANT USAGE ON FOREIGN DATA WRAPPER "acl Wrapper" TO bob WITH GRANT OPTION;
CREATE SERVER "acl Server" FOREIGN DATA WRAPPER "acl Wrapper";
GRANT USAGE ON FOREIGN SERVER "acl Server" TO bob, PUBLIC;
CREATE FOREIGN TABLE acl.foreign_table (a integer, b integer) SERVER "acl Server";
GRANT SELECT ON acl.foreign_table TO bob;
GRANT INSERT (b) ON acl.foreign_table TO carol;

-- Built in.
REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql TO bob;
REVOKE USAGE ON LANGUAGE sql FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_sleep(double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_sleep(double precision) TO "Odd Role";
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO bob;
REVOKE EXECUTE ON FUNCTION count("any") FROM PUBLIC;
GRANT SELECT ON pg_authid TO bob;
GRANT SELECT (subconninfo) ON pg_subscription TO bob;
REVOKE SELECT ON pg_stat_activity FROM PUBLIC;
REVOKE USAGE ON TYPE pg_catalog.point FROM PUBLIC;
GRANT CREATE ON SCHEMA pg_catalog TO bob;

-- Members of extensions: with privileges of their own from the extension's script, and with the usual ones.
CREATE EXTENSION pg_buffercache SCHEMA acl;
REVOKE SELECT ON acl.pg_buffercache FROM pg_monitor;
GRANT SELECT ON acl.pg_buffercache TO bob;
GRANT UPDATE (bufferid) ON acl.pg_buffercache TO bob;
GRANT EXECUTE ON FUNCTION acl.pg_buffercache_pages() TO PUBLIC;
CREATE EXTENSION postgres_fdw SCHEMA acl;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO alice;
REVOKE EXECUTE ON FUNCTION acl.postgres_fdw_handler() FROM PUBLIC;
CREATE EXTENSION seg SCHEMA acl;
REVOKE USAGE ON TYPE acl.seg FROM PUBLIC;
