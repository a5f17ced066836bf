CREATE SCHEMA "Odd Schema";
CREATE TABLE root (id integer NOT NULL, region text NOT NULL, v integer) PARTITION BY LIST (region);
CREATE TABLE "Odd Schema"."Middle ""%""" PARTITION OF root FOR VALUES IN ('m') PARTITION BY RANGE (id);
CREATE TABLE leaf_1 PARTITION OF "Odd Schema"."Middle ""%""" FOR VALUES FROM (0) TO (100);
CREATE TABLE leaf_2 (v integer, extra integer, region text NOT NULL, id integer NOT NULL);
ALTER TABLE leaf_2 DROP COLUMN extra;
-- Indexes with names and storage of their own, found when the table is attached.
CREATE INDEX "table" ON leaf_2 (v) WITH (fillfactor = 44);
CREATE UNIQUE INDEX leaf_2_unique ON leaf_2 (region, id);
CREATE TABLE other PARTITION OF root DEFAULT;
ALTER TABLE other OWNER TO bob;
CREATE INDEX root_v ON root (v);
CREATE INDEX root_lower ON root (lower(region), (v + 1)) WHERE v > 0;
CREATE UNIQUE INDEX root_unique ON root (region, id);
ALTER TABLE "Odd Schema"."Middle ""%""" ATTACH PARTITION leaf_2 FOR VALUES FROM (100) TO (200);
ALTER TABLE root ADD CONSTRAINT root_pk PRIMARY KEY (id, region);
ALTER TABLE root ADD UNIQUE (region, v, id) DEFERRABLE INITIALLY DEFERRED;
CREATE UNIQUE INDEX root_nulls ON root (id, region, v) NULLS NOT DISTINCT; --15+
-- Two indexes alike: each stays with its own parent.
CREATE INDEX root_v_again ON root (v);

-- By hand: children before the parent, the other way round, some not at all.
CREATE TABLE p (id integer NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (100) TO (200);
CREATE INDEX p_id ON ONLY p (id);
CREATE INDEX p_1_my_name ON p_1 (id);
CREATE INDEX p_2_my_name ON p_2 (id);
ALTER INDEX p_id ATTACH PARTITION p_1_my_name;
ALTER INDEX p_id ATTACH PARTITION p_2_my_name;
CREATE INDEX p_half ON ONLY p (id DESC);
CREATE INDEX p_1_half ON p_1 (id DESC);
ALTER INDEX p_half ATTACH PARTITION p_1_half;
-- A partition's constraint below its parent's plain index.
CREATE UNIQUE INDEX p_unique ON ONLY p (id);
ALTER TABLE p_1 ADD CONSTRAINT p_1_constraint UNIQUE (id);
ALTER TABLE p_2 ADD CONSTRAINT p_2_constraint PRIMARY KEY (id);
ALTER INDEX p_unique ATTACH PARTITION p_1_constraint;
ALTER INDEX p_unique ATTACH PARTITION p_2_constraint;
