CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."T ""1""" (a integer, b text, "Mixed %s" integer, "select" date);
CREATE STATISTICS all_kinds ON a, b FROM "Odd Schema"."T ""1""";
CREATE STATISTICS "Odd Schema"."It's ""odd""" (ndistinct) ON a, "Mixed %s", "select" FROM "Odd Schema"."T ""1""";
CREATE STATISTICS "some" (dependencies, mcv) ON b, a FROM "Odd Schema"."T ""1""";
CREATE STATISTICS of_bob (mcv) ON a, "select" FROM "Odd Schema"."T ""1""";
ALTER STATISTICS of_bob OWNER TO bob;
ALTER STATISTICS all_kinds SET STATISTICS 1000; --13+
ALTER STATISTICS "Odd Schema"."It's ""odd""" SET STATISTICS 0; --13+
ALTER STATISTICS "some" SET STATISTICS 77; --13+
ALTER STATISTICS "some" SET STATISTICS -1; --13+
CREATE FUNCTION f (integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE STATISTICS expression ON (lower(b)) FROM "Odd Schema"."T ""1"""; --14+
CREATE STATISTICS expressions (ndistinct, mcv) --14+
    ON (public.f(a)), b, (a % 10), ("select" + 1) FROM "Odd Schema"."T ""1"""; --14+
CREATE MATERIALIZED VIEW m AS SELECT a, b FROM "Odd Schema"."T ""1""";
CREATE STATISTICS m_s ON b, a FROM m;
CREATE TABLE p (id integer, v integer) PARTITION BY RANGE (id);
CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE STATISTICS p_s ON id, v FROM p;
CREATE STATISTICS p_1_s ON id, v FROM p_1;
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w;
CREATE FOREIGN TABLE remote (a integer, b integer) SERVER s;
CREATE STATISTICS remote_s ON a, b FROM remote;
