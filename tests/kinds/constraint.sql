-- requires: btree_gist
SET allow_in_place_tablespaces = on;
SELECT $$CREATE TABLESPACE "Fast ""disk""" LOCATION ''$$
 WHERE NOT EXISTS (SELECT FROM pg_tablespace WHERE spcname = 'Fast "disk"') \gexec
CREATE SCHEMA "Odd Schema";
CREATE SCHEMA extensions;
CREATE EXTENSION btree_gist SCHEMA extensions;

CREATE TABLE simple (id integer PRIMARY KEY, code text UNIQUE, pair_a integer, pair_b integer, UNIQUE (pair_b, pair_a));
CREATE TABLE "Odd Schema"."Odd ""Table""" (
    "select" integer, "Mixed Case" text, "a "" DEFERRABLE" integer, plain integer
);
ALTER TABLE "Odd Schema"."Odd ""Table""" ADD CONSTRAINT "table" PRIMARY KEY ("select", "Mixed Case");
ALTER TABLE "Odd Schema"."Odd ""Table""" ADD CONSTRAINT "It's ""odd""" UNIQUE ("a "" DEFERRABLE");
ALTER TABLE "Odd Schema"."Odd ""Table""" ADD CONSTRAINT same_name UNIQUE (plain);
CREATE TABLE same_name (plain integer CONSTRAINT same_name_u UNIQUE);

CREATE TABLE timing (
    a integer, b integer, c integer, d integer,
    CONSTRAINT timing_pk PRIMARY KEY (a) DEFERRABLE,
    CONSTRAINT timing_late UNIQUE (b) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT timing_immediate UNIQUE (c) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT timing_x EXCLUDE (d WITH =) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE storage (a integer, b integer, c integer, d integer, e integer);
ALTER TABLE storage ADD CONSTRAINT storage_pk PRIMARY KEY (a) INCLUDE (b, c) WITH (fillfactor = 70);
ALTER TABLE storage ADD CONSTRAINT storage_all UNIQUE (d) INCLUDE (a)
--<14       WITH (fillfactor = 55, vacuum_cleanup_index_scale_factor = 0.5)
      WITH (fillfactor = 55, deduplicate_items = off) --14+
      USING INDEX TABLESPACE "Fast ""disk""" DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE storage ADD CONSTRAINT storage_moved UNIQUE (e) USING INDEX TABLESPACE "Fast ""disk""";
ALTER TABLE storage ADD CONSTRAINT storage_x EXCLUDE USING gist (int4range(c, d) WITH &&) WITH (fillfactor = 60)
      USING INDEX TABLESPACE "Fast ""disk""" WHERE (c < d) DEFERRABLE;
CREATE TABLE nulls (a integer, b integer);
ALTER TABLE nulls ADD CONSTRAINT nulls_same --15+
      UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (b) WITH (fillfactor = 90) DEFERRABLE; --15+

CREATE TABLE room (
    id integer, during tsrange, name text COLLATE "C", place point, circle circle, cancelled boolean,
    EXCLUDE USING gist (id extensions.gist_int4_ops WITH =, during WITH &&) WHERE (NOT cancelled),
    CONSTRAINT room_circles EXCLUDE USING gist (circle WITH &&) INCLUDE (name),
    CONSTRAINT room_expression
      EXCLUDE USING btree ((lower(name)) COLLATE "POSIX" text_pattern_ops DESC NULLS LAST WITH =),
    CONSTRAINT "room %s spgist" EXCLUDE USING spgist (place WITH ~=),
    CONSTRAINT room_hash EXCLUDE USING hash (name WITH =) WHERE (id > 0 AND name <> ' DEFERRABLE')
);
CREATE TABLE temporal ( --18+
    id integer, during tsrange, n integer, --18+
    CONSTRAINT temporal_pk PRIMARY KEY (id, during WITHOUT OVERLAPS), --18+
    CONSTRAINT temporal_u UNIQUE (n, during WITHOUT OVERLAPS) DEFERRABLE --18+
); --18+

-- From an index made before, in another name's place; the index is the constraint's from then on.
CREATE TABLE by_index (a integer NOT NULL, b integer);
CREATE UNIQUE INDEX by_index_a ON by_index (a) INCLUDE (b) WITH (fillfactor = 33);
ALTER TABLE by_index ADD CONSTRAINT renamed PRIMARY KEY USING INDEX by_index_a DEFERRABLE;
CREATE UNIQUE INDEX by_index_b ON by_index (b) TABLESPACE "Fast ""disk""";
ALTER TABLE by_index ADD UNIQUE USING INDEX by_index_b;
ALTER INDEX by_index_b DEPENDS ON EXTENSION btree_gist;

CREATE UNLOGGED TABLE unlogged (id integer PRIMARY KEY);
CREATE TABLE of_bob (id integer PRIMARY KEY);
ALTER TABLE of_bob OWNER TO bob;

-- Inheritance: each table's own.
CREATE TABLE parent (id integer PRIMARY KEY, n integer UNIQUE);
CREATE TABLE child (PRIMARY KEY (id), UNIQUE (n)) INHERITS (parent);

-- Partitions.
CREATE TABLE root (id integer NOT NULL, region text NOT NULL, v integer) PARTITION BY LIST (region);
CREATE TABLE middle PARTITION OF root FOR VALUES IN ('m') PARTITION BY RANGE (id);
CREATE TABLE leaf_1 PARTITION OF middle FOR VALUES FROM (0) TO (100);
CREATE TABLE leaf_2 (v integer, region text NOT NULL, id integer NOT NULL);
ALTER TABLE leaf_2 ADD CONSTRAINT leaf_2_own_name PRIMARY KEY (region, id) INCLUDE (v) WITH (fillfactor = 44);
ALTER TABLE middle ATTACH PARTITION leaf_2 FOR VALUES FROM (100) TO (200);
CREATE TABLE "Leaf 3" PARTITION OF root DEFAULT;
ALTER TABLE root ADD CONSTRAINT root_pk PRIMARY KEY (region, id) INCLUDE (v);
ALTER TABLE root ADD UNIQUE (id, region) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE leaf_1 ADD CONSTRAINT leaf_1_alone UNIQUE (v);
ALTER TABLE middle ADD UNIQUE (id, region, v) WITH (fillfactor = 51) USING INDEX TABLESPACE "Fast ""disk""";
-- Before 17.11 and 18.5 no server can attach the index of an exclusion constraint: pg_dump's text fails there too.
SELECT :SERVER_VERSION_NUM BETWEEN 170011 AND 179999 OR :SERVER_VERSION_NUM >= 180005 AS attachable \gset
\if :attachable
ALTER TABLE root ADD EXCLUDE USING gist (region WITH =, id WITH =, int4range(v, v, '[]') WITH &&);
CREATE TABLE bookings (id integer NOT NULL, during tsrange NOT NULL) PARTITION BY RANGE (id); --18+
CREATE TABLE bookings_1 PARTITION OF bookings FOR VALUES FROM (0) TO (100); --18+
ALTER TABLE bookings ADD CONSTRAINT bookings_pk PRIMARY KEY (id, during WITHOUT OVERLAPS); --18+
\endif

-- A parent's constraint that the partitions lack: its index is invalid and stays so.
CREATE TABLE unfinished (id integer NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE unfinished_1 PARTITION OF unfinished FOR VALUES FROM (0) TO (100);
CREATE TABLE unfinished_2 PARTITION OF unfinished FOR VALUES FROM (100) TO (200);
ALTER TABLE ONLY unfinished ADD CONSTRAINT unfinished_pk PRIMARY KEY (id);
ALTER TABLE unfinished_1 ADD CONSTRAINT unfinished_1_pk PRIMARY KEY (id);
ALTER INDEX unfinished_pk ATTACH PARTITION unfinished_1_pk;

-- Views that need a primary key.
CREATE VIEW grouped AS SELECT s.*, count(*) FROM simple s GROUP BY s.id;
CREATE TABLE addresses (a inet, b cidr, c int4range);
ALTER TABLE addresses ADD EXCLUDE USING gist (a inet_ops WITH &&, c WITH -|-, network(b) inet_ops WITH =)
    WHERE (a IS NOT NULL) DEFERRABLE;
