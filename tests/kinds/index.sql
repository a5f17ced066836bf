-- requires: btree_gin, pg_trgm, intarray, bloom
SET allow_in_place_tablespaces = on;
SELECT $$CREATE TABLESPACE "Fast ""disk""" LOCATION ''$$
 WHERE NOT EXISTS (SELECT FROM pg_tablespace WHERE spcname = 'Fast "disk"') \gexec
CREATE SCHEMA "Odd Schema";
CREATE SCHEMA extensions;
CREATE EXTENSION btree_gin SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA extensions;
CREATE EXTENSION intarray SCHEMA extensions;
CREATE EXTENSION bloom SCHEMA extensions;

CREATE TABLE t (
    id integer, name text, note text COLLATE "POSIX", doc jsonb, tags text[], numbers integer[], place point, area box,
    span int4range, ip inet, words tsvector, "Mixed ""Case""" integer, "select" integer
);
CREATE INDEX t_plain ON t (id);
CREATE INDEX t_order ON t (id DESC, name ASC NULLS FIRST, "select" DESC NULLS LAST);
CREATE UNIQUE INDEX "It's ""unique""" ON t ("Mixed ""Case""", "select") INCLUDE (id, name);
CREATE UNIQUE INDEX t_nulls ON t (id, name) INCLUDE (note) NULLS NOT DISTINCT --15+
       WITH (fillfactor = 60) WHERE id <> 3; --15+
CREATE INDEX t_collation ON t (name COLLATE "C", note, lower(note) COLLATE "C" DESC);
CREATE INDEX t_class ON t (name text_pattern_ops, note COLLATE "C" varchar_pattern_ops);
CREATE INDEX t_expression
    ON t (lower(name), (id + "select"), (doc ->> 'it''s %s'), (name IS NULL), coalesce(note, ' WHERE '));
CREATE INDEX t_partial ON t (name) WHERE id > 5 AND (note <> ' WITH (x)' OR "Mixed ""Case""" IS NULL);
CREATE INDEX t_storage ON t (id) WITH (fillfactor = 50);
CREATE INDEX t_no_deduplication ON t (name) WITH (deduplicate_items = off); --13+
CREATE INDEX t_fast ON t (id) INCLUDE (name) WITH (fillfactor = 42) TABLESPACE "Fast ""disk""" WHERE id > 0;
CREATE INDEX t_hash ON t USING hash (name) WITH (fillfactor = 40);
CREATE INDEX t_gist ON t USING gist (place, area) WITH (buffering = on, fillfactor = 40);
CREATE INDEX t_gist_covering ON t USING gist (span) INCLUDE (id);
CREATE INDEX t_gist_inet ON t USING gist (ip inet_ops);
CREATE INDEX t_spgist ON t USING spgist (place kd_point_ops) WITH (fillfactor = 80);
CREATE INDEX t_spgist_covering ON t USING spgist (place) INCLUDE (id); --14+
CREATE INDEX t_gin ON t USING gin (doc jsonb_path_ops, tags) WITH (fastupdate = off, gin_pending_list_limit = 512);
CREATE INDEX t_gin_scalar ON t USING gin (id extensions.int4_ops, words);
CREATE INDEX t_brin ON t USING brin (id, ip) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX t_brin_bloom --14+
    ON t USING brin (name text_bloom_ops (n_distinct_per_range = 500, false_positive_rate = 0.02)) --14+
  WITH (pages_per_range = 8); --14+
CREATE INDEX t_class_options ON t USING gist (name extensions.gist_trgm_ops (siglen = 32)) INCLUDE (id); --13+
CREATE INDEX t_class_options_2 --13+
    ON t USING gist (numbers extensions.gist__intbig_ops (siglen = 252), words tsvector_ops (siglen = 100)); --13+
CREATE INDEX t_class_extension ON t USING gin (name extensions.gin_trgm_ops, numbers extensions.gin__int_ops);
CREATE INDEX t_bloom ON t USING bloom (id, name) WITH (length = 96, col1 = 3);
CREATE INDEX t_needs_extension ON t (id, name);
ALTER INDEX t_needs_extension DEPENDS ON EXTENSION pg_trgm;
CREATE INDEX t_whole_row ON t ((t IS NOT NULL));

-- A function, an operator class and a row type of one's own; a table in another schema, of another owner.
CREATE FUNCTION "Odd Schema"."F %" (text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.upper($1)';
CREATE TABLE "Odd Schema"."T ""2""" (id integer, name text);
ALTER TABLE "Odd Schema"."T ""2""" OWNER TO "Odd Role";
CREATE INDEX "index" ON "Odd Schema"."T ""2""" ("Odd Schema"."F %" (name)) WHERE "Odd Schema"."F %" (name) <> '';
CREATE UNLOGGED TABLE unlogged (id integer);
CREATE INDEX ON unlogged (id);
CREATE MATERIALIZED VIEW m AS SELECT id, name FROM t;
CREATE UNIQUE INDEX ON m (id);
CREATE INDEX m_lower ON m (lower(name)) TABLESPACE "Fast ""disk""";

-- Partitions.
CREATE TABLE root (id integer, region text, v integer) PARTITION BY LIST (region);
CREATE TABLE middle PARTITION OF root FOR VALUES IN ('m') PARTITION BY RANGE (id);
CREATE TABLE leaf_1 PARTITION OF middle FOR VALUES FROM (0) TO (100);
CREATE TABLE leaf_2 PARTITION OF middle FOR VALUES FROM (100) TO (200);
CREATE INDEX root_v ON root (v DESC) INCLUDE (region) WITH (fillfactor = 61) WHERE v > 0;
CREATE UNIQUE INDEX root_unique ON root (region, id) TABLESPACE "Fast ""disk""";
CREATE INDEX ON root USING hash (id);
CREATE INDEX root_lower ON root (lower(region));
CREATE INDEX root_brin ON root USING brin (v) WITH (pages_per_range = 4);
CREATE INDEX only_middle ON middle (v, id);
CREATE INDEX only_leaf ON leaf_1 (v, id DESC);
-- Without its partitions', a partitioned index is invalid and stays so.
CREATE INDEX root_only ON ONLY root (v, region);
CREATE TABLE empty_root (id integer) PARTITION BY HASH (id);
CREATE UNIQUE INDEX ON empty_root (id);
CREATE INDEX ON ONLY empty_root (id DESC);

-- The twin that a failed REINDEX CONCURRENTLY leaves behind is not copied, nor what is about it.
CREATE FUNCTION fragile(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE TABLE reindexed (id integer);
INSERT INTO reindexed VALUES (0);
CREATE INDEX reindexed_fragile ON reindexed (fragile(id));
CREATE INDEX no_twin_ccnew ON reindexed (id);
ALTER INDEX reindexed_fragile ALTER COLUMN 1 SET STATISTICS 10;
CREATE OR REPLACE FUNCTION fragile(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1 / $1';
\set ON_ERROR_STOP off
\o /dev/null
SET client_min_messages = panic;
REINDEX INDEX CONCURRENTLY reindexed_fragile;
RESET client_min_messages;
\set ON_ERROR_STOP on
DELETE FROM reindexed;
COMMENT ON INDEX reindexed_fragile_ccnew IS 'a twin';
-- What GiST takes for addresses by itself from 19 on.
CREATE TABLE addresses (a inet, "b ""c" cidr, c int4range, "inet_ops" inet);
CREATE INDEX ON addresses USING gist (a inet_ops);
CREATE INDEX ON addresses USING gist (a inet_ops, c, "b ""c" inet_ops) INCLUDE (a, c) WITH (fillfactor = 70)
    WHERE a IS NOT NULL;
CREATE INDEX ON addresses USING gist ((a | '::1') inet_ops, c range_ops, network(a) inet_ops, inet_ops inet_ops);
