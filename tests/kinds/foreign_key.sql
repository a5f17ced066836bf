CREATE SCHEMA "Odd Schema";
CREATE TABLE target (id integer PRIMARY KEY, a integer, b text, "select" integer UNIQUE, UNIQUE (a, b));
CREATE UNIQUE INDEX target_index ON target (b, id);
CREATE TABLE "Odd Schema"."T ""1""" (id integer, a integer, b text, "Mixed %s" integer, "table" integer);
ALTER TABLE "Odd Schema"."T ""1""" OWNER TO alice;
ALTER TABLE "Odd Schema"."T ""1"""
    ADD FOREIGN KEY (id) REFERENCES target
  , ADD CONSTRAINT "It's ""odd""" FOREIGN KEY ("Mixed %s") REFERENCES target ("select")
  , ADD CONSTRAINT many FOREIGN KEY (b, a) REFERENCES target (b, a) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL
  , ADD CONSTRAINT plain_index FOREIGN KEY (b, "table") REFERENCES target (b, id)
      ON UPDATE SET DEFAULT ON DELETE RESTRICT
  , ADD CONSTRAINT late FOREIGN KEY (id) REFERENCES target DEFERRABLE INITIALLY DEFERRED
  , ADD CONSTRAINT later FOREIGN KEY (id) REFERENCES target ON DELETE CASCADE ON UPDATE RESTRICT DEFERRABLE
  , ADD CONSTRAINT not_valid FOREIGN KEY (id) REFERENCES target NOT VALID
  , ADD CONSTRAINT late_not_valid FOREIGN KEY (id) REFERENCES target
      ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED NOT VALID;
ALTER TABLE "Odd Schema"."T ""1""" --15+
  ADD CONSTRAINT some_null FOREIGN KEY (a, b) REFERENCES target (a, b) ON DELETE SET NULL (b); --15+
ALTER TABLE "Odd Schema"."T ""1""" --15+
  ADD CONSTRAINT some_default FOREIGN KEY (a, b) REFERENCES target (a, b) ON DELETE SET DEFAULT (b, a); --15+
ALTER TABLE "Odd Schema"."T ""1""" --18+
  ADD CONSTRAINT not_enforced FOREIGN KEY (id) REFERENCES target ON DELETE CASCADE NOT ENFORCED; --18+

-- Of itself, and of one another.
CREATE TABLE tree (id integer PRIMARY KEY, parent integer REFERENCES tree ON DELETE CASCADE);
CREATE TABLE hen (id integer PRIMARY KEY, egg integer);
CREATE TABLE egg (id integer PRIMARY KEY, hen integer NOT NULL REFERENCES hen);
ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE;

-- Inheritance: for the table itself only.
CREATE TABLE parent (id integer REFERENCES target);
CREATE TABLE child () INHERITS (parent);

-- From partitions, to partitions, through several levels, of itself.
CREATE TABLE root (id integer NOT NULL, region text NOT NULL, up integer, PRIMARY KEY (region, id))
  PARTITION BY LIST (region);
CREATE TABLE middle PARTITION OF root FOR VALUES IN ('m') PARTITION BY RANGE (id);
CREATE TABLE leaf_1 PARTITION OF middle FOR VALUES FROM (0) TO (100);
CREATE TABLE leaf_2 (up integer, region text NOT NULL, id integer NOT NULL);
ALTER TABLE leaf_2 ADD CONSTRAINT own_name PRIMARY KEY (region, id);
ALTER TABLE leaf_2 ADD CONSTRAINT leaf_2_to_target FOREIGN KEY (up) REFERENCES target;
ALTER TABLE middle ATTACH PARTITION leaf_2 FOR VALUES FROM (100) TO (200);
CREATE TABLE rest PARTITION OF root DEFAULT;
ALTER TABLE root ADD CONSTRAINT root_to_target FOREIGN KEY (up) REFERENCES target ON DELETE SET NULL;
ALTER TABLE root ADD CONSTRAINT root_to_root
      FOREIGN KEY (region, up) REFERENCES root (region, id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE middle ADD CONSTRAINT middle_alone FOREIGN KEY (up) REFERENCES target (id) MATCH FULL;
ALTER TABLE rest ADD CONSTRAINT rest_alone FOREIGN KEY (up) REFERENCES hen ON DELETE CASCADE;
CREATE TABLE "A before root" (id integer, region text, FOREIGN KEY (region, id) REFERENCES root ON UPDATE CASCADE);
CREATE TABLE to_leaf (id integer, region text, CONSTRAINT to_leaf_2 FOREIGN KEY (region, id) REFERENCES leaf_2);
CREATE TABLE to_middle (id integer, region text, FOREIGN KEY (region, id) REFERENCES middle) PARTITION BY HASH (id);
CREATE TABLE to_middle_1 PARTITION OF to_middle FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE UNIQUE INDEX root_index ON root (region, id, up);
CREATE TABLE to_index (id integer, region text, up integer,
    FOREIGN KEY (region, id, up) REFERENCES root (region, id, up));
ALTER TABLE root ADD CONSTRAINT root_not_valid FOREIGN KEY (up) REFERENCES egg NOT VALID; --18+
ALTER TABLE root ADD CONSTRAINT root_not_enforced FOREIGN KEY (id) REFERENCES egg NOT ENFORCED; --18+
-- Detached, it keeps its own.
CREATE TABLE leaf_3 PARTITION OF middle FOR VALUES FROM (200) TO (300);
ALTER TABLE middle DETACH PARTITION leaf_3;

-- A partition's own keys: one has the name of its parent's, one says the same once more.
CREATE TABLE twice (id integer PRIMARY KEY, up integer, CONSTRAINT up FOREIGN KEY (up) REFERENCES twice) PARTITION BY RANGE (id);
CREATE TABLE twice_1 PARTITION OF twice FOR VALUES FROM (0) TO (10);
ALTER TABLE twice_1 RENAME CONSTRAINT up TO twice_1_up_fkey;
ALTER TABLE twice_1 ADD CONSTRAINT up FOREIGN KEY (up) REFERENCES target ON DELETE CASCADE;
ALTER TABLE twice_1 ADD CONSTRAINT "A once more" FOREIGN KEY (up) REFERENCES twice;

-- WITHOUT OVERLAPS and PERIOD; ranges alone need no extension.
CREATE TABLE keyed_stay (id int4range, during tsrange, PRIMARY KEY (id, during WITHOUT OVERLAPS)); --18+
CREATE TABLE part_of_keyed (id int4range, during tsrange, FOREIGN KEY (id, PERIOD during) REFERENCES keyed_stay); --18+
