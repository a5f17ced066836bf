CREATE SCHEMA "Odd ""schema""";
CREATE TABLE "Odd ""schema"""."Table" ("Column ""one""" integer PRIMARY KEY, "select" text, c integer);
CREATE TABLE t (id integer PRIMARY KEY, name text, "from" numeric, gone integer, state text);
ALTER TABLE t DROP COLUMN gone;
CREATE TABLE parent (id integer);
CREATE TABLE child (extra text) INHERITS (parent);
CREATE TABLE parted (k integer, v text) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE FUNCTION ok(integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';

CREATE PUBLICATION "Odd ""publication""" FOR TABLE "Odd ""schema"""."Table", t, parent, parted_1;
ALTER PUBLICATION "Odd ""publication""" OWNER TO bob;
CREATE PUBLICATION only_parent FOR TABLE ONLY parent;
ALTER PUBLICATION only_parent ADD TABLE parted; --13+
CREATE PUBLICATION rooted FOR TABLE parted WITH (publish_via_partition_root = true);                       --13+
CREATE PUBLICATION with_columns FOR TABLE "Odd ""schema"""."Table" ("select", "Column ""one""")                --15+
                                        , t (id, "from", state);                                           --15+
CREATE PUBLICATION filtered FOR TABLE t WHERE (id > 5 AND name <> 'it''s; 100%' OR state IS NULL);         --15+
CREATE PUBLICATION everything FOR TABLE t WHERE (true), ONLY parent WHERE (id = ANY ('{1,2}'));           --15+
CREATE PUBLICATION both_of_them FOR TABLE t (id, name) WHERE (id < 100), parted (k) WHERE (k = 1)          --15+
  WITH (publish = 'insert, update', publish_via_partition_root);                                           --15+
CREATE TABLE generated (id integer, twice integer GENERATED ALWAYS AS (id * 2) STORED);                    --18+
CREATE PUBLICATION generated FOR TABLE generated (twice, id);                                              --18+
